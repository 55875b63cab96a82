"""What is consumed after a call has returned it: a stream of items, or an awaitable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from playback_core.codec import Deferred, decode, encode
from playback_core.outcome import Outcome

Ending = Literal["finished", "raised", "partial"]

_ITEM_BYTES: Final = 64

_CANCELLATION_PATIENCE: Final = 60.0
"""How many seconds a replayed call that was cancelled waits to be cancelled again."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What was seen of a generator or iterator: its items, and how it ended.

    `ending` is "finished" (`value` is what the generator returned), "raised" (`value` is the
    exception) or "partial" (whoever read it left, or the operation ended, before that).
    """

    items: list[Any]
    ending: Ending = "partial"
    value: Any = None
    asynchronous: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """What an awaitable came to that was returned by a function not declared `async`."""

    outcome: Outcome


CONSUMED_LATER: Final = frozenset({Streamed, Awaited})
"""The types of recorded results that a replay gives back as something to be consumed."""


class StreamSnapshot(Deferred):
    """The items of a stream so far, each encoded when it came; put together when it is stored."""

    __slots__ = ("_asynchronous", "_ending", "_items", "_size", "_value")

    def __init__(self, *, asynchronous: bool) -> None:
        self._asynchronous = asynchronous
        self._items: list[bytes | Deferred] = []
        self._size = 0
        self._ending: Ending = "partial"
        self._value: bytes | None = None

    def add(self, item: bytes | Deferred) -> int:
        """Keep one item; return about how many bytes that takes."""
        size = len(item) + _ITEM_BYTES
        self._items.append(item)
        self._size += size
        return size

    def end(self, ending: Ending, value: bytes) -> None:
        """Note how the stream ended, and with what."""
        self._ending, self._value = ending, value

    def streamed(self) -> Streamed:
        """Return what was seen so far, decoded afresh."""
        items = [decode(item if isinstance(item, bytes) else item.encode()) for item in self._items]
        value = None if self._value is None else decode(self._value)
        return Streamed(items, self._ending, value, self._asynchronous)

    def encode(self) -> bytes:
        return encode(self.streamed())

    def __len__(self) -> int:
        return self._size


class AwaitedSnapshot(Deferred):
    """What an awaitable came to, once it did; until then, and if it never runs, cancelled."""

    __slots__ = ("_blob",)

    def __init__(self) -> None:
        self._blob = b""

    def settle(self, outcome: Outcome) -> int:
        """Take what it came to, as it is now; return about how many bytes that takes."""
        self._blob = encode(Awaited(outcome))
        return len(self._blob)

    def encode(self) -> bytes:
        return self._blob or encode(Awaited(never_run()))

    def __len__(self) -> int:
        return len(self._blob)


def never_run() -> Outcome:
    """Return what an awaitable came to that was dropped, or cancelled before it began."""
    from asyncio import CancelledError

    return Outcome(exception=CancelledError())


def consumed_again(
    value: Any,
    restore: Callable[[Any], Any],
    missing: Callable[[int], Exception],
) -> Any:
    """Return what a replay gives for a recorded result: streams and awaitables as what they were.

    `restore` makes an item from the recorded one; `missing` makes the error for an item, by its
    index, that was asked for beyond those of a partial stream.
    """
    if type(value) is Streamed:
        items = _items_again(value, restore, missing)
        return asynchronously(items) if value.asynchronous else items
    if type(value) is Awaited:
        return _awaited_again(value.outcome, restore)
    return restore(value)


def _items_again(
    streamed: Streamed, restore: Callable[[Any], Any], missing: Callable[[int], Exception]
) -> Generator[Any, Any, Any]:
    for item in streamed.items:
        yield restore(item)
    if streamed.ending == "raised":
        raise streamed.value
    if streamed.ending == "partial":
        raise missing(len(streamed.items))
    return streamed.value


async def asynchronously(items: Iterable[Any]) -> AsyncGenerator[Any, Any]:
    """Give items as an async generator."""
    remaining = iter(items)
    while True:
        try:
            item = next(remaining)
        except StopIteration:
            return
        except BaseException as error:
            await cancelled_again(error)
            raise
        yield item


async def cancelled_again(error: BaseException) -> None:
    """Wait, if a recorded exception is that of being cancelled: who did that does so again."""
    if type(error).__name__ == "CancelledError":
        from asyncio import sleep

        await sleep(_CANCELLATION_PATIENCE)


async def _awaited_again(outcome: Outcome, restore: Callable[[Any], Any]) -> Any:
    if outcome.exception is not None:
        await cancelled_again(outcome.exception)
    return restore(outcome.get())
