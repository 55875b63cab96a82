"""TapeRecorder: holds configuration, starts recordings and replays; never a request's state."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from random import Random
from time import perf_counter
from typing import Any, Final

from playback_core import metadata as names
from playback_core.current_recording import CurrentRecording
from playback_core.declarations import Declarations
from playback_core.enabled_recording import EnabledRecording
from playback_core.errors import (
    OperationExceptionDuringPlayback,
    SettingsError,
    TapeRecorderException,
)
from playback_core.guard import Guard
from playback_core.interceptor_options import DEFAULT_OPTIONS, InterceptorOptions
from playback_core.operation import OpenOperation, OperationStart
from playback_core.operation_opening import OUTSIDE, open_operation
from playback_core.packing import Redaction
from playback_core.playback import Playback
from playback_core.playback_function import run_playback_function
from playback_core.playback_session import PlaybackSession
from playback_core.provenance import standing_metadata
from playback_core.recording import Recording
from playback_core.recording_session import RecordingHost
from playback_core.replaying import replaying
from playback_core.sandbox_options import SEALED, SandboxOptions
from playback_core.session import current, within
from playback_core.shed_operation import shed
from playback_core.shedding import RECORD, SHED, Shedding, shedding_for
from playback_core.tape_cassette import TapeCassette
from playback_core.varied import as_replayed
from playback_core.wrapping import wrap_for_recording, wrap_for_replay


class TapeRecorder(Declarations, CurrentRecording):
    """Records operations and replays them.

    What is being recorded or replayed is kept in the context, so that any number of threads and
    tasks record at once; an interception acts on the operation around it, whichever recorder
    declared it. The cassette may be set later than the recorder is made. Unless `clock` is False,
    what operations read from the clock and draw of random numbers is recorded, and replays run
    under a virtual clock.
    """

    DURATION: Final = names.DURATION
    RECORDED_AT: Final = names.RECORDED_AT
    OPERATION_OUTPUT_ALIAS: Final = names.OPERATION_OUTPUT_ALIAS
    OPERATION_CLASS: Final = names.OPERATION_CLASS
    EXCEPTION_IN_OPERATION: Final = names.EXCEPTION_IN_OPERATION
    INCOMPLETE_RECORDING: Final = names.INCOMPLETE_RECORDING
    OPERATION_FUNCTION: Final = names.OPERATION_FUNCTION
    OPERATION_REQUEST: Final = names.OPERATION_REQUEST
    KIND: Final = names.KIND
    SERVICE: Final = names.SERVICE
    REVISION: Final = names.REVISION
    VERSIONS: Final = names.VERSIONS
    NOT_REPLAYABLE: Final = names.NOT_REPLAYABLE
    PARENT_ID: Final = names.PARENT_ID

    def __init__(
        self,
        tape_cassette: TapeCassette | None = None,
        *,
        random_seed: int | None = None,
        clock: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(clock, bool):
            raise SettingsError(f"clock is {clock!r}; it must be True or False.")
        self.clock: Final = clock
        self.recording_enabled = False
        self.tape_cassette = tape_cassette
        self.service: str | None = None
        self.redaction: Redaction | None = None
        self.interceptor_options: InterceptorOptions = DEFAULT_OPTIONS
        self._guard = Guard()
        self._random = Random(random_seed)
        self._shedding: Shedding | None = None
        self._host: RecordingHost | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # For a process that replays. What an interception needs of it is on the session.
        cassette = self.tape_cassette
        readable = None if cassette is None else cassette.readable()
        parts = (self.service, self.redaction, self.clock, self.interceptor_options)
        return _recorder, (type(self), readable, *parts)

    @property
    def tape_cassette(self) -> TapeCassette | None:
        """Where recordings are stored, None until it is set; SettingsError for another type."""
        return self._tape_cassette

    @tape_cassette.setter
    def tape_cassette(self, tape_cassette: TapeCassette | None) -> None:
        if tape_cassette is not None and not isinstance(tape_cassette, TapeCassette):
            raise SettingsError(
                f"tape_cassette is {tape_cassette!r}; it must be an instance of TapeCassette, or"
                " None. playback_core.settings.cassette_from_url() makes one of a URL."
            )
        self._tape_cassette = tape_cassette

    @property
    def when_busy(self) -> str:
        """What is done while CPU is short: `record` everything, or `shed` operations, counted.

        Raise SettingsError for another choice.
        """
        return RECORD if self._shedding is None else SHED

    @when_busy.setter
    def when_busy(self, when_busy: str) -> None:
        self._shedding = shedding_for(when_busy, self._guard, self._random)
        self._host = None

    @property
    def counters(self) -> dict[str, int]:
        """What became of this process's operations: recorded, shed, failed, ...; late calls."""
        return self._guard.counters

    def enable_recording(self) -> None:
        """Record every operation from here on."""
        wrap_for_recording(clock=self.clock)
        self.recording_enabled = True

    def disable_recording(self) -> None:
        """Record no further operation; one that is running is recorded to its end."""
        self.recording_enabled = False

    def enabled_recording(self) -> EnabledRecording["TapeRecorder"]:
        """Enable recording at once; used as a context manager, disable it on exit."""
        self.enable_recording()
        return EnabledRecording(self)

    @contextmanager
    def start_recording(
        self,
        category: str,
        metadata: Mapping[str, Any],
        post_operation_metadata_extractor: Callable[[], Mapping[str, Any]] | None = None,
    ) -> Iterator[None]:
        """Record a block as an operation of a category; within another operation it is a span.

        `metadata` is read when the block ends. A class in it, under OPERATION_CLASS, gives the
        recording parameters. A replay passes through such a block. Nothing is recorded while
        recording is disabled.
        """
        owner = metadata.get(names.OPERATION_CLASS) if isinstance(metadata, Mapping) else None
        start = OperationStart(
            category=str(category),
            metadata=dict(self.standing_metadata("block")),
            parameters=self.parameters_of(owner if isinstance(owner, type) else None),
        )
        operation = self.open_operation(start)
        if operation is None:
            yield
            return
        try:
            with within(operation.scope):
                yield
        except BaseException as error:
            operation.add_metadata(metadata)
            operation.end(error, post_operation_metadata_extractor)
            raise
        operation.add_metadata(metadata)
        operation.end(None, post_operation_metadata_extractor)

    def open_operation(self, start: OperationStart) -> OpenOperation | None:
        """Begin an operation on the current branch, for adapters; None: let it run untouched.

        The caller runs it with `scope` current (`session.enter` and `leave`, in each step of a
        streamed one) and closes it once; of a ShedOperation it need keep nothing.
        """
        branch = current()
        if branch is not None and not branch.session.ended:
            return open_operation(None, branch, start)
        host = self.recording_host() if self.recording_enabled else None
        return None if host is None else shed(host) or open_operation(host, OUTSIDE, start)

    def recording_host(self) -> RecordingHost | None:
        if self.tape_cassette is None:
            self._guard.count("failed")
            self._guard.report(
                "Recording is enabled and there is no cassette for recorder of service",
                str(self.service),
                None,
                "nothing is recorded until tape_cassette is set",
            )
            return None
        host = self._host
        if (
            host is None
            or host.tape_cassette is not self.tape_cassette
            or host.redaction is not self.redaction
            or host.interceptor_options is not self.interceptor_options
        ):
            host = RecordingHost(
                *(self.tape_cassette, self._guard, self._random, self.redaction, self.clock),
                *(self.interceptor_options, self._shedding),
            )
            self._host = host
        return host

    def standing_metadata(self, kind: str) -> Mapping[str, Any]:
        return standing_metadata(kind, self.service)

    def readable_cassette(self) -> TapeCassette:
        """Return the cassette to read from; what an asynchronous one still holds is stored first.

        Raise TapeRecorderException where no cassette is set.
        """
        if self.tape_cassette is None:
            hint = "set its tape_cassette before replaying"
            raise TapeRecorderException(f"This recorder has no cassette; {hint}.")
        return self.tape_cassette.readable()

    def play(
        self,
        recording_id: str,
        playback_function: Callable[[Recording], Any],
        *,
        sandbox: SandboxOptions | None = SEALED,
        strict: bool = False,
    ) -> Playback:
        """Run a recorded operation again: inputs from the recording, outputs captured.

        `playback_function` gets the recording and calls the operation; it may be a coroutine
        function, run in an event loop of its own, or return a generator, which is read. An
        exception of the operation is an output of the replay; any other one (a fault of
        `playback_function`, or a miss, of several the first) propagates. The operation runs sealed:
        what it tries that is neither recorded nor allowed by `sandbox` raises SideEffectBlocked;
        None lets it run for real. The rest of `playback_function` is not sealed. With `strict` a
        call is answered by the recorded one in its own place alone. Raise NoSuchRecording where
        there is none of this id.
        """
        recording = as_replayed(self.readable_cassette().get_recording(recording_id), sandbox)
        wrap_for_replay(clock=self.clock)
        session = PlaybackSession(
            *(recording, self.redaction, sandbox, self.interceptor_options),
            clock=self.clock,
            strict=strict,
        )
        started = perf_counter()
        with replaying(session):
            try:
                # The operation's own exception is an output of the replay, captured already.
                with suppress(OperationExceptionDuringPlayback):
                    run_playback_function(playback_function, recording)
            except TapeRecorderException as error:
                session.raise_first_missed(error)
                raise
            finally:
                playback = session.end(perf_counter() - started)
        return playback


def _recorder(
    cls: type[TapeRecorder],
    tape_cassette: TapeCassette | None,
    service: str | None,
    redaction: Redaction | None,
    clock: bool,
    interceptor_options: InterceptorOptions,
) -> TapeRecorder:
    recorder = cls(tape_cassette, clock=clock)
    recorder.interceptor_options = interceptor_options
    recorder.service = service
    recorder.redaction = redaction
    return recorder
