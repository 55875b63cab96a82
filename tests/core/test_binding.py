import asyncio
import functools
import inspect
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import wrapt

from playback_core import InMemoryTapeCassette, Playback, Recording, TapeRecorder

Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]


def with_wraps(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def foreign(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return foreign


def without_wraps(function: Callable[..., Any]) -> Callable[..., Any]:
    def foreign(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return foreign


@wrapt.decorator
def by_wrapt(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


def nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


FOREIGN = [nothing, with_wraps, without_wraps, by_wrapt]


@pytest.mark.parametrize("inside", FOREIGN)
@pytest.mark.parametrize("outside", FOREIGN)
class TestForeignDecorators:
    def keys(self, call: Callable[[], Any], recorder: TapeRecorder, load: Load) -> set[str]:
        recorder.operation(category="all")(call)()
        return set(load().get_all_keys())

    def test_a_method(
        self, recorder: TapeRecorder, last_recording: Load, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @outside
            @recorder.intercept_input("read")
            @inside
            def read(self, key: str) -> str:
                return key

            @outside
            @recorder.intercept_output("send")
            @inside
            def send(self, key: str) -> str:
                return key

        keys = self.keys(lambda: Shop().read("k") + Shop().send("k"), recorder, last_recording)

        if inside is without_wraps and outside in (without_wraps, with_wraps, by_wrapt):
            # Nothing tells any more that the first argument is the receiver.
            assert any(key.startswith("input: read") for key in keys)
            return
        assert 'input: read args=["k"], kwargs={}' in keys
        assert last_recording()["output: send #1.output"] == {"args": ["k"], "kwargs": {}}

    def test_a_function(
        self, recorder: TapeRecorder, last_recording: Load, inside: Any, outside: Any
    ) -> None:
        @outside
        @recorder.intercept_input("read")
        @inside
        def read(key: str) -> str:
            return key

        assert 'input: read args=["k"], kwargs={}' in self.keys(
            lambda: read("k"), recorder, last_recording
        )

    def test_a_static_method(
        self, recorder: TapeRecorder, last_recording: Load, inside: Any, outside: Any
    ) -> None:
        class Shop:
            @staticmethod
            @outside
            @recorder.static_intercept_input("read")
            @inside
            def read(key: Any, other: Any) -> int:
                return 1

        keys = self.keys(lambda: Shop.read("a", "b"), recorder, last_recording)

        assert 'input: read args=["a", "b"], kwargs={}' in keys


class TestReceivers:
    def test_a_method_may_name_its_receiver_as_it_likes(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Shop:
            @recorder.intercept_input("read")
            def read(this, key: str) -> str:
                return key

            @property
            @recorder.intercept_input("name")
            def name(this) -> str:
                return "north"

            @classmethod
            @recorder.intercept_input("list")
            def list(klass, key: str) -> str:
                return key

            @recorder.operation()
            def execute(me) -> None:
                me.read("k")
                me.name  # noqa: B018
                me.list("k")

        class Stall(Shop): ...

        Stall().execute()

        assert last_recording().category == "Stall"
        assert last_recording().get_all_keys()[1:4] == [
            'input: read args=["k"], kwargs={}',
            "input: name args=[], kwargs={}",
            'input: list args=["k"], kwargs={}',
        ]

    @pytest.mark.parametrize("outside", [with_wraps, without_wraps, by_wrapt])
    def test_it_may_with_a_foreign_decorator_outside_as_well(
        self, recorder: TapeRecorder, last_recording: Load, outside: Any
    ) -> None:
        class Shop:
            @outside
            @recorder.operation()
            def execute(this) -> None: ...

        Shop().execute()

        assert last_recording().category == "Shop"

    def test_a_static_method_that_takes_its_own_class_has_none(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @dataclass
        class Money:
            amount: int

            @staticmethod
            @recorder.intercept_input("add")
            def add(left: "Money", right: "Money") -> int:
                return left.amount + right.amount

            @with_wraps
            @recorder.intercept_output("send")
            def send(this) -> None:
                """A method with a name of its own for the receiver, called on an instance."""

        @recorder.operation(category="all")
        def execute() -> None:
            Money.add(Money(1), Money(2))
            Money(3).send()

        execute()

        key = last_recording().get_all_keys()[1]
        assert "amount=1" in key
        assert "amount=2" in key
        assert last_recording()["output: send #1.output"] == {"args": [], "kwargs": {}}

    def test_a_function_that_takes_an_instance_first_has_none(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Shop: ...

        @recorder.intercept_output("send")
        def send(shop: Shop, value: int) -> None: ...

        recorder.operation(category="all")(lambda: send(Shop(), 1))()

        assert len(last_recording()["output: send #1.output"]["args"]) == 2

    def test_a_bound_method_a_partial_and_a_callable_object_have_none(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Reader:
            def __call__(self, key: str) -> str:
                return key

            def read(self, key: str) -> str:
                return key

        bound = recorder.intercept_input("bound")(Reader().read)
        partial = recorder.intercept_input("partial")(functools.partial(Reader().read))
        called = recorder.intercept_input("called")(Reader())
        builtin = recorder.intercept_input("builtin")(len)

        @recorder.operation(category="all")
        def execute() -> None:
            bound("k"), partial("k"), called("k"), builtin("k")

        execute()

        assert last_recording().get_all_keys()[1:5] == [
            f'input: {name} args=["k"], kwargs={{}}'
            for name in ("bound", "partial", "called", "builtin")
        ]

    def test_a_method_made_of_a_lambda_has_one(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Shop:
            execute = recorder.operation()(lambda shop, key: key)

        Shop().execute("k")

        assert last_recording().get_data(TapeRecorder.OPERATION_REQUEST)["args"] == ["k"]
        assert last_recording().category == "Shop"


module_recorder = TapeRecorder()


@module_recorder.operation()
def module_function(key: str, *, size: int = 3) -> str:
    """Read it."""
    return key * size


class ModuleClass:
    @module_recorder.intercept_input("method")
    def method(self, key: str) -> str:
        return key

    @module_recorder.intercept_output("later")
    async def later(self, key: str) -> str:
        return key

    @classmethod
    @module_recorder.operation()
    def of_class(cls) -> str:
        return cls.__name__


class TestIdentity:
    def test_name_docs_and_signature_are_kept(self) -> None:
        assert module_function.__name__ == "module_function"
        assert module_function.__qualname__ == "module_function"
        assert module_function.__module__ == __name__
        assert module_function.__doc__ == "Read it."
        assert str(inspect.signature(module_function)) == "(key: str, *, size: int = 3) -> str"
        assert list(inspect.signature(ModuleClass().method).parameters) == ["key"]

    @pytest.mark.parametrize("declare", ["operation", "intercept_input", "intercept_output"])
    @pytest.mark.parametrize("kind", ["coroutine", "generator", "asyncgen"])
    def test_so_are_those_of_what_is_awaited_or_iterated(
        self, recorder: TapeRecorder, declare: str, kind: str
    ) -> None:
        async def coroutine(key: str) -> str:
            """Read it."""
            return key

        def generator(key: str) -> Iterator[str]:
            """Read it."""
            yield key

        async def asyncgen(key: str) -> AsyncIterator[str]:
            """Read it."""
            yield key

        function: Any = {f.__name__: f for f in (coroutine, generator, asyncgen)}[kind]
        alias = [] if declare == "operation" else ["alias"]
        declared = getattr(recorder, declare)(*alias)(function)

        assert (declared.__name__, declared.__doc__) == (kind, "Read it.")
        assert declared.__qualname__ == function.__qualname__
        assert inspect.signature(declared) == inspect.signature(function)
        assert getattr(inspect, f"is{kind}function")(declared)

    def test_being_a_coroutine_function_is_kept(self) -> None:
        assert inspect.iscoroutinefunction(ModuleClass.later)
        assert inspect.iscoroutinefunction(ModuleClass().later)
        assert not inspect.iscoroutinefunction(ModuleClass.method)
        assert asyncio.run(ModuleClass().later("k")) == "k"

    @pytest.mark.parametrize(
        "function",
        [module_function, ModuleClass.method, ModuleClass().method, ModuleClass.of_class],
    )
    def test_it_is_pickled_by_its_qualified_name(self, function: Any) -> None:
        again = pickle.loads(pickle.dumps(function))

        assert again.__qualname__ == function.__qualname__
        assert getattr(again, "__func__", again) is getattr(function, "__func__", function)

    def test_errors_of_a_wrong_call_are_those_of_the_function(self) -> None:
        with pytest.raises(TypeError, match="module_function"):
            module_function("k", 4)  # type: ignore[misc]

    def test_the_same_function_may_be_declared_twice(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        def read(key: str) -> str:
            return key

        one = recorder.intercept_input("one")(read)
        other = recorder.intercept_input("other")(read)

        recorder.operation(category="all")(lambda: (one("k"), other("k"), read("k")))()

        assert last_recording().get_all_keys()[1:3] == [
            'input: one args=["k"], kwargs={}',
            'input: other args=["k"], kwargs={}',
        ]


def test_instances_that_refuse_to_be_hashed_or_compared_are_called_as_they_are(
    recorder: TapeRecorder, cassette: InMemoryTapeCassette
) -> None:
    class Difficult:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise TypeError("not to be compared")

        def __bool__(self) -> bool:
            raise TypeError("not to be tested")

        @recorder.intercept_input("read")
        def read(this) -> int:
            return 1

        @recorder.operation()
        def execute(self) -> int:
            return self.read()

    assert Difficult().execute() == 1
    assert len(cassette.get_all_recording_ids()) == 1
