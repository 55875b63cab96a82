"""Everything that can be called, decorated every way round: one key on every Python."""

import asyncio
import functools
import hashlib
import operator
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import wrapt

from playback_core import InMemoryTapeCassette, Playback, Recording, TapeRecorder
from playback_core.entry import EntryKind, encoded

Load = Callable[[], Recording]
Replay = Callable[[Callable[[], Any]], Playback]
Decorator = Callable[[Any], Any]


def nothing(function: Any) -> Any:
    return function


def with_wraps(function: Any) -> Any:
    @functools.wraps(function)
    def foreign(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return foreign


@wrapt.decorator
def by_wrapt(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


class Counted:
    """A decorator that is an object, and binds as `functools.partial` objects never did."""

    def __init__(self, function: Any) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


FOREIGN = [nothing, with_wraps, by_wrapt, Counted, functools.lru_cache]
PLAIN = 'input: read args=["k"], kwargs={}'


@pytest.mark.parametrize("outside", FOREIGN)
@pytest.mark.parametrize("inside", FOREIGN)
class TestForeignDecorators:
    @pytest.fixture
    def ours(self, recorder: TapeRecorder) -> Decorator:
        return recorder.intercept_input("read")

    def keys(self, recorder: TapeRecorder, load: Load, call: Callable[[], Any]) -> list[str]:
        assert recorder.operation(category="all")(call)() == "k!"
        return load().get_all_keys()[1:2]

    def test_a_method(
        self, recorder: TapeRecorder, last_recording: Load, ours: Any, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @outside
            @ours
            @inside
            def read(self, key: str) -> str:
                return f"{key}!"

        assert self.keys(recorder, last_recording, lambda: Shop().read("k")) == [PLAIN]

    def test_a_class_method_in_both_orders(
        self, recorder: TapeRecorder, last_recording: Load, ours: Any, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @classmethod
            @outside
            @ours
            @inside
            def read(cls, key: str) -> str:
                return f"{key}!"

            @ours
            @classmethod
            @inside
            def other(cls, key: str) -> str:
                return f"{key}!"

        for call in (Shop.read, Shop().other):
            assert self.keys(recorder, last_recording, lambda call=call: call("k")) == [PLAIN]

    def test_a_static_method_in_both_orders(
        self, recorder: TapeRecorder, last_recording: Load, ours: Any, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @staticmethod
            @outside
            @ours
            @inside
            def read(key: str) -> str:
                return f"{key}!"

            @ours
            @staticmethod
            @inside
            def other(key: str) -> str:
                return f"{key}!"

        for call in (Shop.read, Shop().other):
            assert self.keys(recorder, last_recording, lambda call=call: call("k")) == [PLAIN]

    def test_properties(
        self, recorder: TapeRecorder, last_recording: Load, ours: Any, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @property
            @outside
            @ours
            @inside
            def inner(self) -> str:
                return "k!"

            @ours
            @property
            @inside
            def outer(self) -> str:
                return "k!"

            @functools.cached_property
            @outside
            @ours
            @inside
            def kept(self) -> str:
                return "k!"

            @ours
            @functools.cached_property
            @inside
            def kept_too(self) -> str:
                return "k!"

        for name in ("inner", "outer", "kept", "kept_too"):
            get = operator.attrgetter(name)
            keys = self.keys(recorder, last_recording, lambda get=get: get(Shop()))
            assert keys == ["input: read args=[], kwargs={}"]

    def test_a_partial_method(
        self, recorder: TapeRecorder, last_recording: Load, ours: Any, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @outside
            @ours
            @inside
            def read(self, key: str) -> str:
                return f"{key}!"

            short = functools.partialmethod(read, "k")

        assert self.keys(recorder, last_recording, lambda: Shop().short()) == [PLAIN]

    def test_an_object_that_is_called(
        self, recorder: TapeRecorder, last_recording: Load, ours: Any, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @outside
            @ours
            @inside
            def __call__(self, key: str) -> str:
                return f"{key}!"

        assert self.keys(recorder, last_recording, lambda: Shop()("k")) == [PLAIN]


class Reader:
    """Callable in several ways, each of which gives the same answer."""

    def __call__(self, key: str) -> str:
        return f"{key}!"

    def read(self, key: str) -> str:
        return f"{key}!"

    async def later(self, key: str) -> str:
        return f"{key}!"

    def stream(self, key: str) -> Iterator[str]:
        yield f"{key}!"

    @classmethod
    def of_class(cls, key: str) -> str:
        return f"{key}!"


class Text(str):
    __slots__ = ()

    def __new__(cls, key: str) -> Any:
        return f"{key}!"


class AsyncCalled:
    async def __call__(self, key: str) -> str:
        return f"{key}!"


CALLABLES: dict[str, Any] = {
    "an instance": Reader(),
    "a bound method": Reader().read,
    "a bound class method": Reader.of_class,
    "a partial": functools.partial(Reader().read),
    "a partial of a partial": functools.partial(functools.partial(Reader.read, Reader())),
    "a class": Text,
    "a lambda": lambda key: f"{key}!",
    "a method of a built-in": "{}!".format,
    "a foreign object": Counted(Reader().read),
    "a cached one": functools.lru_cache(Reader().read),
    "a method caller": functools.partial(operator.methodcaller("format", "k"), "{}!"),
}


class TestCallables:
    @pytest.mark.parametrize("name", [each for each in CALLABLES if each != "a method caller"])
    def test_each_has_its_arguments_as_its_key_and_is_replayed(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay, name: str
    ) -> None:
        read = recorder.intercept_input("read")(CALLABLES[name])
        execute = recorder.operation(category="all")(lambda: read("k"))
        assert execute() == "k!"
        assert last_recording().get_all_keys()[1] == PLAIN
        playback = replay(execute)
        assert playback.playback_outputs == playback.recorded_outputs
        assert playback.never_consumed == []

    def test_one_without_arguments_has_an_empty_key(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(CALLABLES["a method caller"])
        assert recorder.operation(category="all")(lambda: read())() == "k!"
        assert last_recording().get_all_keys()[1] == "input: read args=[], kwargs={}"

    @pytest.mark.parametrize("call", [AsyncCalled(), Reader().later])
    def test_an_object_whose_call_is_a_coroutine_function(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay, call: Any
    ) -> None:
        read = recorder.intercept_input("read")(call)

        @recorder.operation(category="all")
        async def execute() -> Any:
            return await read("k")

        assert asyncio.run(execute()) == "k!"
        assert last_recording().get_all_keys()[1] == PLAIN
        playback = replay(execute)
        assert playback.playback_outputs == playback.recorded_outputs

    def test_a_partial_of_a_decorated_function_keeps_the_key(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = functools.partial(recorder.intercept_input("read")(Reader().read), "k")
        recorder.operation(category="all")(read)()
        assert last_recording().get_all_keys()[1] == PLAIN


# What recordings of other Pythons have: of all calls below, and of the last of each to look at.
GOLDEN = "ed7bd8a4597dbb1a22567c3e48e540d69b56b52e864ffe129d2b4289027e0944"
_VALUE = "82a161d62093c00203a16201"
GOLDEN_LAST = {
    "method": f"c1009292a470617274{_VALUE}81a46e616d65{_VALUE}",
    "class": f"c1009291{_VALUE}81a46e616d65{_VALUE}",
    "static": f"c1009291{_VALUE}81a46e616d65{_VALUE}",
    "wrapped": f"c1009291{_VALUE}81a46e616d65{_VALUE}",
    "called": f"c1009291{_VALUE}81a46e616d65{_VALUE}",
    "builtin": "929192010281a764656661756c7403",
}


def test_the_bytes_of_keys_are_the_same_on_every_python(
    recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
) -> None:
    class Shop:
        @recorder.intercept_input("method")
        def method(self, *args: Any, **kwargs: Any) -> None: ...

        @classmethod
        @recorder.intercept_input("class")
        def of_class(cls, *args: Any, **kwargs: Any) -> None: ...

        @recorder.intercept_input("static")
        @staticmethod
        def static(*args: Any, **kwargs: Any) -> None: ...

        @recorder.intercept_input("wrapped")
        @by_wrapt
        def wrapped(self, *args: Any, **kwargs: Any) -> None: ...

        @recorder.intercept_input("called")
        def __call__(self, *args: Any, **kwargs: Any) -> None: ...

        part = functools.partialmethod(method, "part")

    builtin = recorder.intercept_input("builtin")(max)
    arguments: list[Any] = [1, True, 1.0, "ä", b"\x00", None, (1, [2]), {"b": 1, "a": {3, 2}}]

    @recorder.operation(category="all")
    def execute() -> None:
        shop = Shop()
        for call in (shop.method, shop.of_class, shop.static, shop.wrapped, shop, shop.part):
            for argument in arguments:
                call(argument, name=argument)
        builtin([1, 2], default=3)

    execute()
    digest = hashlib.sha256()
    last = {}
    inputs = [entry for entry in last_recording().entries if entry.kind is EntryKind.INPUT]
    for entry in inputs:
        key = encoded(entry.arguments or b"")
        digest.update(entry.alias.encode() + key)
        last[entry.alias] = key.hex()
    assert len(inputs) == 6 * len(arguments) + 1
    assert last == GOLDEN_LAST
    assert digest.hexdigest() == GOLDEN
