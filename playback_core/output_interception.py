"""OutputInterception: a call whose arguments leave the operation."""

from dataclasses import dataclass
from typing import Any, Final

from playback_core.binding import Binding
from playback_core.codec import encode
from playback_core.data_handlers import OutputInterceptionDataHandler
from playback_core.entry import Entry, EntryKind
from playback_core.interception import (
    Args,
    CallInterception,
    Kwargs,
    Plan,
    given_again,
    pass_by,
)
from playback_core.interception_key import output_key
from playback_core.option_checks import check_alias, check_data_handler, check_flag
from playback_core.outcome import Outcome, fresh
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import RecordingSession
from playback_core.session import Branch, Session
from playback_core.streamed import CONSUMED_LATER

_OUTPUT: Final = EntryKind.OUTPUT


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions:
    """How an output is stored and answered; see TapeRecorder.intercept_output."""

    alias: str
    data_handler: OutputInterceptionDataHandler | None = None
    fail_on_no_recorded_result: bool = True
    default_result_when_not_recorded: Any = None

    def __post_init__(self) -> None:
        check_alias("output", self.alias)
        subject = f"output {self.alias!r}"
        check_data_handler(subject, self.data_handler, OutputInterceptionDataHandler)
        check_flag(subject, "fail_on_no_recorded_result", self.fail_on_no_recorded_result)


class OutputInterception(CallInterception):
    """Records what an output was sent and its result; a replay captures and gives it back."""

    noun = "output"

    def __init__(self, options: OutputOptions, binding: Binding) -> None:
        super().__init__(options.alias)
        self.binding = binding
        self._options = options
        self._handler = options.data_handler
        self._receivers = binding.fixed

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        session = branch.session
        if not (branch.intercepting and session.open):
            pass_by(branch)
            return None
        if isinstance(session, PlaybackSession):
            return self._replay(session, branch, args, kwargs)
        if not isinstance(session, RecordingSession):
            return None
        entry = Entry(_OUTPUT, self.alias, branch.path, self._data(session, args, kwargs))
        session.add(entry)
        return branch.inner, entry

    def _data(self, session: Session, args: Args, kwargs: Kwargs) -> bytes:
        receivers = self._receivers
        if receivers is None:
            receivers = self.binding.receivers(args)
        sent = args[receivers:]
        if self._handler is None:
            if session.redaction is not None:
                sent = self.binding.concealed(args, session.redaction)[receivers:]
            return encode({"args": [*sent], "kwargs": kwargs})
        number = session.number_output(self.alias)
        key = output_key(self.alias, number, "output")
        return encode(self._handler.prepare_output_for_recording(key, sent, kwargs))

    def _replay(self, session: PlaybackSession, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        try:
            data = self._data(session, args, kwargs)
        except Exception as fault:
            raise session.miss(
                self.alias,
                output_key(self.alias, 1, "output"),
                f"Its data handler failed to prepare what was sent: {fault!r}",
            ) from fault
        session.capture(branch, self.alias, data)
        entry = session.take(_OUTPUT, self.alias, None, branch.path)
        if entry is not None and entry.result is not None:
            outcome = entry.outcome()
            if type(outcome.value) in CONSUMED_LATER:
                outcome.value = given_again(session, entry, outcome.value)
            return None, outcome
        if session.lets_run(self.alias):
            session.substitute_output(self.alias, "allowed alias")
            return branch.unsealed(), None
        if self._options.fail_on_no_recorded_result:
            raise session.missing_output(self.alias, data)
        session.substitute_output(self.alias, "default_result_when_not_recorded")
        return None, Outcome(fresh(self._options.default_result_when_not_recorded))
