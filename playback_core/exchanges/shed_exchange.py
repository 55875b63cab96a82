"""ShedExchange: what takes an answer of which nothing is kept."""

from typing import Protocol

from playback_core.session import Branch
from playback_core.shed_operation import ShedOperation


class AnswerTaking(Protocol):
    """What an answer is given to on its way to the server; see Exchange."""

    scope: Branch

    def take(self, chunk: bytes) -> None:
        """Keep a piece of the body."""

    def exhaust(self) -> None:
        """Note that the application has given all of its body."""

    def fail(self, error: BaseException, how: str) -> None:
        """Take an exception that leaves the application."""

    def finish(self) -> None:
        """Close the operation, once."""


class ShedExchange:
    """A request that is shed: its answer runs within the operation, and ends it."""

    __slots__ = ("_operation", "scope")

    def __init__(self, operation: ShedOperation) -> None:
        self._operation = operation
        self.scope = operation.scope

    def take(self, chunk: bytes) -> None:
        """Keep nothing."""

    def exhaust(self) -> None:
        """Note nothing."""

    def fail(self, error: BaseException, how: str) -> None:
        """Take nothing."""

    def finish(self) -> None:
        self._operation.end(None)
