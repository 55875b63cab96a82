"""The drivers of an interception: the same steps around a call and around an awaited call."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from playback_core.consumption import Consumption
from playback_core.guard import take_fault
from playback_core.interception import Args, Interception, Kwargs, Plan
from playback_core.outcome import Outcome
from playback_core.relays import relaying, relaying_asynchronously
from playback_core.session import (
    Branch,
    current,
    enter,
    leave,
    note_outside,
    running_replays,
)
from playback_core.streamed import cancelled_again

Gate = Callable[[], Branch | None]


def drive(
    function: Callable[..., Any], interception: Interception, gate: Gate = current
) -> Callable[..., Any]:
    """Return the function with an interception around it, of the same kind: sync or async.

    `gate` gives the branch a call is intercepted in; None leaves the call alone. The wrapper is a
    closure: bound through a descriptor of our own it would cost five times as much.
    """
    if inspect.iscoroutinefunction(function):
        driver = _asynchronous
    elif inspect.isgeneratorfunction(function):
        driver = _generating
    elif inspect.isasyncgenfunction(function):
        driver = _generating_asynchronously
    else:
        driver = _synchronous
    return driver(function, interception, gate)


def is_intercepted(function: Any) -> bool:
    """Tell whether a function, or one that it wraps, has an interception around it."""
    while function is not None:
        code = getattr(function, "__code__", None)
        if code is not None and code.co_filename in (__file__, relaying.__code__.co_filename):
            return True
        function = getattr(function, "__wrapped__", None)
    return False


# Both drivers call the steps directly: a guard around each would cost more than the step's own
# bookkeeping. They differ by the `await`, and by how the context variable gets its value back.


def _synchronous(
    function: Callable[..., Any], interception: Interception, gate: Gate
) -> Callable[..., Any]:
    begin, finish = interception.begin, interception.finish

    @wraps(function)
    def intercepted(*args: Any, **kwargs: Any) -> Any:
        branch = gate()
        if branch is None:
            if running_replays:
                note_outside(interception.alias)
            return function(*args, **kwargs)
        if not branch.intercepting:
            return function(*args, **kwargs)
        try:
            plan = begin(branch, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            plan = None
            _not_begun(interception, branch, fault)
        if plan is None:
            return function(*args, **kwargs)
        scope, step = plan
        if scope is None:
            return step.get()
        outer = current()
        try:
            try:
                enter(scope)
                value = function(*args, **kwargs)
            finally:
                # Without the token of `enter`: a call that does not wait ends in its own context.
                enter(outer)
        except BaseException as error:
            _fail(interception, scope, step, error, args, kwargs)
            raise
        try:
            return finish(scope, step, value, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            _not_finished(interception, scope, fault)
        return value

    return intercepted


def _asynchronous(
    function: Callable[..., Any], interception: Interception, gate: Gate
) -> Callable[..., Any]:
    begin, finish = interception.begin, interception.finish

    @wraps(function)
    async def intercepted(*args: Any, **kwargs: Any) -> Any:
        branch = gate()
        if branch is None:
            if running_replays:
                note_outside(interception.alias)
            return await function(*args, **kwargs)
        if not branch.intercepting:
            return await function(*args, **kwargs)
        try:
            plan = begin(branch, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            plan = None
            _not_begun(interception, branch, fault)
        if plan is None:
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
            _fail(interception, scope, step, error, args, kwargs)
            raise
        try:
            return finish(scope, step, value, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            _not_finished(interception, scope, fault)
        return value

    return intercepted


def _generating(
    function: Callable[..., Any], interception: Interception, gate: Gate
) -> Callable[..., Any]:
    return wraps(function)(relaying(_opening(function, interception, gate, asynchronous=False)))


def _generating_asynchronously(
    function: Callable[..., Any], interception: Interception, gate: Gate
) -> Callable[..., Any]:
    opening = _opening(function, interception, gate, asynchronous=True)
    return wraps(function)(relaying_asynchronously(opening))


def _opening(
    function: Callable[..., Any], interception: Interception, gate: Gate, *, asynchronous: bool
) -> Callable[..., tuple[Any, Consumption | None]]:
    # Called by the first `next`: a generator's body runs from there on.
    def opened(*args: Any, **kwargs: Any) -> tuple[Any, Consumption | None]:
        plan = _begun(interception, gate(), args, kwargs)
        if plan is None:
            return function(*args, **kwargs), None
        scope, step = plan
        if scope is None:
            return step.get(), None
        try:
            source = function(*args, **kwargs)
        except BaseException as error:
            _fail(interception, scope, step, error, args, kwargs)
            raise
        call = (interception, scope, step, args, kwargs)
        return source, Consumption(*call, asynchronous=asynchronous)

    return opened


def _begun(interception: Interception, branch: Branch | None, args: Args, kwargs: Kwargs) -> Plan:
    if branch is None:
        if running_replays:
            note_outside(interception.alias)
        return None
    if not branch.intercepting:
        return None
    try:
        return interception.begin(branch, args, kwargs)
    except Exception as fault:  # noqa: BLE001 - the guard
        _not_begun(interception, branch, fault)
    return None


def _not_begun(interception: Interception, branch: Branch, fault: Exception) -> None:
    subject = interception.alias
    take_fault(branch.session, f"Beginning {interception.noun}", subject, fault)


def _not_finished(interception: Interception, branch: Branch, fault: Exception) -> None:
    stage = f"Recording the result of {interception.noun}"
    take_fault(branch.session, stage, interception.alias, fault)


def _fail(
    interception: Interception,
    branch: Branch,
    step: Any,
    error: BaseException,
    args: Args,
    kwargs: Kwargs,
) -> None:
    try:
        interception.fail(branch, step, error, args, kwargs)
    except Exception as fault:  # noqa: BLE001 - the guard
        stage = f"Recording the exception of {interception.noun}"
        take_fault(branch.session, stage, interception.alias, fault)


async def _given(outcome: Outcome) -> Any:
    if outcome.exception is not None:
        await cancelled_again(outcome.exception)
    value = outcome.get()
    return await value if inspect.isawaitable(value) else value
