"""InputInterception: a call whose result enters the operation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Final, cast

from playback_core.binding import Binding
from playback_core.codec import decode, encode_key, is_put_off
from playback_core.data_handlers import InputInterceptionDataHandler
from playback_core.entry import Entry, EntryKind, encoded
from playback_core.errors import InputInterceptionKeyCreationError
from playback_core.interception import (
    Args,
    CallInterception,
    Kwargs,
    Plan,
    given_again,
    pass_by,
)
from playback_core.interception_key import CapturedArg, captured, input_key
from playback_core.option_checks import (
    check_alias,
    check_callable,
    check_data_handler,
    check_flag,
    wrong_option,
)
from playback_core.outcome import Outcome, fresh
from playback_core.playback_session import PlaybackSession
from playback_core.session import Branch, Session, unsealed
from playback_core.streamed import CONSUMED_LATER

_INPUT: Final = EntryKind.INPUT
_REMEMBERED_LENGTH: Final = 512


class Unset(Enum):
    """The type of `UNSET`, which tells an option that was not given from one given as None."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "<unset>"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, kw_only=True, slots=True)
class InputOptions:
    """How an input is keyed, stored and answered when missing; see TapeRecorder.intercept_input."""

    alias: str
    alias_params_resolver: Callable[..., Mapping[str, Any]] | None = None
    data_handler: InputInterceptionDataHandler | None = None
    capture_args: Sequence[CapturedArg] | None = None
    run_intercepted_when_missing: bool = False
    value_when_missing: Any = UNSET
    fallback_aliases: Sequence[str] | Callable[..., Sequence[str]] | None = None

    def __post_init__(self) -> None:
        check_alias("input", self.alias)
        subject = f"input {self.alias!r}"
        check_callable(subject, "alias_params_resolver", self.alias_params_resolver)
        check_data_handler(subject, self.data_handler, InputInterceptionDataHandler)
        check_flag(subject, "run_intercepted_when_missing", self.run_intercepted_when_missing)
        # Copies: a list that the declaration was given may change, or be an iterator.
        object.__setattr__(self, "capture_args", _capture_args(subject, self.capture_args))
        fallbacks = _fallback_aliases(subject, self.fallback_aliases)
        object.__setattr__(self, "fallback_aliases", fallbacks)


def _capture_args(subject: str, given: Any) -> tuple[CapturedArg, ...] | None:
    if given is None:
        return None
    if not given:
        # The predecessor's users write False for "none of them".
        return ()
    expected = "a list of CapturedArg(position, name), or None for all arguments"
    captured_args = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(map(_is_captured_arg, captured_args)):
        raise wrong_option(subject, "capture_args", given, expected)
    return tuple(CapturedArg(*one) for one in captured_args)


def _is_captured_arg(one: Any) -> bool:
    if not isinstance(one, tuple) or len(one) != 2 or one == (None, None):
        return False
    position, name = one
    is_position = position is None or (type(position) is int and position >= 0)
    return is_position and (name is None or isinstance(name, str))


def _fallback_aliases(subject: str, given: Any) -> Any:
    if given is None or callable(given):
        return given
    expected = "a list of aliases, a function that returns one, or None"
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise wrong_option(subject, "fallback_aliases", given, expected)
    aliases = tuple(given)
    if not all(isinstance(alias, str) and alias for alias in aliases):
        raise wrong_option(subject, "fallback_aliases", given, expected)
    return aliases


