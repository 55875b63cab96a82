"""Consumption: what is kept of a stream while it is consumed, and told to its interception."""

from __future__ import annotations

from typing import Any, Protocol

from playback_core.codec import encode
from playback_core.guard import take_fault
from playback_core.outcome import Outcome
from playback_core.session import Branch
from playback_core.streamed import Ending, StreamSnapshot, never_run

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

PutIn = tuple[Any, BaseException | None]
"""What a reader put into a generator: the value it sent, or the exception it threw."""


class Streaming(Protocol):
    """What a stream needs of the interception whose call gave it."""

    alias: str
    noun: str

    def open_stream(
        self, branch: Branch, step: Any, *, asynchronous: bool
    ) -> StreamSnapshot | None:
        """Return what keeps the items of a stream; None where they are not kept."""

    def keep_item(
        self,
        branch: Branch,
        step: Any,
        stream: StreamSnapshot,
        item: Any,
        args: Args,
        kwargs: Kwargs,
    ) -> bool:
        """Keep an item as it is now; tell whether to go on keeping them."""

    def close_stream(
        self,
        branch: Branch,
        step: Any,
        stream: StreamSnapshot | None,
        error: BaseException | None,
        args: Args,
        kwargs: Kwargs,
    ) -> None:
        """Take the end of a stream, by an error or not; None: not all its items were kept."""

    def open_awaited(self, branch: Branch, step: Any) -> None:
        """Take that a call has returned an awaitable."""

    def settle(
        self, branch: Branch, step: Any, outcome: Outcome, args: Args, kwargs: Kwargs
    ) -> None:
        """Take what an awaitable came to that the call had returned."""


class Consumption:
    """What is kept of one stream, and told to its interception when it ends."""

    def __init__(
        self,
        interception: Streaming,
        branch: Branch,
        step: Any,
        args: Args,
        kwargs: Kwargs,
        *,
        asynchronous: bool,
    ) -> None:
        self.branch = branch
        self._interception = interception
        self._call = (step, args, kwargs)
        self._running = True
        self._stream: StreamSnapshot | None = None
        try:
            self._stream = interception.open_stream(branch, step, asynchronous=asynchronous)
        except Exception as fault:  # noqa: BLE001 - the guard
            self._fault(fault)

    def keep(self, item: Any, put: PutIn | None = None) -> None:
        """Keep an item, before whoever reads the stream gets it; `put` is what it answers."""
        if put is not None:
            self._refuse(put)
        stream = self._stream
        if stream is None:
            return
        step, args, kwargs = self._call
        try:
            if not self._interception.keep_item(self.branch, step, stream, item, args, kwargs):
                self._stream = None
        except Exception as fault:  # noqa: BLE001 - the guard
            self._fault(fault)

    def finish(self, value: Any, put: PutIn | None = None) -> None:
        """Take the end of the stream and what the generator returned."""
        if put is not None:
            self._refuse(put)
        self._close("finished", value, None)

    def fail(self, error: BaseException, put: PutIn | None = None) -> None:
        """Take the exception that ended the stream.

        A reader whose own exception comes back has left, and does so by itself in a replay.
        """
        if put is not None:
            if error is put[1]:
                self.leave()
                return
            self._refuse(put)
        self._close("raised", error, error)

    def leave(self) -> None:
        """Take that whoever read the stream left before its end."""
        self._close("partial", None, None)

    def _refuse(self, put: PutIn) -> None:
        # What it answers is known, but not whether a replay puts in the same.
        if self._stream is not None:
            what = "a value was sent" if put[1] is None else "an exception was thrown"
            self._fault(TypeError(f"{what} into it, which a replay could not repeat"))

    def _close(self, ending: Ending, value: Any, error: BaseException | None) -> None:
        if not self._running:
            return
        self._running = False
        stream, self._stream = self._stream, None
        step, args, kwargs = self._call
        try:
            # One whose operation has ended meanwhile stays as it was then.
            if stream is not None and not self.branch.session.ended:
                stream.end(ending, encode(value))
            self._interception.close_stream(self.branch, step, stream, error, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            self._fault(fault)

    def _fault(self, fault: Exception) -> None:
        self._stream = None
        stage = f"Recording the items of {self._interception.noun}"
        take_fault(self.branch.session, stage, self._interception.alias, fault)


class Awaiting:
    """What is told to an interception of the awaitable that its call has returned."""

    def __init__(
        self, interception: Streaming, branch: Branch, step: Any, args: Args, kwargs: Kwargs
    ) -> None:
        self.branch = branch
        self._interception = interception
        self._call = (step, args, kwargs)
        self._settled = False
        interception.open_awaited(branch, step)

    def settle(self, outcome: Outcome) -> None:
        """Take what it came to, the first time."""
        if self._settled:
            return
        self._settled = True
        interception, branch = self._interception, self.branch
        try:
            step, args, kwargs = self._call
            interception.settle(branch, step, outcome, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            stage = f"Recording the result of {interception.noun}"
            take_fault(branch.session, stage, interception.alias, fault)

    def leave(self) -> None:
        """Take that it is gone, and was not awaited if it was not settled."""
        if not self._settled:
            self.settle(never_run())
