"""Playback: the result of one replay."""

from dataclasses import dataclass, field

from playback_core.entry import BranchPath, Entry
from playback_core.recording import Output, Recording


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

    `how` is `moved branch`, `repeated` or `fallback alias`.
    """

    alias: str
    how: str


@dataclass(frozen=True, slots=True)
class CapturedOutput:
    """An output of the replay: where it was sent from, and the snapshot of what was sent."""

    branch: BranchPath
    alias: str
    data: bytes


@dataclass(frozen=True)
class Playback:
    """What a replay produced, what the recording has, and how the two met.

    Durations are seconds. `missed` calls were not recorded and raised; `substituted` ones were not
    recorded and were answered by a declared policy; `repeated` and `moved` ones were served by a
    recorded call that was not in their place; `consumed` and `never_consumed` are recorded
    entries; `late` has a line for each call that came after the replay had ended, which may be
    after this object was made; `outside` has the alias of each intercepted call that ran for real
    meanwhile because it came from a thread that was running before the replay.
    """

    playback_outputs: list[Output]
    playback_duration: float
    recorded_outputs: list[Output]
    recorded_duration: float | None
    original_recording: Recording
    missed: list[Miss] = field(default_factory=list)
    substituted: list[Substitution] = field(default_factory=list)
    repeated: list[Relocation] = field(default_factory=list)
    moved: list[Relocation] = field(default_factory=list)
    consumed: list[Entry] = field(default_factory=list)
    never_consumed: list[Entry] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
