"""The session (recording or playback) that is current in this context, and its branches."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from itertools import count
from threading import Lock
from typing import Any, ClassVar, Final

from playback_core.entry import BranchPath
from playback_core.interceptor_options import DEFAULT_OPTIONS, InterceptorOptions
from playback_core.packing import Redaction
from playback_core.reads import Reads
from playback_core.recording import Recording


class Session:
    """What the operation running in a context is doing: being recorded or being replayed.

    `open` is true until it has ended or was discarded. `ended` is true when the recorded operation
    has returned: what still runs in its context is late, or begins an operation of its own.
    """

    replaying: ClassVar[bool]

    def __init__(
        self,
        redaction: Redaction | None = None,
        interceptor_options: InterceptorOptions = DEFAULT_OPTIONS,
    ) -> None:
        self.redaction = redaction
        self.interceptor_options = interceptor_options
        self.open = True
        self.ended = False
        self._root: Branch | None = None
        self._output_numbers: dict[str, int] = {}
        self.remembered: Final[dict[type, Any]] = {}
        """What interceptors know of this session only, each by a class of its own."""
        self._at_end: Final[list[Callable[[], None]]] = []

    @property
    def root(self) -> "Branch":
        """The branch of the operation itself."""
        if self._root is None:
            self._root = Branch(self, ())
        return self._root

    def let_go(self) -> None:
        """Forget the root, which knows its session: nobody waits for a collection of garbage."""
        self._root = None

    @property
    def recording(self) -> Recording | None:
        """The recording being made or replayed; None while it has no name yet."""
        raise TypeError(f"{type(self).__name__} does not say which recording it works on")

    def note_late(self) -> None:
        """Count a call that came after the session had ended."""

    def begin_branch(self, path: BranchPath) -> None:
        """Note that a thread of the operation may run from now on."""

    def end_branch(self, path: BranchPath) -> None:
        """Note that it has ended."""

    def at_end(self, tell: Callable[[], None]) -> None:
        """Have something told that may still be untold when the operation ends."""
        self._at_end.append(tell)

    def tell_the_rest(self) -> None:
        """Tell what `at_end` was given; called once, when the operation ends."""
        while self._at_end:
            self._at_end.pop(0)()

    def grow(self, size: int) -> None:
        """Count bytes that an entry takes more than when it was added."""

    def number_database(self, path: BranchPath, library: str, address: str) -> int:
        """Return which of a library's databases in a branch has this address, from 1.

        A strict replay raises RecordingKeyError where it is not the recorded one.
        """
        raise TypeError(f"{type(self).__name__} does not know databases")

    def note_outside(self, alias: str) -> None:
        """Note an intercepted call that came from outside the operation, in a replay."""

    def fail(self, stage: str, subject: str, error: BaseException | None) -> None:
        """Take a fault of the recorder: a replay raises it, a recording is dropped."""
        raise TypeError(f"{type(self).__name__} does not say what a fault means to it")

    def number_output(self, alias: str) -> int:
        """Return 1, 2, ... for the calls of an output whose data handler wants its key."""
        number = self._output_numbers[alias] = self._output_numbers.get(alias, 0) + 1
        return number

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the current session for a block."""
        with within(self.root):
            yield


class Branch:
    """One line of execution within an operation: a thread, a task, or the operation itself.

    `path` is the ordinals of creation from the root down. `inner` is the same branch while an
    interception runs: nothing within it is intercepted. On a `sealed` one nothing may run for
    real: it is of a replayed operation. `reads` has what is read from the clock and of random
    numbers; None where they are left alone.
    """

    __slots__ = (
        *("_children", "_unsealed", "inner", "intercepting", "path", "reads", "sealed", "session"),
    )

    inner: "Branch"

    def __init__(
        self,
        session: Session,
        path: BranchPath,
        *,
        sealed: bool = False,
        reads: Reads | None = None,
    ) -> None:
        self.session = session
        self.path = path
        self.sealed = sealed
        self.reads = reads
        self.intercepting = True
        self._children = count()
        self._unsealed: Branch | None = None
        self.inner = self._quiet(None)

    def child(self) -> "Branch":
        """Return a new branch created by this one; what an interception creates stays within it."""
        if not self.intercepting:
            return self
        path = (*self.path, next(self._children))
        reads = None if self.reads is None else self.reads.child(path)
        return Branch(self.session, path, sealed=self.sealed, reads=reads)

    def computing(self) -> "Branch":
        """Return this branch as it is for a call that reaches nothing but its clock."""
        return self._quiet(self.reads)

    def _quiet(self, reads: Reads | None) -> "Branch":
        twin = _QuietBranch.__new__(_QuietBranch)
        twin.session = self.session
        twin.path = self.path
        twin.sealed = self.sealed
        twin.reads = reads
        twin.intercepting = False
        return twin

    def unsealed(self) -> "Branch":
        """Return this branch as it is for a call that the user lets run for real."""
        if self._unsealed is None:
            twin = Branch(self.session, self.path)
            twin._children = self._children
            self._unsealed = twin
        return self._unsealed


