"""The drivers of an interception: the same steps around a call and around an awaited call."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from playback_core.guard import guarded
from playback_core.interception import Interception
from playback_core.outcome import Outcome
from playback_core.session import (
    Branch,
    current,
    enter,
    leave,
    note_outside,
    running_replays,
)

Gate = Callable[[], Branch | None]

_CANCELLATION_PATIENCE: Final = 60.0
"""How many seconds a replayed call that was cancelled waits to be cancelled again."""


def drive(
    function: Callable[..., Any], interception: Interception, gate: Gate = current
) -> Callable[..., Any]:
    """Return the function with an interception around it, of the same kind: sync or async.

    `gate` gives the branch a call is intercepted in; None leaves the call alone. The wrapper is a
    closure: bound through a descriptor of our own it would cost five times as much.
    """
    driver = _asynchronous if inspect.iscoroutinefunction(function) else _synchronous
    return driver(function, interception, gate)


def _synchronous(
    function: Callable[..., Any], interception: Interception, gate: Gate
) -> Callable[..., Any]:
    begin, finish, fail = guarded(interception)

    @wraps(function)
    def intercepted(*args: Any, **kwargs: Any) -> Any:
        branch = gate()
        if branch is None or (plan := begin(branch, args, kwargs)) is None:
            if branch is None and running_replays:
                note_outside(interception.alias)
            return function(*args, **kwargs)
        scope, step = plan
        if scope is None:
            return step.get()
        outer, token = current(), None
        try:
            try:
                token = enter(scope)
                value = function(*args, **kwargs)
            finally:
                leave(token, outer)
        except BaseException as error:
            fail(scope, step, error, args, kwargs)
            raise
        finish(scope, step, value, args, kwargs)
        return value

    return intercepted


def _asynchronous(
    function: Callable[..., Any], interception: Interception, gate: Gate
) -> Callable[..., Any]:
    begin, finish, fail = guarded(interception)

    @wraps(function)
    async def intercepted(*args: Any, **kwargs: Any) -> Any:
        branch = gate()
        if branch is None or (plan := begin(branch, args, kwargs)) is None:
            if branch is None and running_replays:
                note_outside(interception.alias)
            return await function(*args, **kwargs)
        scope, step = plan
        if scope is None:
            return await _given(step)
        outer, token = current(), None
        try:
            try:
                token = enter(scope)
                value = await function(*args, **kwargs)
            finally:
                leave(token, outer)
        except BaseException as error:
            fail(scope, step, error, args, kwargs)
            raise
        finish(scope, step, value, args, kwargs)
        return value

    return intercepted


async def _given(outcome: Outcome) -> Any:
    if type(outcome.exception).__name__ == "CancelledError":
        # The recorded call had no answer when it was cancelled; who cancels it does so again.
        from asyncio import sleep

        await sleep(_CANCELLATION_PATIENCE)
    value = outcome.get()
    return await value if inspect.isawaitable(value) else value
