"""RecordedAnswer: the body of an answer, recorded on its way from the application to the server."""

from collections.abc import Callable, Iterable, Iterator

from playback_core.session import enter, leave
from playback_flask.exchange import Exchange


def recorded_answer(exchange: Exchange, answer: Iterable[bytes]) -> Iterable[bytes]:
    """Return what to give the server for what the application returned.

    A list is given as it is: it is all there already, and servers treat it specially.
    """
    if type(answer) not in (list, tuple):
        return RecordedAnswer(exchange, answer)
    for chunk in answer:
        exchange.take(chunk)
    exchange.exhaust()
    exchange.finish()
    return answer


class RecordedAnswer:
    """The body of an answer on its way to the server; each step runs within the operation."""

    __slots__ = ("_answer", "_exchange", "_next")

    def __init__(self, exchange: Exchange, answer: Iterable[bytes]) -> None:
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

    def close(self) -> None:
        """Close the application's iterable, as its server asks for, and end the operation."""
        exchange = self._exchange
        close = getattr(self._answer, "close", None)
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

    def __del__(self) -> None:
        # Test clients drop an answer without closing it.
        self._exchange.finish()
