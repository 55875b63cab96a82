"""PlaybackSession: what a replay takes from its recording, and what it captures."""

import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from time import time_ns
from typing import Final

from playback_core.captured_outputs import CapturedOutputs
from playback_core.codec import decode, describe, known_types, on_refused_use
from playback_core.databases import ReplayedDatabases
from playback_core.entry import BranchPath, Entry
from playback_core.errors import (
    DecodeError,
    RecordingKeyError,
    SideEffectBlocked,
    TapeRecorderException,
)
from playback_core.interception_key import input_key, output_key
from playback_core.interceptor_options import DEFAULT_OPTIONS, InterceptorOptions
from playback_core.matching import Match, RecordedCalls
from playback_core.metadata import DURATION, OUTLIVED
from playback_core.misses import Misses
from playback_core.nearest import nearest_call, nearest_output
from playback_core.outlived import GARBAGE, OutlivedBranches, RunningThreads
from playback_core.packing import Redaction, unreadable
from playback_core.playback import (
    Evidence,
    Miss,
    Playback,
    Relocation,
    ReplayTimes,
    Sealed,
    Substitution,
    window_of,
    windows_of,
)
from playback_core.recording import Recording
from playback_core.replayed_reads import ReplayedReads
from playback_core.sandbox_options import SandboxOptions
from playback_core.session import Branch, Session, current, current_session

_STRICT_HINT: Final = "a strict replay takes a call from its own place alone."
_MAX_OUTSIDE: Final = 100
"""How many places are listed at which the rest of the process reached out."""


