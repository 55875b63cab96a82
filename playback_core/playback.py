"""Playback: the result of one replay."""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import Any, Final, Literal, NamedTuple, get_args

from playback_core.databases import OtherDatabase
from playback_core.entry import BranchPath, Entry, EntryKind
from playback_core.metadata import DURATION, RECORDED_AT
from playback_core.now import Window, Windows, recorded_window
from playback_core.packing import Redaction
from playback_core.recording import Output, Recording, outputs_of

Sealed = Literal["full", "python", "off"]
"""What kept a replay from the world: the system and Python, Python alone, or nothing."""

SEALS: Final[tuple[Sealed, ...]] = get_args(Sealed)
_ASKED_FOR: Final = (EntryKind.INPUT, EntryKind.OUTPUT)


@dataclass(frozen=True, slots=True)
class Miss:
    """A replayed call that was not recorded; it raised, whether or not the application let it."""

    alias: str
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Substitution:
    """A replayed call that was not recorded and was answered by a policy its declaration names."""

    alias: str
    key: str
    policy: str

    @property
    def message(self) -> str:
        """One line for a report."""
        return f"{self.key} was not recorded; answered by {self.policy}"


@dataclass(frozen=True, slots=True)
class Relocation:
    """A replayed call that was served, but not by its own place in the recording.

    `how` is `moved branch`, `repeated`, `clock` or `fallback alias`.
    """

    alias: str
    how: str


class ReplayTimes(NamedTuple):
    """When a replay was, epoch nanoseconds: the latest of its virtual clock, and really."""

    latest: int
    started: int
    ended: int


def window_of(recording: Recording) -> Window:
    """Return when a recorded operation ran, from its beginning, before it had a name."""
    metadata = recording.get_metadata()
    duration, recorded_at = metadata.get(DURATION), metadata.get(RECORDED_AT)
    return recorded_window(recording.started_at, duration, recorded_at)


def windows_of(recording: Recording, times: ReplayTimes) -> Windows:
    """Return when a recorded operation ran, and when its replay did."""
    recorded = window_of(recording)
    virtual = Window(recorded.start, max(recorded.end, times.latest))
    return Windows(recorded, virtual, Window(times.started, times.ended))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a replay leaves behind as it was at its end, encoded; most of it is seldom read.

    `consumed` has a byte for each of the recorded `entries`, not 0 where it served a call; `sent`
    is the outputs of the replay as they came. `types` are kept for decoding: one that was defined
    in a function of the operation would be gone.
    """

    entries: tuple[Entry, ...]
    consumed: bytes
    sent: tuple[Entry, ...]
    types: tuple[type, ...] = field(default=(), compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process looks for the types among its own.
        return Evidence, (self.entries, self.consumed, self.sent)

    def outputs(self) -> Iterator[Entry]:
        """Yield the outputs of the replay as its branches were interleaved when recorded.

        Order is exact within a branch and free between branches; what the recording has no place
        for comes last, as it came.
        """
        waiting: dict[BranchPath, deque[Entry]] = defaultdict(deque)
        for output in self.sent:
            waiting[output.branch].append(output)
        for entry in self.entries:
            if entry.kind is EntryKind.OUTPUT and waiting[entry.branch]:
                yield waiting[entry.branch].popleft()
        left = {id(output) for queue in waiting.values() for output in queue}
        yield from (output for output in self.sent if id(output) in left)


@dataclass(frozen=True)
class Playback:
    """What a replay produced, what the recording has, and how the two met.

    Durations are seconds. `missed` calls were not recorded and raised; `substituted` ones were not
    recorded and were answered by a declared policy; `repeated` and `moved` ones were served by a
    recorded call that was not in their place; `other_databases` were used in the place of the
    recorded ones; `set_up` are statements by which connections were set up, that decide where
    others go and are not compared; `late` has a line for each call that came after the
    replay had ended, which may be after this object was made, or that a thread made which went on
    after the recorded operation had; `outside` has the alias of each
    intercepted call that ran for real meanwhile because it came from a thread that was running
    before the replay; `made_up` counts, by source, the random numbers that were drawn beyond the
    recorded ones and made from the recording's id; `times` says when the replay was, None where it
    had the real clock; `redaction` is that of the replay. `sealed` says what kept the replay from
    the world. `evidence` is what the properties are made of, each when it is first read.
    """

    playback_duration: float
    recorded_duration: float | None
    original_recording: Recording
    evidence: Evidence = field(repr=False)
    missed: list[Miss] = field(default_factory=list)
    substituted: list[Substitution] = field(default_factory=list)
    repeated: list[Relocation] = field(default_factory=list)
    moved: list[Relocation] = field(default_factory=list)
    other_databases: list[OtherDatabase] = field(default_factory=list)
    set_up: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    sealed: Sealed = "off"
    made_up: dict[str, int] = field(default_factory=dict)
    times: ReplayTimes | None = field(default=None, repr=False)
    redaction: Redaction | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        # It has a key, and no use where it was not replayed.
        return self.__dict__ | {"redaction": None}

    @cached_property
    def windows(self) -> Windows | None:
        """When the two runs were; None where the replay had the real clock."""
        return None if self.times is None else windows_of(self.original_recording, self.times)

    @cached_property
    def playback_outputs(self) -> list[Output]:
        """The outputs of the replay; order is the recorded one, and free between branches."""
        return outputs_of(self.evidence.outputs())

    @cached_property
    def recorded_outputs(self) -> list[Output]:
        """The outputs of the recording; DecodeError where one is damaged."""
        return outputs_of(self.evidence.entries)

    @cached_property
    def consumed(self) -> list[Entry]:
        """The recorded entries that served a call, in recorded order."""
        return list(compress(self.evidence.entries, self.evidence.consumed))

    @cached_property
    def never_consumed(self) -> list[Entry]:
        """The recorded inputs and outputs no call asked for, in recorded order."""
        return [
            entry
            for entry, used in zip(self.evidence.entries, self.evidence.consumed, strict=True)
            if not used and entry.kind in _ASKED_FOR
        ]
