"""ShedExchange: what takes an answer of which nothing is kept."""

from typing import Protocol

from playback_core.exchanges.exchange import UNMATCHED, parsed_status
from playback_core.exchanges.rules import ExchangeRules
from playback_core.guard import FailingOpen
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
    """A request that is shed: its answer runs within the operation, and ends it.

    When it has ended, the category that it would have been recorded in says whether it is counted
    as shed or as excluded.
    """

    def __init__(self, rules: ExchangeRules, operation: ShedOperation, path: object) -> None:
        self.scope = operation.scope
        self._operation = operation
        self._rules = rules
        self._path = str(path)
        self._status: int | None = None

    def begin_answer(self, status: object) -> None:
        """Take the status of the answer, or its line."""
        self._status = parsed_status(str(status))[0]

    def take(self, chunk: bytes) -> None:
        """Keep nothing."""

    def exhaust(self) -> None:
        """Note nothing."""

    def fail(self, error: BaseException, how: str) -> None:
        """Take nothing."""

    def finish(self) -> None:
        session = self.scope.session
        if session.ended:
            return
        try:
            with FailingOpen(session, "Counting the request", self._path):
                if not self._rules.selects(self._category(self._status), self._path):
                    self._operation.exclude()
        finally:
            self._operation.end(None)

    def _category(self, status: int | None) -> str:
        return UNMATCHED