class _QuietBranch(Branch):
    """A branch while an interception runs: within it, it is itself."""

    __slots__ = ()

    # Kept as an attribute it would be a cycle, garbage with each operation.
    @property
    def inner(self) -> Branch:  # type: ignore[override]
        return self

    def unsealed(self) -> Branch:
        twin = self._quiet(None)
        twin.sealed = False
        return twin


_current: Final[ContextVar[Branch | None]] = ContextVar("playback_branch", default=None)

current: Final = _current.get
"""Return the branch that is current in this context, or None."""

enter: Final = _current.set
"""Make a branch (or None) current; give the token to `leave` in the same frame."""


def leave(token: Token[Branch | None] | None, outer: Branch | None = None) -> None:
    """Undo an `enter` that may not have come to its end: `outer` was current before.

    A coroutine that is resumed in another context cannot reset the token: the variable there is
    not the one that was set, and is left alone. An exception of a signal handler can come between
    the variable being set and its token being known.
    """
    try:
        if token is None:
            _current.set(outer)
        else:
            _current.reset(token)
    except ValueError:
        return


class within:
    """Make a branch (or None) current for a block that is not left and resumed."""

    __slots__ = ("_branch", "_outer", "_token")

    def __init__(self, branch: Branch | None) -> None:
        self._branch = branch
        self._token: Token[Branch | None] | None = None

    def __enter__(self) -> None:
        self._outer = current()
        try:
            self._token = enter(self._branch)
        except BaseException:
            leave(self._token, self._outer)
            raise

    def __exit__(self, *error: object) -> None:
        leave(self._token, self._outer)


@contextmanager
def unsealed() -> Iterator[None]:
    """Let a block reach the world that is the replay's own work, or allowed by the user."""
    branch = current()
    with within(None if branch is None else branch.unsealed()):
        yield


@contextmanager
def unintercepted() -> Iterator[None]:
    """Let a block be of no operation, and reach the world, whatever it is called in."""
    branch = current()
    with within(None if branch is None else branch.unsealed().inner):
        yield


running_replays: Final[list[Session]] = []
"""The replays of this process; an intercepted call without a session is noted on them."""


_to_prepare: Final[list[Callable[[], None]]] = []
_preparing: Final = Lock()


def when_replaying(prepare: Callable[[], None]) -> Callable[[], None]:
    """Have something done once, before the next replay of this process begins, or in one at once.

    It is for what only replays need of what is in place while recording, and would cost there.
    """
    if running_replays:
        prepare()
    else:
        _to_prepare.append(prepare)
    return prepare


def prepare_replays() -> None:
    """Do what `when_replaying` was given."""
    # One that begins in another thread meanwhile waits for it.
    with _preparing:
        while _to_prepare:
            _to_prepare.pop()()


def note_outside(alias: str) -> None:
    """Tell the running replays of an intercepted call that belongs to no session."""
    for session in tuple(running_replays):
        session.note_outside(alias)


def current_session() -> Session | None:
    """Return the session of this context if it is still open."""
    branch = current()
    return branch.session if branch is not None and branch.session.open else None


_forks = 0


def forks() -> int:
    """Return how many forks lie between the first process and this one."""
    return _forks


def _leave_recording() -> None:
    global _forks
    _forks += 1
    # A recording is that of the parent; a child that forgot a replay would touch the world.
    branch = current()
    if branch is not None and not branch.session.replaying:
        enter(None)


os.register_at_fork(after_in_child=_leave_recording)
