"""Files that a call of AWS can read only once: what it has read of them, also where it broke."""

from __future__ import annotations

from typing import Any, Final

from playback_core.entry import EntryKind
from playback_core.interceptors._aws_values import relayed_files
from playback_core.interceptors._sent_bodies import Content
from playback_core.playback_session import PlaybackSession
from playback_core.session import current

_CUT_AT: Final = "cut_at"


class Upload:
    """What a call reads of the files among its parameters, which are replaced by their relays.

    One that fails need not have read all: a replay reads as far as that.
    """

    def __init__(self, kind: EntryKind, alias: str, params: dict[str, Any]) -> None:
        self._sent = relayed_files(params)
        self._has_failed = False
        if self._sent:
            self._foresee(kind, alias)

    @property
    def names(self) -> list[str]:
        """The names of the parameters that are such files."""
        return [*self._sent]

    def fail(self) -> None:
        """Note that the call has raised."""
        self._has_failed = True

    def contents(self) -> dict[str, Content]:
        """Return what was read, by name."""
        return {name: body.content() for name, body in self._sent.items()}

    def cuts(self) -> dict[str, Any]:
        """Return after how many bytes which file was left by a call that failed, as a field."""
        cuts = {name: body.cut_at for name, body in self._sent.items() if body.cut_at is not None}
        return {_CUT_AT: cuts} if cuts and self._has_failed else {}

    def _foresee(self, kind: EntryKind, alias: str) -> None:
        branch = current()
        if branch is None or not isinstance(branch.session, PlaybackSession):
            return
        entry = next(iter(branch.session.left(kind, alias, branch.path)), None)
        if entry is None or not entry.failed:
            return
        self.fail()
        arguments = entry.decoded_arguments()
        fields = arguments["kwargs"] if kind is EntryKind.OUTPUT else arguments[1]
        for name, size in fields.get(_CUT_AT, {}).items():
            if name in self._sent:
                self._sent[name].stop_after = size
