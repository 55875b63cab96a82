"""RecordedAnswer: the answer of an application, recorded on its way to the server."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from playback_core.exchanges.shed_exchange import AnswerTaking, ShedExchange
from playback_core.session import enter, leave
from playback_core.wsgi.exchange import StartResponse, WsgiApp, WsgiExchange


def recorded_answer(exchange: AnswerTaking, answer: Iterable[bytes]) -> Iterable[bytes]:
    """Return what to give the server as an application's answer, which is recorded with it."""
    # A list is given as it is: it is all there already, and servers treat it specially.
    if type(answer) not in (list, tuple):
        return RecordedAnswer(exchange, answer)
    take_whole(exchange, answer)
    exchange.finish()
    return answer


def take_whole(exchange: AnswerTaking, answer: Iterable[bytes]) -> None:
    """Keep an answer that is all there."""
    for chunk in answer:
        exchange.take(chunk)
    exchange.exhaust()


def close_within(exchange: AnswerTaking, close: Callable[[], None] | None) -> None:
    """Close an answer within its operation, if it can be closed, and end the operation."""
    token = enter(exchange.scope)
    try:
        if close is not None:
            close()
    except BaseException as error:
        exchange.fail(error, "streaming")
        raise
    finally:
        leave(token)
        exchange.finish()


Recorded = Callable[[AnswerTaking, Iterable[bytes]], Iterable[bytes]]


def run_within(
    exchange: WsgiExchange,
    run: WsgiApp,
    environ: dict[str, Any],
    start_response: StartResponse,
    recorded: Recorded = recorded_answer,
) -> Iterable[bytes]:
    """Call an application within an exchange, and return what `recorded` makes of its answer."""
    return _run(exchange, run, environ, exchange.starting(start_response), recorded)


def run_shed(
    exchange: ShedExchange,
    run: WsgiApp,
    environ: dict[str, Any],
    start_response: StartResponse,
    recorded: Recorded = recorded_answer,
) -> Iterable[bytes]:
    """Call an application within an operation that is shed, which ends with its answer."""

    def started(status: str, *rest: Any, **named: Any) -> Any:
        exchange.begin_answer(status)
        return start_response(status, *rest, **named)

    return _run(exchange, run, environ, started, recorded)


def _run(
    exchange: AnswerTaking,
    run: WsgiApp,
    environ: dict[str, Any],
    start_response: StartResponse,
    recorded: Recorded,
) -> Iterable[bytes]:
    token = enter(exchange.scope)
    try:
        answer = run(environ, start_response)
    except BaseException as error:
        exchange.fail(error, "after response")
        exchange.finish()
        raise
    finally:
        leave(token)
    return recorded(exchange, answer)


class RecordedAnswer:
    """The body of an answer on its way to the server; each step runs within the operation."""

    __slots__ = ("_answer", "_exchange", "_next")

    def __init__(self, exchange: AnswerTaking, answer: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._answer = answer
        self._next: Callable[[], bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        exchange = self._exchange
        token = enter(exchange.scope)
        try:
            if self._next is None:
                self._next = iter(self._answer).__next__
            chunk = self._next()
        except StopIteration:
            exchange.exhaust()
            raise
        except BaseException as error:
            exchange.fail(error, "streaming")
            raise
        finally:
            leave(token)
        exchange.take(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        # What is around the application may know what it gives: a response of a framework.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._answer, name)

    def close(self) -> None:
        """Close the application's iterable, as its server asks for, and end the operation."""
        close_within(self._exchange, getattr(self._answer, "close", None))

    def __del__(self) -> None:
        # Test clients drop an answer without closing it.
        self._exchange.finish()
