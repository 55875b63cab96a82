"""Relays: a stream or an awaitable on its way from its source to whoever consumes it.

Each item is kept, then given on at once; the branch of the interception is current only while the
source works. Items go the same way whether the source is a generator of a declared function, or an
iterator that a function returned.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Final
from weakref import finalize

from playback_core.consumption import Args, Awaiting, Consumption, Kwargs, PutIn, Streaming
from playback_core.outcome import Outcome
from playback_core.session import Branch, current, enter, leave
from playback_core.streamed import asynchronously


class _NotKept:
    branch = None

    def keep(self, item: Any, put: PutIn | None = None) -> None:
        """Do nothing, as all of these: an async generator is relayed by hand all the same."""

    def finish(self, value: Any, put: PutIn | None = None) -> None:
        """Do nothing."""

    def fail(self, error: BaseException, put: PutIn | None = None) -> None:
        """Do nothing."""

    def leave(self) -> None:
        """Do nothing."""


_NOT_KEPT: Final = _NotKept()

Opening = Callable[..., tuple[Any, Consumption | None]]
"""Gives the source of a stream and what is kept of it; None: it is relayed and not kept."""

# What a reader throws in is forgotten after each step: by its traceback it refers to the relay, and
# would be freed by a collection only.


def relaying(opened: Opening) -> Callable[..., Generator[Any, Any, Any]]:
    """Return a generator function that gives the items of what is opened on, one by one."""

    def relay(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        source, consumption = opened(*args, **kwargs)
        if consumption is None:
            return (yield from source)
        branch = consumption.branch
        put: PutIn | None = None
        while True:
            outer = current()
            try:
                try:
                    enter(branch)
                    item = next(source) if put is None else _put_in(source, *put)
                finally:
                    enter(outer)
                consumption.keep(item, put)
            except StopIteration as stop:
                consumption.finish(stop.value, put)
                return stop.value
            except BaseException as error:
                consumption.fail(error, put)
                raise
            finally:
                put = None
            try:
                sent = yield item
            except GeneratorExit:
                returned = _shut(source, consumption)
                if returned is None:
                    raise
                return returned
            except BaseException as error:  # noqa: BLE001 - thrown in, for the source to take
                put = (None, error)
            else:
                put = None if sent is None else (sent, None)

    return relay


def relaying_asynchronously(opened: Opening) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Return an async generator function that does the same, from async sources or others."""

    async def relay(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        source, kept = opened(*args, **kwargs)
        consumption = kept or _NOT_KEPT
        if not hasattr(source, "__anext__"):
            source = asynchronously(source)
        branch, resumed = consumption.branch, _unhooked(source)
        put: PutIn | None = None
        while True:
            outer, token = current(), None
            try:
                try:
                    token = enter(branch or outer)
                    item = await resumed
                finally:
                    leave(token, outer)
                consumption.keep(item, put)
            except StopAsyncIteration:
                consumption.finish(None, put)
                return
            except BaseException as error:
                consumption.fail(error, put)
                raise
            finally:
                put = resumed = None
            try:
                sent = yield item
            except GeneratorExit:
                await _shut_async(source, consumption)
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in, for the source to take
                put = (None, error)
                resumed = source.athrow(error)
            else:
                put = None if sent is None else (sent, None)
                resumed = source.__anext__() if put is None else source.asend(sent)

    return relay


def _put_in(source: Any, sent: Any, thrown: BaseException | None) -> Any:
    if thrown is None:
        return source.send(sent)
    try:
        if not hasattr(source, "throw"):
            raise thrown
        return source.throw(thrown)
    finally:
        del thrown


def _unhooked(source: Any) -> Any:
    # The relay is what an event loop closes at its end. If it closed the source as well, at the
    # same time, both would fail.
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return source.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _shut(source: Any, consumption: Consumption) -> Any:
    outer, returned = current(), None
    try:
        try:
            enter(consumption.branch)
            if hasattr(source, "close"):
                returned = source.close()
        finally:
            enter(outer)
    except BaseException as error:
        consumption.fail(error)
        raise
    consumption.leave()
    return returned


async def _shut_async(
    source: AsyncGenerator[Any, Any], consumption: Consumption | _NotKept
) -> None:
    outer, token = current(), None
    try:
        try:
            token = enter(consumption.branch or outer)
            await source.aclose()
        finally:
            leave(token, outer)
    except BaseException as error:
        consumption.fail(error)
        raise
    consumption.leave()


async def _relay_awaited(source: Coroutine[Any, Any, Any], awaiting: Awaiting) -> Any:
    outer, token = current(), None
    outcome = Outcome()
    try:
        try:
            token = enter(awaiting.branch)
            outcome.value = await source
        finally:
            leave(token, outer)
    except BaseException as error:
        outcome.exception = error
        raise
    finally:
        awaiting.settle(outcome)
    return outcome.value


def _drop(source: Coroutine[Any, Any, Any], awaiting: Awaiting) -> None:
    # Of two that were never awaited Python would warn twice.
    source.close()
    awaiting.leave()


# Iterators with nothing but their items: what stands for one has no attribute less.
_PLAIN_ITERATORS: Final = frozenset(
    {
        GeneratorType,
        *map(type, map(iter, ((), [], "", b"", {}, set(), range(0), range(2**70)))),
        *map(type, (iter({}.keys()), iter({}.values()), iter({}.items()), iter(int, 0))),
        *(enumerate, filter, map, reversed, zip),
        *(value for value in vars(itertools).values() if isinstance(value, type)),
    }
)


def relayed(
    value: Any, interception: Streaming, branch: Branch, step: Any, args: Args, kwargs: Kwargs
) -> Any:
    """Return what stands for a stream or coroutine that a call has returned, and records it.

    None where nothing can stand for it: an iterator with a face of its own, as a file has, or an
    awaitable that is more than a coroutine. Whoever holds that would miss what it can do.
    """
    cls = type(value)
    if cls is CoroutineType:
        awaiting = Awaiting(interception, branch, step, args, kwargs)
        relay: Any = _relay_awaited(value, awaiting)
        relay.__name__, relay.__qualname__ = value.__name__, value.__qualname__
        finalize(relay, _drop, value, awaiting).atexit = False
        return relay
    is_async = cls is AsyncGeneratorType
    if not is_async and cls not in _PLAIN_ITERATORS:
        return None
    consumption = Consumption(interception, branch, step, args, kwargs, asynchronous=is_async)
    relaying_it = relaying_asynchronously if is_async else relaying
    stream = relaying_it(lambda: (value, consumption))()
    # One that nobody begins to read runs no code that could tell.
    finalize(stream, consumption.leave).atexit = False
    return stream
