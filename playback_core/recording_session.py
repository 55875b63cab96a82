"""RecordingSession: what one operation keeps while it is being recorded, and how it ends."""

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime
from itertools import chain
from random import Random
from time import perf_counter_ns
from typing import Any, Final

from playback_core.codec import UNCHANGING, Deferred, decode, encode
from playback_core.databases import UsedDatabases
from playback_core.entry import ENTRY_BYTES, BranchPath, Entry, EntryKind, add_by_rank
from playback_core.errors import ForbiddenContentError, SettingsError
from playback_core.guard import FailingOpen, Guard, take_fault
from playback_core.interceptor_options import DEFAULT_OPTIONS, InterceptorOptions
from playback_core.metadata import (
    DURATION,
    EXCEPTION_IN_OPERATION,
    INCOMPLETE_RECORDING,
    OUTLIVED,
    RECORDED_AT,
)
from playback_core.outlived import paths_of
from playback_core.packing import Redaction
from playback_core.reads import RecordedReads
from playback_core.recording import Completion, Recording
from playback_core.session import Session, forks, within
from playback_core.shedding import Shedding
from playback_core.tape_cassette import TapeCassette


@dataclass(frozen=True, slots=True)
class RecordingParameters:
    """How the operations of a class are recorded.

    `sampling_rate` is the share that is kept, 0 to 1; `ignore_enforced_sampling` makes
    `force_sample_recording()` have no effect; `skipped` records nothing. The order and the last
    name, which is refused, are the predecessor's. Raise SettingsError on a wrong value.
    """

    sampling_rate: float = 1.0
    ignore_enforced_sampling: bool = False
    skipped: bool = False
    copy_data_on_intercepion: InitVar[None] = None

    def __post_init__(self, copy_data_on_intercepion: object) -> None:
        if copy_data_on_intercepion is not None:
            raise SettingsError(
                "copy_data_on_intercepion is no parameter any more: a snapshot of each value is"
                " always taken when it is intercepted. Leave it out."
            )
        for option in ("ignore_enforced_sampling", "skipped"):
            if not isinstance(getattr(self, option), bool):
                raise SettingsError(
                    f"{option} of the recording parameters is {getattr(self, option)!r}; it must be"
                    " True or False."
                )
        rate = self.sampling_rate
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise SettingsError(f"sampling_rate is {rate!r}; it must be a number from 0 to 1.")


MAX_OPERATION_BYTES: Final = 64 * 1024**2
"""What the entries of one operation may take in memory; a larger recording is discarded."""

_OUTPUT: Final = EntryKind.OUTPUT

DEFAULT_PARAMETERS: Final = RecordingParameters()


@dataclass(frozen=True, slots=True)
class RecordingHost:
    """What a session needs of the recorder that opened it.

    `clock` has reads recorded; `shedding` leaves operations out while CPU is short, None: never.
    """

    tape_cassette: TapeCassette
    guard: Guard
    random: Random
    redaction: Redaction | None = None
    clock: bool = False
    interceptor_options: InterceptorOptions = DEFAULT_OPTIONS
    shedding: Shedding | None = None

    def fail(self, stage: str, subject: str, error: BaseException | None) -> None:
        """Take a fault that came before there was a session: the operation is not recorded."""
        self.guard.count("failed")
        self.guard.report(stage, subject, error, "it is not recorded")


