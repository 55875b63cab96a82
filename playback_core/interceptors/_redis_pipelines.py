"""Pipelines of Redis: their commands as one call, and those that are sent at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptors._redis_calls import Command, OnServer
from playback_core.interceptors._redis_clients import (
    is_transaction,
    is_watching,
    leave_empty,
    parts_of,
    place_of,
    queued,
)
from playback_core.interceptors._redis_commands import CONCEALED, is_read, named, told, unnamed
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.playback_session import PlaybackSession
from playback_core.session import Session, current_session

_ASKED_FOR: Final = "_playback_asked_for"
_RAISES_OTHERWISE: Final = "so that what it gives for the errors of its commands is not known."


class ImmediateCommand(Command):
    """A command of a pipeline that is sent at once, as it watches keys."""

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        pipeline, (name, *_) = call.about
        if name == "WATCH":
            pipeline.watching = True
        elif name in pipeline.UNWATCH_COMMANDS:
            pipeline.watching = False
        return super().answer(call, stored, missing)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        if type(error).__name__ == "WatchError":
            leave_empty(call.about[0])
        return error


class ImmediateCommandOfCluster(ImmediateCommand):
    """The same in a cluster, where it is sent by what runs the pipeline as a transaction."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        strategy, *command = args
        call = super().describe((strategy._pipe, *command), kwargs)
        if call is not None:
            call.about = strategy, call.about[1]
        return call

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        strategy, (name, *_) = call.about
        if name in strategy.UNWATCH_COMMANDS:
            strategy._watching = False
        return Command.answer(self, call, stored, missing)


class Pipeline(OnServer):
    """A place that sends the commands of a pipeline: an output if one of them is."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        pipeline = args[0]
        queue = queued(pipeline)
        if not queue and not is_watching(pipeline):
            return None
        told_ones = [told(*parts_of(each)) for each in queue]
        fields = {
            **place_of(pipeline),
            "transaction": is_transaction(pipeline),
            "commands": [each for _, each in told_ones],
        }
        kind = INPUT if all(is_read(name) for name, _ in told_ones) else OUTPUT
        words = [each["command"] for _, each in told_ones]
        raises = args[1] if len(args) > 1 else kwargs.get("raise_on_error", True)
        return Call(kind, "redis pipeline", fields, (pipeline, words, raises))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, _each(named, call.about[1], value)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        _, commands, raises = call.about
        is_asked_for = raises and _is_of_one_command(error)
        is_concealed = any(CONCEALED in command for command in commands)
        if not (is_asked_for or is_concealed):
            return error
        stored = type(error).__new__(type(error))
        vars(stored).update(vars(error))
        # Its text tells the command.
        stored.args = (CONCEALED,) if is_concealed else error.args
        if is_asked_for:
            vars(stored)[_ASKED_FOR] = True
        return stored

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        pipeline, commands, raises = call.about
        leave_empty(pipeline)
        if len(stored) != len(commands):
            raise missing(f"{len(stored)} commands were recorded, and now are {len(commands)}.")
        if raises and any(map(_is_of_one_command, stored)):
            raise missing(f"It was recorded with raise_on_error=False, {_RAISES_OTHERWISE}")
        return _each(unnamed, commands, stored)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        pipeline, _, raises = call.about
        leave_empty(pipeline)
        session = current_session()
        is_asked_for = vars(error).pop(_ASKED_FOR, False)
        if is_asked_for and not raises and isinstance(session, PlaybackSession):
            hint = f"It was recorded without raise_on_error=False, {_RAISES_OTHERWISE}"
            raise session.miss(call.alias, call.alias, hint)
        return error


def _is_of_one_command(value: Any) -> bool:
    """Tell whether a pipeline raises something only if it is asked to raise errors of commands."""
    from redis.exceptions import ExecAbortError, ResponseError

    if not isinstance(value, ResponseError) or isinstance(value, ExecAbortError):
        return False
    return not isinstance(value.__context__, ExecAbortError)


def _each(change: Callable[..., Any], commands: Sequence[Any], results: Any) -> list[Any]:
    return [change(*pair) for pair in zip(commands, results, strict=True)]