class PlaybackSession(Session):
    """One replay of one recording: sealed, unless `sandbox` is None, and under a virtual clock.

    `sealed` says how, as the Playback will. The clock is the real one if `clock` is False. With
    `strict` a call is answered by the recorded one in its own place alone.
    """

    replaying = True

    def __init__(
        self,
        recording: Recording,
        redaction: Redaction | None = None,
        sandbox: SandboxOptions | None = None,
        interceptor_options: InterceptorOptions = DEFAULT_OPTIONS,
        *,
        clock: bool = True,
        strict: bool = False,
    ) -> None:
        super().__init__(redaction, interceptor_options)
        self.sandbox: Final = sandbox
        self.own_files: Final[set[str]] = set()
        self.sealed: Sealed = "off"
        self._recording = recording
        self.strict: Final = strict
        windows = (lambda: windows_of(recording, self._times())) if clock else None
        self._calls = RecordedCalls(recording.entries, windows, strict=strict)
        self.take: Final = self._calls.take
        self.left: Final = self._calls.left
        self._databases = ReplayedDatabases(recording.entries, redaction)
        self.note_set_up: Final = self._databases.note_set_up
        self._lock = threading.RLock()
        self._started = time_ns()
        self._made_up: Counter[str] = Counter()
        self._reads = self._replayed_reads() if clock else None
        self.sent: Final = CapturedOutputs()
        self._misses = Misses()
        self.raise_first_missed: Final = self._misses.raise_first
        self._substituted: list[Substitution] = []
        self._late: list[str] = []
        self._outside: list[str] = []
        paths = recording.get_metadata().get(OUTLIVED)
        self._outlived = OutlivedBranches(paths, recording.entries)
        self._threads = RunningThreads()
        self._root_running = False
        self.on_exception: Callable[[BaseException], None] | None = None

    @property
    def recording(self) -> Recording:
        return self._recording

    def operation_branch(self) -> Branch:
        """Return a branch for the replayed operation.

        Its children are numbered as when it was recorded: the code that calls it, and the loop made
        for it, may have started some. Only here is it sealed, and the clock the virtual one.
        """
        reads = None if self._reads is None else self._reads.root()
        return Branch(self, (), sealed=self.sandbox is not None, reads=reads)

    def fail(self, stage: str, subject: str, error: BaseException | None) -> None:
        if isinstance(error, TapeRecorderException):
            raise error
        fault = TapeRecorderException("it failed") if error is None else error
        self.miss(subject, subject, f"{stage} {subject!r} failed: {fault!r}")
        raise fault

    def claim_root(self) -> bool:
        """Tell whether the operation being entered is the replayed one, not a span within it."""
        with self._lock:
            claimed, self._root_running = not self._root_running, True
            return claimed

    def begin_branch(self, path: BranchPath) -> None:
        self._threads.begin(path)

    def end_branch(self, path: BranchPath) -> None:
        self._threads.end(path)

    def release_root(self) -> None:
        """Note that the replayed operation has returned."""
        self._root_running = False

    def note_exception(self, error: BaseException) -> None:
        """Hand on an exception that the replayed operation raised, or answered for, to a debugger.

        It is not kept here: its traceback holds what the operation worked on.
        """
        if self.on_exception is not None:
            self.on_exception(error)

    def number_database(self, path: BranchPath, library: str, address: str) -> int:
        number = self._databases.number(path, library, address)
        other = self._databases.other(path, library, address) if self.strict else None
        if other is not None:
            hint = f"It was {other.recorded}; a strict replay takes the recorded database alone."
            raise self.miss(f"{library} database", f"{library} database {other.replayed}", hint)
        return number

    def capture(
        self, branch: Branch, alias: str, data: bytes, place: Entry | None = None, *, rank: int = 0
    ) -> None:
        """Keep what an output sent, in the place that was reserved for it, or as the last."""
        if not self.open:
            self.note_late()
        # That it has no recorded result is listed by what asks for one.
        if not self._outlived.send_beyond(branch.path):
            if self.redaction is not None:
                data = self.redaction.value(data)
            if place is None:
                place = self.sent.reserve(branch.path, rank=rank)
            place.alias, place.arguments = alias, data

    def note_fallback(self, alias: str) -> None:
        """Note that a call was served by one of its fallback aliases."""
        self._calls.relocated.append((alias, Match.FALLBACK_ALIAS))

    def substitute_input(self, alias: str, arguments: bytes, policy: str) -> None:
        """Note an input that was answered by a declared policy."""
        key = input_key(alias, decode(arguments))
        self._substituted.append(Substitution(alias, key, policy))

    def substitute_output(self, alias: str, policy: str) -> None:
        """Note an output whose result was given by a declared policy."""
        key = output_key(alias, self.sent.number(alias), "result")
        self._substituted.append(Substitution(alias, key, policy))

    def note_outside(self, alias: str) -> None:
        """Note an intercepted call that ran for real, as it came from outside the operation."""
        self._outside.append(alias)

    def note_outside_once(self, call: str) -> None:
        """Note what other code of the process did, the first time it did it there."""
        if call not in self._outside and len(self._outside) < _MAX_OUTSIDE:
            self._outside.append(call)

    def note_late(self) -> None:
        message = (
            f"A call came after the replay of recording {self._recording.id} had ended, from a"
            " thread or task that outlived the operation; it was not run."
        )
        self._late.append(message)
        raise TapeRecorderException(message)

    def lets_run(self, *aliases: str) -> bool:
        """Tell whether an interception of one of these names may run for real where it is missed.

        Unsealed, it may only where its declaration says so.
        """
        return self.sandbox is not None and not self.sandbox.aliases.isdisjoint(aliases)

    def refuse(self, attempt: str, site: str, remedy: str) -> SideEffectBlocked:
        """Note what was about to reach the world, and return the error for it."""
        call = f"{attempt}, at {site}"
        message = f"Blocked in the replay of recording {self._recording.id}: {call}. {remedy}"
        branch = current()
        if self.open and (branch is None or branch.path[:1] != GARBAGE):
            return self._misses.note(Miss(attempt, call, message), SideEffectBlocked)
        self._late.append(message)
        return SideEffectBlocked(message)

    def missing_input(self, alias: str, arguments: bytes) -> RecordingKeyError:
        """Note a miss and return the error for it."""
        decoded = decode(arguments)
        key = input_key(alias, decoded)
        refused = self._calls.refused(alias, arguments)
        if refused is not None:
            return self.miss(alias, key, f"It is there as {refused.value}; {_STRICT_HINT}")
        return self._missing(alias, key, nearest_call(self._recording.entries, alias, decoded))

    def missing_output(
        self, alias: str, data: bytes, *, is_declared: bool = True
    ) -> RecordingKeyError:
        """Note an output with no recorded result and return the error for it."""
        sent = self.sent.number(alias)
        told = nearest_output(self._recording.entries, alias, sent)
        hint = f"It sent {describe(decode(data), 300)}. {told}"
        if is_declared:
            hint += (
                " Declare it with fail_on_no_recorded_result=False if its result does not matter."
            )
        return self._missing(alias, output_key(alias, max(sent, 1), "result"), hint)

    def _missing(self, alias: str, key: str, hint: str) -> RecordingKeyError:
        branch = current()
        if branch is None or not self._outlived.hold(branch.path):
            return self.miss(alias, key, hint)
        message = (
            f"Not in recording {self._recording.id}: {key}. Its thread went on when the recorded"
            " operation had ended; what it called from then on was not recorded."
        )
        self._late.append(message)
        return RecordingKeyError(message)

    def miss(self, alias: str, key: str, hint: str) -> RecordingKeyError:
        """Note a miss, so that code that swallows the error cannot hide it."""
        message = f"Not in recording {self._recording.id}: {key}. {hint}"
        return self._misses.note(Miss(alias, key, message), RecordingKeyError)

    def end(self, duration: float) -> Playback:
        """Close the session and return what came of it; `duration` is in seconds.

        Threads of the operation have a moment to end, but for those that had not when it was
        recorded: what keeps others from ending first, a sleep say, takes no time here.
        """
        self._late += self._threads.wait(self._outlived.hold)
        # Before what it has left is collected: classes that the operation has defined are of it.
        types = known_types()
        with suppress(RecordingKeyError):  # noted as a miss
            self.tell_the_rest()
        self.open = False
        recording = self._recording
        relocated = [Relocation(alias, match.value) for alias, match in self._calls.relocated]
        return Playback(
            playback_duration=duration,
            recorded_duration=recording.get_metadata().get(DURATION),
            original_recording=recording,
            evidence=Evidence(self._calls.entries, self._calls.consumed(), self.sent.told(), types),
            missed=list(self._misses.noted),
            substituted=list(self._substituted),
            repeated=[each for each in relocated if each.how == Match.REPEATED.value],
            moved=[each for each in relocated if each.how != Match.REPEATED.value],
            other_databases=self._databases.others(),
            set_up=list(self._databases.set_up),
            late=self._late,
            outside=self._outside,
            sealed=self.sealed,
            made_up=dict(self._made_up),
            times=None if self._reads is None else self._times(),
            redaction=self.redaction,
        )

    def _times(self) -> ReplayTimes:
        latest = 0 if self._reads is None else self._reads.latest
        return ReplayTimes(latest, self._started, time_ns())

    def _replayed_reads(self) -> ReplayedReads:
        recording = self._recording
        try:
            return ReplayedReads(
                seed=recording.id,
                started_at=window_of(recording).start,
                entries=recording.entries,
                reached=self._calls.reached,
                note_made_up=self._note_made_up,
                redaction=self.redaction,
            )
        except DecodeError as error:
            raise unreadable(recording.id, error) from error

    def _note_made_up(self, name: str) -> None:
        with self._lock:
            self._made_up[name] += 1


def note_own_file(path: str) -> None:
    """Let the replay of this context change a file that was put there by it."""
    session = current_session()
    if isinstance(session, PlaybackSession):
        session.own_files.add(os.path.realpath(path))


def _note_refused_use(type_path: str, message: str) -> None:
    session = current_session()
    if isinstance(session, PlaybackSession):
        session.miss(type_path, f"the recorded {type_path}", message)


on_refused_use(_note_refused_use)
