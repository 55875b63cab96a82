import asyncio
import csv
import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest

from playback_core import (
    CapturedArg,
    InMemoryTapeCassette,
    InputInterceptionDataHandler,
    InputInterceptionKeyCreationError,
    Playback,
    Recording,
    RecordingKeyError,
    SettingsError,
    TapeRecorder,
)

Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]


class World:
    """Counts what ran for real and gives a new number each time."""

    def __init__(self) -> None:
        self.calls = 0

    def ask(self, *args: Any, **kwargs: Any) -> int:
        self.calls += 1
        return self.calls


@pytest.fixture
def world() -> World:
    return World()


def results(playback: Playback) -> Any:
    return playback.playback_outputs[-1].value["args"][0]


class TestRepetition:
    def test_the_same_call_replays_what_it_gave_each_time(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        read = recorder.intercept_input("read")(world.ask)

        @recorder.operation()
        def execute() -> list[int]:
            return [read("a"), read("a"), read("a")]

        assert execute() == [1, 2, 3]
        playback = replay(execute)

        assert results(playback) == [1, 2, 3]
        assert world.calls == 3
        assert playback.moved == playback.repeated == playback.never_consumed == []

    def test_interleaved_calls_keep_their_own_order(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        read = recorder.intercept_input("read")(world.ask)
        fetch = recorder.intercept_input("fetch")(world.ask)
        is_new_code = False

        @recorder.operation()
        def execute() -> dict[str, list[int]]:
            steps = [(read, "a"), (read, "b"), (fetch, "a"), (read, "a"), (fetch, "a")]
            got: dict[str, list[int]] = {}
            # The new code asks for other things first; each keeps its own order.
            for ask, what in sorted(steps, key=lambda step: step[1]) if is_new_code else steps:
                got.setdefault(f"{ask is read} {what}", []).append(ask(what))
            return got

        recorded = execute()
        is_new_code = True
        playback = replay(execute)

        assert results(playback) == recorded
        assert world.calls == 5

    def test_one_asked_for_more_often_is_answered_again_where_all_answers_were_the_same(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        times = 2

        @recorder.intercept_input("read")
        def read() -> str:
            return "same"

        @recorder.operation()
        def execute() -> list[str]:
            return [read() for _ in range(times)]

        execute()
        times = 4
        playback = replay(execute)

        assert results(playback) == ["same"] * 4
        assert [each.how for each in playback.repeated] == ["repeated"] * 2
        assert playback.missed == []

    def test_one_asked_for_more_often_is_a_miss_where_the_answers_differed(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        times = 2
        read = recorder.intercept_input("read")(world.ask)

        @recorder.operation()
        def execute() -> list[int]:
            return [read() for _ in range(times)]

        execute()
        times = 3
        with pytest.raises(RecordingKeyError, match=r"recorded 2 time\(s\) with other outcomes"):
            replay(execute)
        assert world.calls == 2

    def test_what_is_not_asked_for_any_more_is_listed(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        names = ["a", "b"]
        read = recorder.intercept_input("read")(world.ask)

        @recorder.operation()
        def execute() -> list[int]:
            return [read(name) for name in names]

        execute()
        names.remove("a")
        playback = replay(execute)

        assert [e.decoded_arguments() for e in playback.never_consumed] == [[["a"], {}]]
        assert [e.decoded_arguments() for e in playback.consumed if e.alias == "read"] == [
            [["b"], {}]
        ]


class TestKinds:
    def test_methods_properties_class_and_static_methods(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        class Shop:
            @recorder.intercept_input("method")
            def method(self, key: str) -> int:
                return world.ask()

            @property
            @recorder.intercept_input("inner property")
            def inner(self) -> int:
                return world.ask()

            @recorder.intercept_input("outer property")
            @property
            def outer(self) -> int:
                """What it says."""
                return world.ask()

            @recorder.intercept_input("cached property")
            @functools.cached_property
            def cached(self) -> int:
                return world.ask()

            @classmethod
            @recorder.intercept_input("inner class method")
            def inner_class(cls) -> int:
                return world.ask()

            @recorder.intercept_input("outer class method")
            @classmethod
            def outer_class(cls) -> int:
                return world.ask()

            @staticmethod
            @recorder.static_intercept_input("inner static method")
            def inner_static(key: str) -> int:
                return world.ask()

            @recorder.static_intercept_input("outer static method")
            @staticmethod
            def outer_static(key: str) -> int:
                return world.ask()

            @recorder.operation()
            def execute(self) -> list[int]:
                return [
                    self.method("k"),
                    self.inner,
                    self.outer,
                    self.cached,
                    self.cached,
                    self.inner_class(),
                    self.outer_class(),
                    self.inner_static("k"),
                    Shop.outer_static("k"),
                ]

        recorded = Shop().execute()
        assert recorded == [1, 2, 3, 4, 4, 5, 6, 7, 8]
        playback = replay(Shop().execute)

        assert results(playback) == recorded
        assert world.calls == 8
        keys = playback.original_recording.get_all_keys()
        assert 'input: method args=["k"], kwargs={}' in keys
        assert "input: outer class method args=[], kwargs={}" in keys
        assert 'input: outer static method args=["k"], kwargs={}' in keys
        assert Shop.__dict__["outer"].__doc__ == "What it says."

    def test_a_property_keeps_its_setter_and_deleter(self, recorder: TapeRecorder) -> None:
        class Shop:
            stored: Any = None

            def _get(self) -> Any:
                return self.stored

            def _set(self, value: Any) -> None:
                self.stored = value

            def _delete(self) -> None:
                self.stored = "deleted"

            name = recorder.intercept_input("name")(property(_get, _set, _delete))

        shop = Shop()
        shop.name = "north"
        assert shop.name == "north"
        del shop.name
        assert shop.name == "deleted"

    def test_a_coroutine_function(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        @recorder.intercept_input("read")
        async def read(key: str) -> int:
            await asyncio.sleep(0)
            return world.ask()

        @recorder.operation()
        async def execute() -> list[int]:
            return [await read("a"), await read("b")]

        assert asyncio.run(execute()) == [1, 2]
        playback = replay(execute)

        assert results(playback) == [1, 2]
        assert world.calls == 2

    def test_within_an_interception_nothing_is_intercepted(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        @recorder.intercept_input("low")
        def low() -> int:
            return 1

        @recorder.intercept_output("log")
        def log(message: str) -> None: ...

        @recorder.intercept_input("high")
        def high() -> int:
            log("asked")
            return low() + 1

        @recorder.operation()
        def execute() -> int:
            return high() + low()

        assert execute() == 3
        playback = replay(execute)

        assert results(playback) == 3
        assert [entry.alias for entry in last_recording().entries] == [
            TapeRecorder.OPERATION_REQUEST,
            "high",
            "low",
            TapeRecorder.OPERATION_OUTPUT_ALIAS,
        ]

    @pytest.mark.parametrize("value", [StringIO("a line"), csv.reader(["a,b"])])
    def test_an_iterator_that_nothing_can_stand_for_is_never_stored_and_never_used_up(
        self,
        recorder: TapeRecorder,
        cassette: InMemoryTapeCassette,
        caplog: pytest.LogCaptureFixture,
        value: Any,
    ) -> None:
        read = recorder.intercept_input("rows")(lambda: value)

        @recorder.operation()
        def execute() -> int:
            return len(list(read()))

        assert execute() == 1
        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"failed": 1}
        assert "'rows'" in caplog.text

    def test_a_value_that_can_only_be_stored_as_a_stand_in_is_warned_about_once(
        self, recorder: TapeRecorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        lock = recorder.intercept_input("lock")(threading.Lock)

        @recorder.operation()
        def execute() -> None:
            lock().acquire()

        execute()
        execute()

        assert [record.args[1] for record in caplog.records if record.args] == ["lock"]
        assert recorder.counters == {"recorded": 2}


class TestCapturedArguments:
    @pytest.fixture
    def key_of(self, recorder: TapeRecorder, last_recording: Load) -> Callable[..., str]:
        def key_of(captured: list[CapturedArg] | None, *args: Any, **kwargs: Any) -> str:
            class Shop:
                @recorder.intercept_input("read", capture_args=captured)
                def read(self, name: Any = None, size: Any = None, *, flag: Any = None) -> int:
                    return 1

                @recorder.operation()
                def execute(self) -> int:
                    return self.read(*args, **kwargs)

            Shop().execute()
            return last_recording().get_all_keys()[1]

        return key_of

    def test_all_arguments_are_captured_unless_told(self, key_of: Callable[..., str]) -> None:
        assert key_of(None, "a", size=2) == 'input: read args=["a"], kwargs={"size": 2}'

    def test_those_named_are_captured_by_position_or_by_name(
        self, key_of: Callable[..., str]
    ) -> None:
        size = [CapturedArg(2, "size")]

        assert key_of(size, "a", 2) == "input: read args=[2], kwargs={}"
        assert key_of(size, "a", size=2) == 'input: read args=[], kwargs={"size": 2}'

    def test_a_keyword_only_argument_has_no_position(self, key_of: Callable[..., str]) -> None:
        flag = [CapturedArg(None, "flag")]

        assert key_of(flag, "a", flag=1) == 'input: read args=[], kwargs={"flag": 1}'

    def test_an_empty_list_captures_none(self, key_of: Callable[..., str]) -> None:
        assert key_of([], "a", size=2) == "input: read args=[], kwargs={}"

    def test_a_default_that_was_not_passed_is_no_argument(self, key_of: Callable[..., str]) -> None:
        assert key_of([CapturedArg(2, "size")], "a") == "input: read args=[], kwargs={}"

    def test_what_is_not_captured_may_change(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        trace = "first"

        @recorder.intercept_input("read", capture_args=[CapturedArg(0, "name")])
        def read(name: str, trace: str) -> int:
            return world.ask()

        @recorder.operation()
        def execute() -> int:
            return read("a", trace)

        execute()
        trace = "second"

        assert results(replay(execute)) == 1

    def test_anything_but_captured_args_is_refused(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match="CapturedArg"):
            recorder.intercept_input("read", capture_args=["name"])  # type: ignore[list-item]


class TestAliases:
    def test_an_alias_is_formatted_with_what_the_resolver_makes_of_the_arguments(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load, world: World
    ) -> None:
        class Shop:
            region = "eu"

            @recorder.intercept_input(
                "read {region} {name}",
                alias_params_resolver=lambda shop, name: {"region": shop.region, "name": name},
                capture_args=[],
            )
            def read(self, name: str) -> int:
                return world.ask()

            @recorder.operation()
            def execute(self) -> int:
                return self.read("a")

        Shop().execute()
        playback = replay(Shop().execute)

        assert "input: read eu a args=[], kwargs={}" in last_recording().get_all_keys()
        assert results(playback) == 1

    def test_an_alias_without_a_resolver_may_hold_braces(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("GET /orders/{id}")(lambda: 1)

        @recorder.operation()
        def execute() -> int:
            return read()

        execute()

        assert "input: GET /orders/{id} args=[], kwargs={}" in last_recording().get_all_keys()

    @pytest.mark.parametrize("as_function", [False, True])
    def test_a_renamed_input_is_found_by_a_fallback_alias(
        self, recorder: TapeRecorder, replay: Replay, world: World, as_function: bool
    ) -> None:
        old = recorder.intercept_input("old")(world.ask)
        aliases = ["older", "old"]
        new = recorder.intercept_input(
            "new", fallback_aliases=(lambda *args: aliases) if as_function else aliases
        )(world.ask)
        read = old

        @recorder.operation()
        def execute() -> list[int]:
            return [read("a"), read("a")]

        execute()
        read = new
        playback = replay(execute)

        assert results(playback) == [1, 2]
        assert [(each.alias, each.how) for each in playback.moved] == [
            ("new", "fallback alias"),
            ("new", "fallback alias"),
        ]
        assert world.calls == 2

    def test_its_own_alias_goes_before_the_fallbacks(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        old = recorder.intercept_input("old")(world.ask)
        new = recorder.intercept_input("new", fallback_aliases=["old"])(world.ask)

        @recorder.operation()
        def execute() -> list[int]:
            return [old(), new()]

        execute()
        playback = replay(execute)

        assert results(playback) == [1, 2]
        assert playback.moved == []

    @pytest.mark.parametrize("alias", ["", None, 3])
    def test_an_alias_that_is_no_name_is_refused(self, recorder: TapeRecorder, alias: Any) -> None:
        with pytest.raises(SettingsError, match="alias"):
            recorder.intercept_input(alias)

    def test_a_string_in_the_place_of_fallback_aliases_is_refused(
        self, recorder: TapeRecorder
    ) -> None:
        with pytest.raises(SettingsError, match="list of aliases"):
            recorder.intercept_input("new", fallback_aliases="old")


class TestMissing:
    """`asked` runs an operation that, replayed, asks for what was not recorded."""

    @pytest.fixture
    def asked(self, recorder: TapeRecorder, replay: Replay, world: World) -> Callable[..., Any]:
        def asked(**options: Any) -> Playback:
            wanted = "a"
            read = recorder.intercept_input("read", **options)(world.ask)

            @recorder.operation()
            def execute() -> Any:
                return read(wanted)

            execute()
            wanted = "b"
            return replay(execute)

        return asked

    def test_by_default_it_is_an_error_and_nothing_runs_for_real(
        self, asked: Callable[..., Playback], world: World
    ) -> None:
        with pytest.raises(RecordingKeyError):
            asked()
        assert world.calls == 1

    def test_it_runs_for_real_where_the_declaration_says_so(
        self, asked: Callable[..., Playback], world: World
    ) -> None:
        playback = asked(run_intercepted_when_missing=True)

        assert results(playback) == 2
        assert world.calls == 2
        (substitution,) = playback.substituted
        assert substitution.policy == "run_intercepted_when_missing"
        assert substitution.key == 'input: read args=["b"], kwargs={}'
        assert "run_intercepted_when_missing" in substitution.message
        assert playback.missed == []

    @pytest.mark.parametrize("value", [None, 0, "", [], "other"])
    def test_any_value_may_stand_for_a_missing_one(
        self, asked: Callable[..., Playback], world: World, value: Any
    ) -> None:
        playback = asked(value_when_missing=value)

        assert results(playback) == value
        assert world.calls == 1
        assert [each.policy for each in playback.substituted] == ["value_when_missing"]

    def test_a_function_makes_the_value_of_the_arguments(
        self, asked: Callable[..., Playback]
    ) -> None:
        assert results(asked(value_when_missing=lambda key: key * 3)) == "bbb"

    def test_running_for_real_goes_before_a_value(self, asked: Callable[..., Playback]) -> None:
        playback = asked(run_intercepted_when_missing=True, value_when_missing=0)

        assert results(playback) == 2

    def test_what_runs_for_real_may_use_recorded_inputs(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        wanted = "a"
        low = recorder.intercept_input("low")(world.ask)

        @recorder.intercept_input("high", run_intercepted_when_missing=True)
        def high(key: str) -> int:
            return low() * 100

        @recorder.operation()
        def execute() -> list[int]:
            return [low(), high(wanted)]

        execute()
        wanted = "b"
        playback = replay(execute)

        assert results(playback) == [1, 100]
        assert world.calls == 2

    def test_async_ones_too(self, recorder: TapeRecorder, replay: Replay, world: World) -> None:
        wanted = "a"

        @recorder.intercept_input("read", run_intercepted_when_missing=True)
        async def read(key: str) -> int:
            return world.ask()

        @recorder.intercept_input("fetch", value_when_missing=None)
        async def fetch(key: str) -> int | None:
            return world.ask()

        @recorder.operation()
        async def execute() -> list[Any]:
            return [await read(wanted), await fetch(wanted)]

        asyncio.run(execute())
        wanted = "b"

        assert results(replay(execute)) == [3, None]


class Tagging(InputInterceptionDataHandler):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def prepare_input_for_recording(
        self, interception_key: str, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        self.seen.append(("prepare", interception_key, args, kwargs))
        return {"tagged": list(result)}

    def restore_input_from_recording(
        self, recorded_data: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        self.seen.append(("restore", args, kwargs))
        return iter(recorded_data["tagged"])


class TestDataHandlers:
    def test_one_stores_what_could_not_be_stored_and_restores_it(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        handler = Tagging()

        @recorder.intercept_input("rows", data_handler=handler)
        def rows(table: str, *, limit: int) -> Any:
            return range(limit)

        @recorder.operation()
        def execute() -> list[int]:
            return list(rows("orders", limit=3))

        execute()
        playback = replay(execute)

        key = 'input: rows args=["orders"], kwargs={"limit": 3}'
        assert results(playback) == [0, 1, 2]
        assert last_recording()[key] == {"value": {"tagged": [0, 1, 2]}}
        assert handler.seen == [
            ("prepare", key, ("orders",), {"limit": 3}),
            ("restore", ("orders",), {"limit": 3}),
        ]

    def test_one_is_not_asked_about_exceptions(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        handler = Tagging()

        @recorder.intercept_input("rows", data_handler=handler)
        def rows() -> Any:
            raise LookupError("no table")

        @recorder.operation()
        def execute() -> str:
            try:
                rows()
            except LookupError as error:
                return str(error)
            return ""

        execute()

        assert "no table" in results(replay(execute))
        assert handler.seen == []

    def test_one_that_fails_at_replay_is_a_miss_even_when_swallowed(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        class Broken(Tagging):
            def restore_input_from_recording(self, *args: Any) -> Any:
                raise ZeroDivisionError("no way back")

        @recorder.intercept_input("rows", data_handler=Broken())
        def rows() -> Any:
            return [1]

        @recorder.operation()
        def execute() -> str:
            try:
                rows()
            except Exception as error:  # noqa: BLE001 - what applications do
                return type(error).__name__
            return "read"

        execute()
        playback = replay(execute)

        assert results(playback) == "RecordingKeyError"
        assert "no way back" in playback.missed[0].message


class TestSnapshots:
    def test_a_value_changed_after_the_call_is_replayed_as_it_was(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.intercept_input("read")
        def read() -> dict[str, list[int]]:
            return {"items": [1]}

        @recorder.operation()
        def execute() -> list[int]:
            value = read()
            seen = list(value["items"])
            value["items"].append(2)
            return seen

        execute()

        assert results(replay(execute)) == [1]

    def test_an_argument_changed_by_the_call_is_keyed_as_it_was_passed(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.intercept_input("pop")
        def pop(items: list[int]) -> int:
            return items.pop()

        @recorder.operation()
        def execute() -> int:
            return pop([1, 2])

        execute()

        assert results(replay(execute)) == 2

    def test_a_value_changed_at_replay_is_fresh_for_the_next_call(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.intercept_input("read")
        def read() -> list[int]:
            return [1]

        @recorder.operation()
        def execute() -> list[int]:
            got = []
            for _ in range(3):
                value = read()
                got.append(len(value))
                value.append(0)
            return got

        execute()
        assert results(replay(execute)) == [1, 1, 1]
        assert results(replay(execute)) == [1, 1, 1]

    def test_a_large_text_and_a_large_blob_are_replayed_as_they_are(
        self, recorder: TapeRecorder, replay: Replay, world: World
    ) -> None:
        big = "é" * 200_000

        @recorder.intercept_input("read")
        def read(kind: str) -> Any:
            world.ask()
            return big if kind == "str" else big.encode()

        @recorder.operation()
        def execute() -> list[Any]:
            return [read("str"), read("bytes")]

        execute()

        assert results(replay(execute)) == [big, big.encode()]
        assert world.calls == 2


@dataclass(frozen=True)
class Query:
    table: str
    filters: dict[str, Any] = field(default_factory=dict)


class TestKeys:
    @pytest.mark.parametrize(
        ("recorded", "replayed"),
        [
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            ({1, 2, 3}, {3, 2, 1}),
            (Query("orders", {"x": 1, "y": 2}), Query("orders", {"y": 2, "x": 1})),
        ],
    )
    def test_arguments_in_another_order_are_the_same(
        self, recorder: TapeRecorder, replay: Replay, world: World, recorded: Any, replayed: Any
    ) -> None:
        wanted = recorded
        read = recorder.intercept_input("read")(world.ask)

        @recorder.operation()
        def execute() -> int:
            return read(wanted)

        execute()
        wanted = replayed

        assert results(replay(execute)) == 1

    @pytest.mark.parametrize(
        ("recorded", "replayed"), [(1, 1.0), (1, True), ((1,), [1]), ("1", b"1"), (None, "None")]
    )
    def test_arguments_of_another_type_are_other_ones(
        self, recorder: TapeRecorder, replay: Replay, world: World, recorded: Any, replayed: Any
    ) -> None:
        wanted = recorded
        read = recorder.intercept_input("read")(world.ask)

        @recorder.operation()
        def execute() -> int:
            return read(wanted)

        execute()
        wanted = replayed
        with pytest.raises(RecordingKeyError):
            replay(execute)

    def test_a_key_that_cannot_be_made_at_replay_is_an_error_and_a_miss(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        params: dict[str, Any] = {"name": "a"}
        read = recorder.intercept_input("read {name}", alias_params_resolver=lambda: params)(
            lambda: 1
        )

        @recorder.operation()
        def execute() -> str:
            try:
                read()
            except InputInterceptionKeyCreationError as error:
                return str(error)
            return ""

        execute()
        params.clear()
        playback = replay(execute)

        assert "'read {name}'" in results(playback)
        assert [miss.alias for miss in playback.missed] == ["read {name}"]
