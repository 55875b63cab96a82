"""Carries the current branch into the threads and tasks an operation starts."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from types import MethodType
from typing import Any, Final

from playback_core.session import Branch, current, within

_MARK: Final = "__playback_wrapper__"

_with_own_context: Final[set[Callable[..., Any]]] = set()


def leave_context_to(method: Callable[..., Any]) -> None:
    """Carry no branch into what a pool runs by `functools.partial` of this method of an object.

    It is one that runs its work in a copy of the caller's context, and has its caller wait for it:
    so that is on the caller's branch, whatever is carried.
    """
    _with_own_context.add(method)


def _has_own_context(work: Any) -> bool:
    return type(work) is partial and getattr(work.func, "__func__", None) in _with_own_context


def install() -> None:
    """Wrap `Thread.start`, `ThreadPoolExecutor.submit` and `create_task`; idempotent.

    Only our variable is carried: copying the whole context breaks frameworks that bind theirs to
    a thread. With no current branch each wrapper is one check.
    """
    for owner, name, wrapper in _POINTS:
        original = getattr(owner, name)
        if not hasattr(original, _MARK):
            wrapped = wrapper(original)
            setattr(wrapped, _MARK, wrapped)
            setattr(owner, name, wrapped)


def uninstall() -> None:
    """Put the originals back, unless somebody else has wrapped them since."""
    for owner, name, _ in _POINTS:
        function = getattr(owner, name)
        # A wrapper around ours has copied the mark, which still names ours.
        ours = getattr(function, _MARK, None)
        if ours is not None and ours is function:
            setattr(owner, name, ours.__wrapped__)


def _carried(branch: Branch, run: Callable[..., Any]) -> Callable[..., Any]:
    # Within an interception it is no branch of its own.
    session, path = branch.session, branch.path if branch.intercepting else None

    def carried(*args: Any, **kwargs: Any) -> Any:
        try:
            with within(branch):
                return run(*args, **kwargs)
        finally:
            if path is not None:
                session.end_branch(path)

    if path is not None:
        session.begin_branch(path)
    return carried


def _thread_start(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def start(self: threading.Thread) -> None:
        branch = current()
        if branch is not None and self._initialized and self.ident is None:  # type: ignore[attr-defined]
            _carry_into(self, branch.child())
        original(self)

    return start


def _carry_into(thread: threading.Thread, branch: Branch) -> None:
    # Ours where it could not be started and is tried again.
    run = getattr(thread.run, _MARK, thread.run)

    work = _carried(branch, run)

    def carried(thread: threading.Thread) -> None:
        # The attribute refers to a method of the thread that holds it; without it the cycle ends.
        vars(thread).pop("run", None)
        work()

    setattr(carried, _MARK, run)
    # A method, as others that wrap it expect: Sentry's SDK takes its function.
    thread.run = MethodType(carried, thread)  # type: ignore[method-assign]


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        branch = current()
        if branch is None:
            return original(self, fn, *args, **kw)
        # A pool starts its worker here, and the worker outlives the operation.
        work = fn if _has_own_context(fn) else _carried(branch.child(), fn)
        with within(None):
            return original(self, work, *args, **kw)

    return submit


def _create_task(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def create_task(self: asyncio.BaseEventLoop, coro: Any, **options: Any) -> Any:
        branch = current()
        if branch is None or options.get("context") is not None:
            return original(self, coro, **options)
        with within(branch.child()):
            return original(self, coro, **options)

    return create_task


_POINTS: Final[list[tuple[type, str, Callable[[Callable[..., Any]], Callable[..., Any]]]]] = [
    (threading.Thread, "start", _thread_start),
    (ThreadPoolExecutor, "submit", _submit),
    (asyncio.BaseEventLoop, "create_task", _create_task),
]
