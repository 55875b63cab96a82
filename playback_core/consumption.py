"""Consumption: what is kept of a stream while it is consumed, and told to its interception."""

from __future__ import annotations

from typing import Any, Protocol

from playback_core.codec import encode
from playback_core.guard import take_fault
from playback_core.outcome import Outcome
from playback_core.session import Branch
from playback_core.streamed import StreamSnapshot

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


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
        stream: StreamSnapshot,
        error: BaseException | None,
        args: Args,
        kwargs: Kwargs,
    ) -> None:
        """Take the end of a stream, by an error or not."""

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
        self._stream: StreamSnapshot | None = None
        try:
            self._stream = interception.open_stream(branch, step, asynchronous=asynchronous)
        except Exception as fault:  # noqa: BLE001 - the guard
            self._fault(fault)

    def keep(self, item: Any) -> None:
        """Keep an item, before whoever reads the stream gets it."""
        stream = self._stream
        if stream is None:
            return
        step, args, kwargs = self._call
        try:
            if not self._interception.keep_item(self.branch, step, stream, item, args, kwargs):
                self._stream = None
        except Exception as fault:  # noqa: BLE001 - the guard
            self._fault(fault)

    def refuse_sent(self) -> None:
        """Give up the recording: what was sent into the generator could not be sent again."""
        if self._stream is not None:
            self._fault(TypeError("a value was sent into it, which a replay could not repeat"))

    def finish(self, value: Any) -> None:
        """Take the end of the stream and what the generator returned."""
        self._close("finished", value, None)

    def fail(self, error: BaseException) -> None:
        """Take the exception that ended the stream."""
        self._close("raised", error, error)

    def leave(self) -> None:
        """Take that whoever read the stream left before its end."""
        self._close("partial", None, None)

    def _close(self, ending: Any, value: Any, error: BaseException | None) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        step, args, kwargs = self._call
        try:
            stream.end(ending, encode(value))
            self._interception.close_stream(self.branch, step, stream, error, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            self._fault(fault)

    def _fault(self, fault: Exception) -> None:
        self._stream = None
        stage = f"Recording the items of {self._interception.noun}"
        take_fault(self.branch.session, stage, self._interception.alias, fault)