def as_it_is_now(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that no later change reaches: metadata is encoded when it is stored."""
    copy = dict(metadata)
    if not UNCHANGING.issuperset(map(type, copy.values())):
        copy = decode(encode(copy))
    return copy


class RecordingSession(Session):
    """The entries of a running operation, and the rules by which they are kept or dropped."""

    replaying = False

    def __init__(
        self, host: RecordingHost, parameters: RecordingParameters, metadata: dict[str, Any]
    ) -> None:
        super().__init__(host.redaction, host.interceptor_options)
        self.entries: list[Entry] = []
        self.forced = False
        self.category = "an unnamed operation"
        self.recording_id: str | None = None
        self._kept = True
        self._drawn: float | None = None
        self._size = 0
        self.started = perf_counter_ns()
        self.host = host
        self._parameters = parameters
        self._recording: Recording | None = None
        self._metadata = metadata
        self._forks = forks()
        self._running: set[BranchPath] = set()
        self._databases = UsedDatabases()
        self._reads = RecordedReads() if host.clock else None
        if self._reads is not None:
            self.root.reads = self._reads.branch(())

    @property
    def recording(self) -> Recording | None:
        return self._recording

    def name(self, category: str, parameters: RecordingParameters | None = None) -> None:
        """Give the operation its category, which makes its recording and its id."""
        if parameters is not None:
            self._parameters = parameters
        self.category = category
        self._recording = self.host.tape_cassette.create_new_recording(category)
        self.recording_id = self._recording.id

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add metadata to be stored with the recording."""
        self._metadata.update(metadata)

    def force_sample(self) -> None:
        """Keep this recording whatever the sampling says, unless its parameters forbid that."""
        self.forced = self.forced or not self._parameters.ignore_enforced_sampling

    def add(self, entry: Entry) -> None:
        """Append an entry, or count it where the operation has ended meanwhile."""
        add_by_rank(self.entries, entry)
        self._size += ENTRY_BYTES
        if entry.arguments is not None:
            self._size += len(entry.arguments)
        if entry.result is not None:
            self._size += len(entry.result)
        if self._size > MAX_OPERATION_BYTES:
            self._outgrow()
        if not self.open:
            self.note_late()

    def end(self, entry: Entry, result: bytes | Deferred) -> None:
        """Give an entry its result; an input is added now, an output was when it was sent."""
        if not self.open:
            self.note_late()
            return
        entry.at = (perf_counter_ns() - self.started) // 1000
        entry.result = result
        size = self._size + len(result)
        if entry.kind is not _OUTPUT:
            self.entries.append(entry)
            size += ENTRY_BYTES
            if entry.arguments is not None:
                size += len(entry.arguments)
        self._size = size
        if size > MAX_OPERATION_BYTES:
            self._outgrow()

    def begin_branch(self, path: BranchPath) -> None:
        self._running.add(path)

    def end_branch(self, path: BranchPath) -> None:
        self._running.discard(path)

    def number_database(self, path: BranchPath, library: str, address: str) -> int:
        return self._databases.number(path, library, address)

    def grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_OPERATION_BYTES:
            self._outgrow()

    def _outgrow(self) -> None:
        limit = f"more than {MAX_OPERATION_BYTES // 1024**2} MiB in one operation"
        self.host.guard.report(
            "Keeping entries of", self.category, None, f"{limit}: this recording is discarded"
        )
        self.discard("too_large")

    def note_late(self) -> None:
        # A discarded operation still runs: what it calls is unrecorded, not late.
        if self.ended:
            self.host.guard.count("late")

    def discard(self, counter: str = "discarded") -> None:
        """Drop the recording; the operation goes on unrecorded."""
        if not self._kept:
            return
        self._kept = self.open = False
        self.host.guard.count(counter)
        if self._recording is not None:
            with FailingOpen(self, "Aborting the recording of", self.category), within(None):
                self.host.tape_cassette.abort_recording(self._recording)
        self._forget()

    def fail(self, stage: str, subject: str, error: BaseException | None) -> None:
        """Report a fault of recording and drop the recording."""
        if isinstance(error, ForbiddenContentError):
            self.host.guard.refuse(error, "such recordings are discarded")
            self.discard("forbidden")
            return
        self.host.guard.report(stage, subject, error, "this recording is discarded")
        self.discard("failed")

    def warn(self, stage: str, subject: str) -> None:
        """Report something worth knowing that costs no recording."""
        self.host.guard.report(stage, subject, None, "the recording is kept")

    def finish(
        self,
        error: BaseException | None,
        extract_metadata: Callable[[], Mapping[str, Any]] | None = None,
        completion: Completion | None = None,
    ) -> None:
        """End the operation: store it, or drop it by sampling. Never raises an Exception."""
        if self._at_end and self.open:
            self.tell_the_rest()
        self.ended = True
        if not self.open:
            return
        if self._forks != forks():
            # The copy of a child that returns from where it was forked; the parent stores its own.
            self.open = False
            self._forget()
            return
        try:
            if self.is_sampled():
                self._save(error, extract_metadata, completion)
            else:
                self.discard("sampled_out")
        except Exception as fault:  # noqa: BLE001 - the guard
            take_fault(self, "Saving the recording of", self.category, fault)

    def _save(
        self,
        error: BaseException | None,
        extract_metadata: Callable[[], Mapping[str, Any]] | None,
        completion: Completion | None,
    ) -> None:
        recording = self._recording
        if recording is None:
            raise SettingsError("the operation ended before it was given a category")
        duration = perf_counter_ns() - self.started
        if extract_metadata is not None:
            self._metadata.update(as_it_is_now(extract_metadata() or {}))
        metadata = self._metadata
        metadata[DURATION] = duration / 1e9
        metadata[RECORDED_AT] = datetime.now(UTC).isoformat(" ").removesuffix("+00:00")
        metadata[EXCEPTION_IN_OPERATION] = error is not None
        metadata[INCOMPLETE_RECORDING] = not (error is None or isinstance(error, Exception))
        if self._running:
            # A copy: any of them may end meanwhile.
            metadata[OUTLIVED] = paths_of(self._running.copy())
        self.open = False
        # A copy: what a thread still running appends from here on is late, not part of it.
        entries = self.entries.copy()
        reads = () if self._reads is None else self._reads.entries(self.host.redaction)
        for entry in chain(reads, self._databases.entries()):
            entries.append(entry)
            self._size += ENTRY_BYTES + len(entry.result or b"")
        recording.end(entries, self._size, completion)
        recording.redaction = self.host.redaction
        recording.add_metadata(metadata)
        # A cassette's own calls are of no operation, also where this one is within another.
        with within(None):
            self.host.tape_cassette.save_recording(recording)
        self._kept = False
        self.host.guard.count("recorded")
        self._forget()

    def _forget(self) -> None:
        if self._reads is not None:
            self._reads.end()
        # A thread or task that outlives the operation keeps its session, for its context's life.
        self.entries = []
        self._metadata = {}
        self._recording = None
        self.let_go()

    def is_sampled(self) -> bool:
        """Tell whether the recording is to be kept as it stands; it may still be forced."""
        rate = self._parameters.sampling_rate
        return self.forced or rate >= 1 or self._draw() < rate

    def _draw(self) -> float:
        # Once: who was told before the end has to be told the truth.
        if self._drawn is None:
            self._drawn = self.host.random.random()
        return self._drawn