class InputInterception(CallInterception):
    """Records an input's result under its key; a replay gives it back."""

    noun = "input"

    def __init__(self, options: InputOptions, binding: Binding) -> None:
        super().__init__(options.alias)
        self.binding = binding
        self._options = options
        self._captured = options.capture_args
        self._receivers = binding.fixed
        self._handler = options.data_handler
        if self._handler is not None:
            self._prepare = self._prepared
        self._resolver = options.alias_params_resolver

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        session = branch.session
        if not (branch.intercepting and session.open):
            pass_by(branch)
            return None
        if isinstance(session, PlaybackSession):
            return self._replay(session, branch, args, kwargs)
        alias = self.alias if self._resolver is None else self._format(args, kwargs)
        key = self._key(session, args, kwargs)
        return branch.inner, Entry(_INPUT, alias, branch.path, key)

    def _format(self, args: Args, kwargs: Kwargs) -> str:
        if self._resolver is None:
            return self.alias
        return self.alias.format(**self._resolver(*args, **kwargs))

    def _key(self, session: Session, args: Args, kwargs: Kwargs) -> bytes:
        if session.redaction is not None:
            args = self.binding.concealed(args, session.redaction)
        if self._captured is not None:
            return encode_key(captured(self._captured, args, kwargs))
        receivers = self._receivers
        if receivers is None:
            receivers = self.binding.receivers(args)
        return encode_key([[*args[receivers:]], kwargs])

    def _prepared(self, entry: Entry, value: Any, args: Args, kwargs: Kwargs) -> Any:
        key = _key_text(entry)
        handler = cast(InputInterceptionDataHandler, self._handler)
        return handler.prepare_input_for_recording(key, value, args, kwargs)

    def _replay(self, session: PlaybackSession, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        alias, key, fallbacks = self._keys(session, args, kwargs)
        entry = session.take(_INPUT, alias, key, branch.path)
        if entry is None and fallbacks and not session.strict:
            entry = self._take_fallback(session, fallbacks, key, branch)
        if entry is None:
            return self._answer_missing(session, branch, alias, key, args, kwargs)
        outcome = entry.outcome()
        if not outcome.is_exception:
            if self._handler is not None:
                restore = partial(self._restored, session, entry, args, kwargs)
                outcome.value = given_again(session, entry, outcome.value, restore)
            elif type(outcome.value) in CONSUMED_LATER:
                outcome.value = given_again(session, entry, outcome.value)
            elif is_put_off(outcome.value):
                # It was no answer yet: what says how to get one is told anew, and asks as then.
                return None
        return None, outcome

    def _keys(
        self, session: PlaybackSession, args: Args, kwargs: Kwargs
    ) -> tuple[str, bytes, Sequence[str]]:
        try:
            alias = self.alias if self._resolver is None else self._format(args, kwargs)
            key = self._key(session, args, kwargs)
            if session.redaction is not None:
                key = session.redaction.key(key)
            given = self._options.fallback_aliases
            return alias, key, tuple(given(*args, **kwargs) if callable(given) else given or ())
        except Exception as fault:
            message = f"The key of input {self.alias!r} cannot be made: {fault!r}"
            session.miss(self.alias, self.alias, message)
            raise InputInterceptionKeyCreationError(message) from fault

    def _take_fallback(
        self, session: PlaybackSession, aliases: Sequence[str], key: bytes, branch: Branch
    ) -> Entry | None:
        for alias in aliases:
            entry = session.take(_INPUT, alias, key, branch.path)
            if entry is not None:
                session.note_fallback(self.alias)
                return entry
        return None

    def _restored(
        self, session: PlaybackSession, entry: Entry, args: Args, kwargs: Kwargs, value: Any
    ) -> Any:
        handler = cast(InputInterceptionDataHandler, self._handler)
        try:
            # It belongs to the replay, not to the operation: one for files writes them.
            with unsealed():
                return handler.restore_input_from_recording(value, args, kwargs)
        except Exception as fault:
            key = input_key(entry.alias, entry.decoded_arguments())
            raise session.miss(
                self.alias, key, f"Its data handler failed to restore it: {fault!r}"
            ) from fault

    def _answer_missing(
        self,
        session: PlaybackSession,
        branch: Branch,
        alias: str,
        key: bytes,
        args: Args,
        kwargs: Kwargs,
    ) -> Plan:
        if self._options.run_intercepted_when_missing:
            session.substitute_input(alias, key, "run_intercepted_when_missing")
            return branch.unsealed(), None
        if session.lets_run(alias, self.alias):
            session.substitute_input(alias, key, "allowed alias")
            return branch.unsealed(), None
        value = self._options.value_when_missing
        if value is UNSET:
            raise session.missing_input(alias, key)
        session.substitute_input(alias, key, "value_when_missing")
        return None, Outcome(value(*args, **kwargs) if callable(value) else fresh(value))


def _key_text(entry: Entry) -> str:
    arguments = encoded(entry.arguments or b"")
    # It is made for each call of a handler, most of which do not read it and repeat the last ones.
    if len(arguments) <= _REMEMBERED_LENGTH:
        return _remembered_key(entry.alias, arguments)
    return input_key(entry.alias, decode(arguments))


@lru_cache(maxsize=256)
def _remembered_key(alias: str, arguments: bytes) -> str:
    return input_key(alias, decode(arguments))
