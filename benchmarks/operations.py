"""The operation that is measured: it reads some inputs and sends some outputs."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

INPUTS: Final = 20
OUTPUTS: Final = 5
CATEGORY: Final = "Checkout"

Function = TypeVar("Function", bound=Callable[..., Any])


class Decorator(Protocol):
    """Gives back what it decorates, recorded or bare."""

    def __call__(self, function: Function, /) -> Function:
        """Decorate a function."""


def checkout_class(recorder: Any | None) -> type[Any]:
    """Make the operation's class, decorated by a recorder; None leaves it bare."""

    def declared(name: str, *args: Any, **kwargs: Any) -> Decorator:
        if recorder is None:
            return lambda function: function
        decorator: Decorator = getattr(recorder, name)(*args, **kwargs)
        return decorator

    class Checkout:
        def __init__(
            self, inputs: Sequence[Any], outputs: Sequence[Any], customer: str = ""
        ) -> None:
            self.inputs = inputs
            self.outputs = outputs
            self.customer = customer

        @declared("operation", metadata_extractor=lambda self: {"customer": self.customer})
        def execute(self) -> dict[str, Any]:
            for number in range(len(self.inputs)):
                self.read("order", number)
            for output in self.outputs:
                self.send(output)
            return {"status": "done", "read": len(self.inputs)}

        @declared("intercept_input", "checkout.read")
        def read(self, table: str, number: int) -> Any:
            return self.inputs[number]

        @declared("intercept_output", "checkout.send")
        def send(self, order: Any) -> bool:
            return True

    return Checkout


def run_all(cls: type[Any], payloads: Sequence[Sequence[Any]], outputs: int) -> None:
    """Run an operation for each sequence of payloads; the last `outputs` of it are sent."""
    for values in payloads:
        inputs = len(values) - outputs
        cls(values[:inputs], values[inputs:]).execute()


def pickle_all(payloads: Sequence[Sequence[Any]]) -> None:
    """Pickle every payload once: P, the base of the rows about cost."""
    dumps = pickle.dumps
    for values in payloads:
        for value in values:
            dumps(value, protocol=5)
