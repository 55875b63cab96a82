import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from playback_core import (
    CapturedArg,
    InMemoryTapeCassette,
    InputInterceptionDataHandler,
    OutputInterceptionDataHandler,
    Playback,
    Recording,
    RecordingParameters,
    SettingsError,
    TapeCassette,
    TapeRecorder,
)

Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]


class InputHandler(InputInterceptionDataHandler):
    def prepare_input_for_recording(
        self, interception_key: str, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return result

    def restore_input_from_recording(
        self, recorded_data: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return recorded_data


class OutputHandler(OutputInterceptionDataHandler):
    def prepare_output_for_recording(
        self, interception_key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return args

    def restore_output_from_recording(self, recorded_data: Any) -> Any:
        return recorded_data


class TestOptionsOfInputs:
    @pytest.mark.parametrize(
        ("option", "value", "choices"),
        [
            ("alias_params_resolver", {"a": 1}, "a function or None"),
            ("data_handler", 5, "an instance of InputInterceptionDataHandler or None"),
            ("data_handler", OutputHandler(), "an instance of InputInterceptionDataHandler"),
            ("data_handler", InputHandler, r"this is a class: give InputHandler\(\)"),
            ("run_intercepted_when_missing", "no", "True or False"),
            ("run_intercepted_when_missing", 1, "True or False"),
            ("run_intercepted_when_missing", None, "True or False"),
            ("fallback_aliases", "old", "a list of aliases"),
            ("fallback_aliases", 5, "a list of aliases"),
            ("fallback_aliases", ["old", 5], "a list of aliases"),
            ("fallback_aliases", [""], "a list of aliases"),
            ("capture_args", True, "a list of CapturedArg"),
            ("capture_args", 5, "a list of CapturedArg"),
            ("capture_args", "name", "a list of CapturedArg"),
            ("capture_args", CapturedArg(1, "name"), "a list of CapturedArg"),
            ("capture_args", [CapturedArg("name", 1)], "a list of CapturedArg"),  # type: ignore[arg-type]
            ("capture_args", [CapturedArg(True, None)], "a list of CapturedArg"),
            ("capture_args", [CapturedArg(-1, None)], "a list of CapturedArg"),
            ("capture_args", [CapturedArg(None, None)], "a list of CapturedArg"),
        ],
    )
    @pytest.mark.parametrize("declaration", ["intercept_input", "static_intercept_input"])
    def test_a_wrong_one_is_named_with_its_alias_value_and_choices(
        self, recorder: TapeRecorder, declaration: str, option: str, value: Any, choices: str
    ) -> None:
        with pytest.raises(
            SettingsError, match=f"{option} of input 'read' is .*{choices}"
        ) as error:
            getattr(recorder, declaration)("read", **{option: value})

        assert repr(value)[:20] in str(error.value)

    def test_right_ones_are_taken(self, recorder: TapeRecorder) -> None:
        recorder.intercept_input(
            "read",
            alias_params_resolver=dict,
            data_handler=InputHandler(),
            capture_args=[CapturedArg(0, "name"), CapturedArg(None, "size")],
            run_intercepted_when_missing=True,
            value_when_missing=0,
            fallback_aliases=("old", "older"),
        )
        recorder.intercept_input("read", fallback_aliases=lambda: ["old"])

    def test_a_list_that_changes_after_the_declaration_does_not_change_it(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        captured = [CapturedArg(0, "name")]

        @recorder.intercept_input("read", capture_args=captured)
        def read(name: str) -> int:
            return 1

        captured.clear()
        recorder.operation(category="all")(lambda: read("k"))()

        assert last_recording().get_all_keys()[1] == 'input: read args=["k"], kwargs={}'

    @pytest.mark.parametrize("falsy", [False, 0, (), [], ""])
    def test_captured_arguments_that_are_falsy_are_none_of_them(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load, falsy: Any
    ) -> None:
        calls: list[str] = []

        @recorder.intercept_input("read", capture_args=falsy)
        def read(name: str) -> int:
            calls.append(name)
            return len(calls)

        name = "k"
        execute = recorder.operation(category="all")(lambda: read(name))
        execute()
        name = "other"
        playback = replay(execute)

        assert last_recording().get_all_keys()[1] == "input: read args=[], kwargs={}"
        assert playback.playback_outputs[0].value["args"] == [1]
        assert calls == ["k"]


class TestOptionsOfOutputs:
    @pytest.mark.parametrize(
        ("option", "value", "choices"),
        [
            ("data_handler", InputHandler(), "an instance of OutputInterceptionDataHandler"),
            ("data_handler", OutputHandler, r"this is a class: give OutputHandler\(\)"),
            ("fail_on_no_recorded_result", "no", "True or False"),
            ("fail_on_no_recorded_result", None, "True or False"),
        ],
    )
    @pytest.mark.parametrize("declaration", ["intercept_output", "static_intercept_output"])
    def test_a_wrong_one_is_named_with_its_alias_value_and_choices(
        self, recorder: TapeRecorder, declaration: str, option: str, value: Any, choices: str
    ) -> None:
        with pytest.raises(SettingsError, match=f"{option} of output 'send' is .*{choices}"):
            getattr(recorder, declaration)("send", **{option: value})


class TestOptionsOfOperations:
    @pytest.mark.parametrize(
        ("option", "value", "choices"),
        [
            ("metadata_extractor", 5, "a function or None"),
            ("metadata_extractor", {"a": 1}, "a function or None"),
            ("category", 5, "a name or None"),
            ("category", "", "a name or None"),
            ("separate", "no", "True or False"),
        ],
    )
    def test_a_wrong_one_is_named_with_its_value_and_choices(
        self, recorder: TapeRecorder, option: str, value: Any, choices: str
    ) -> None:
        with pytest.raises(SettingsError, match=f"{option} of an operation is .*{choices}"):
            recorder.operation(**{option: value})

    def test_the_category_is_named_where_there_is_one(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match="metadata_extractor of operation 'nightly' is 5"):
            recorder.operation(5, category="nightly")  # type: ignore[arg-type]


class TestMetadataExtractor:
    def test_one_that_returns_none_adds_nothing(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        recorder.operation(lambda: None, category="all")(lambda: None)()  # type: ignore[arg-type,return-value]

        assert last_recording().category == "all"

    def test_one_of_a_block_may_return_none_too(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        with recorder.start_recording("block", {"day": 1}, lambda: None):  # type: ignore[arg-type,return-value]
            pass

        assert last_recording().get_metadata()["day"] == 1

    def test_one_that_raises_or_returns_no_mapping_discards_the_recording(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        recorder.operation(lambda: 1 / 0, category="all")(lambda: None)()  # type: ignore[arg-type,return-value]
        recorder.operation(lambda: 5, category="all")(lambda: None)()  # type: ignore[arg-type,return-value]

        assert cassette.get_all_recording_ids() == []
        assert recorder.counters["failed"] == 2


class TestRecordingParameters:
    def test_they_may_be_given_in_the_order_of_the_predecessor(self) -> None:
        assert RecordingParameters(0.5, True, True) == RecordingParameters(
            sampling_rate=0.5, ignore_enforced_sampling=True, skipped=True
        )

    @pytest.mark.parametrize("option", ["ignore_enforced_sampling", "skipped"])
    def test_a_flag_that_is_no_bool_is_refused(self, recorder: TapeRecorder, option: str) -> None:
        with pytest.raises(SettingsError, match=f"{option} .* is 'no'; it must be True or False"):
            recorder.recording_params(**{option: "no"})

    @pytest.mark.parametrize("value", [True, False])
    def test_copying_on_interception_is_refused_since_it_always_happens(
        self, recorder: TapeRecorder, value: Any
    ) -> None:
        with pytest.raises(SettingsError, match="always taken"):
            RecordingParameters(copy_data_on_intercepion=value)
        with pytest.raises(SettingsError, match="always taken"):
            recorder.recording_params(copy_data_on_intercepion=value)

    @pytest.mark.parametrize("value", ["x", 0.5, 0, {}])
    def test_anything_else_in_their_place_is_refused(
        self, recorder: TapeRecorder, value: Any
    ) -> None:
        with pytest.raises(
            SettingsError, match="give a RecordingParameters, or by name any of samp"
        ):
            recorder.recording_params(value)

    def test_both_at_once_are_refused(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match="both a RecordingParameters and sampling_rate"):
            recorder.recording_params(RecordingParameters(), sampling_rate=0.2)

    def test_they_are_those_of_a_class(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match="decorates a class"):
            recorder.recording_params(sampling_rate=0.2)(len)  # type: ignore[type-var]


class TestWithoutParentheses:
    def test_operation(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match=r"execute.* without its parentheses"):

            @recorder.operation  # type: ignore[arg-type]
            def execute() -> None: ...

    def test_operation_on_a_method_between_other_decorators(self, recorder: TapeRecorder) -> None:
        def foreign(function: Any) -> Any:
            return functools.wraps(function)(lambda *args: function(*args))

        with pytest.raises(SettingsError, match="without its parentheses"):

            class Shop:
                @foreign
                @recorder.class_operation
                @foreign
                @staticmethod
                def execute(
                    amount: int,
                    price: int,
                ) -> int:
                    return amount

    def test_a_class_method(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match="without its parentheses"):

            class Shop:
                @recorder.operation  # type: ignore[arg-type]
                @classmethod
                def execute(cls) -> None: ...

    @pytest.mark.parametrize("noun", ["input", "output"])
    @pytest.mark.parametrize("prefix", ["", "static_"])
    def test_inputs_and_outputs(self, recorder: TapeRecorder, prefix: str, noun: str) -> None:
        with pytest.raises(SettingsError, match=rf"@recorder.intercept_{noun}\('name'\)"):

            @getattr(recorder, f"{prefix}intercept_{noun}")
            def read() -> None: ...

    def test_recording_params(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match="give a RecordingParameters"):

            @recorder.recording_params  # type: ignore[arg-type]
            class Shop: ...

    def test_a_metadata_extractor_is_not_taken_for_it(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        def extract(amount: int) -> dict[str, int]:
            return {"amount": amount}

        def extractor(name: str) -> Callable[[int], dict[str, int]]:
            return lambda amount: {name: amount}

        for each in (
            extract,
            extractor("amount"),
            functools.partial(extract),
            Mock(return_value={"amount": 3}),
        ):
            recorder.operation(each, category="all")(lambda amount: amount)(3)

            assert last_recording().get_metadata()["amount"] == 3

        recorder.operation(lambda amount: {"amount": amount + 1}, category="all")(
            lambda amount: amount
        )(3)

        assert last_recording().get_metadata()["amount"] == 4


class TestWhatCanBeDecorated:
    @pytest.mark.parametrize("target", [5, "read", None, [len], property()])
    def test_what_cannot_be_called_is_refused(self, recorder: TapeRecorder, target: Any) -> None:
        for subject, decorator in [
            ("input 'read'", recorder.intercept_input("read")),
            ("output 'send'", recorder.static_intercept_output("send")),
            ("an operation", recorder.operation()),
            ("operation 'all'", recorder.operation(category="all")),
        ]:
            with pytest.raises(SettingsError, match=f"cannot be declared {subject}"):
                decorator(target)

    def test_a_single_dispatch_method_is_refused_with_what_to_do(
        self, recorder: TapeRecorder
    ) -> None:
        with pytest.raises(SettingsError, match="below it, on each implementation"):

            class Shop:
                @recorder.intercept_input("read")
                @functools.singledispatchmethod
                def read(self, key: Any) -> str:
                    return "any"

    def test_the_implementations_of_a_single_dispatch_method_are_inputs(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Shop:
            @functools.singledispatchmethod
            @recorder.intercept_input("any")
            def read(self, key: Any) -> str:
                return "any"

            @read.register
            @recorder.intercept_input("number")
            def _(self, key: int) -> str:
                return "number"

        answers = recorder.operation(category="all")(lambda: Shop().read("k") + Shop().read(1))()

        assert answers == "anynumber"
        assert last_recording().get_all_keys()[1:3] == [
            'input: any args=["k"], kwargs={}',
            "input: number args=[1], kwargs={}",
        ]

    def test_a_single_dispatch_function_keeps_its_registry(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.intercept_input("read")
        @functools.singledispatch
        def read(key: Any) -> str:
            return "any"

        read.register(int, lambda key: "number")
        answers = recorder.operation(category="all")(lambda: read("k") + read(1))()

        assert answers == "anynumber"
        assert last_recording().get_all_keys()[1:3] == [
            'input: read args=["k"], kwargs={}',
            "input: read args=[1], kwargs={}",
        ]

    def test_a_partial_method_keeps_its_arguments(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        class Shop:
            def _ask(self, kind: str, key: str, *, size: int = 1) -> str:
                return kind + key * size

            @classmethod
            def _send(cls, channel: str, text: str) -> str:
                return cls.__name__

            price = recorder.intercept_input("price")(
                functools.partialmethod(_ask, "price", size=2)
            )
            mail = recorder.intercept_output("mail")(functools.partialmethod(_send, "mail"))
            execute = recorder.operation()(
                functools.partialmethod(lambda self, key: self.price(key) + self.mail(key), "k")
            )

        assert Shop().execute() == "pricekkShop"
        playback = replay(Shop().execute)

        assert last_recording().category == "Shop"
        assert (
            last_recording().get_all_keys()[1]
            == 'input: price args=["price", "k"], kwargs={"size": 2}'
        )
        assert last_recording()["output: mail #1.output"]["args"] == ["mail", "k"]
        assert playback.playback_outputs == playback.recorded_outputs


class TestAttributes:
    def test_those_of_a_cache_are_forwarded(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        calls: list[str] = []

        @recorder.intercept_input("read")
        @functools.lru_cache(maxsize=8)
        def read(key: str) -> str:
            calls.append(key)
            return key

        cached: Any = read
        execute = recorder.operation(category="all")(lambda: (read("k"), read("k")))
        execute()

        assert calls == ["k"]
        assert cached.cache_info().hits == 1
        assert cached.cache_parameters() == {"maxsize": 8, "typed": False}
        cached.cache_clear()
        execute()
        assert calls == ["k", "k"]

    def test_those_of_a_callable_object_are_forwarded_without_running_its_properties(
        self, recorder: TapeRecorder
    ) -> None:
        read_properties: list[str] = []

        class Reader:
            limit = 3
            __slots__ = ("name",)

            def __init__(self) -> None:
                self.name = "north"

            def __call__(self) -> int:
                return 1

            def __dir__(self) -> Iterator[str]:
                yield from (*super().__dir__(), "made_up")

            @property
            def connection(self) -> str:
                read_properties.append("connection")
                raise RuntimeError("connected")

            def close(self) -> str:
                return f"{self.name} closed"

        wrapped: Any = recorder.intercept_input("read")(Reader())

        assert wrapped() == 1
        assert (wrapped.limit, wrapped.name, wrapped.close()) == (3, "north", "north closed")
        assert not hasattr(wrapped, "connection")
        assert read_properties == []


class TestTapeCassettes:
    @pytest.mark.parametrize("value", ["sqlite:///x", 5, InMemoryTapeCassette, False])
    def test_anything_but_a_cassette_is_refused(self, value: Any) -> None:
        with pytest.raises(SettingsError, match=r"tape_cassette is .* instance of TapeCassette"):
            TapeRecorder(value)
        recorder = TapeRecorder()
        with pytest.raises(SettingsError, match="cassette_from_url"):
            recorder.tape_cassette = value

        assert recorder.tape_cassette is None

    def test_a_cassette_or_none_is_taken(self, cassette: InMemoryTapeCassette) -> None:
        recorder = TapeRecorder(Mock(spec=TapeCassette))
        recorder.tape_cassette = cassette

        assert recorder.tape_cassette is cassette
        recorder.tape_cassette = None
        assert recorder.tape_cassette is None
