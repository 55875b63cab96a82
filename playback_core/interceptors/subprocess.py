"""Programs that are run by `subprocess`: the command is an output, what came of it is replayed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from subprocess import PIPE, CompletedProcess
from types import FrameType
from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.session import Session

_STREAMS: Final = ("stdin", "stdout", "stderr")


class _Running(CallTarget):
    by_name = True

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return _run(*args, **kwargs)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, {"code": value.returncode, "stdout": value.stdout, "stderr": value.stderr}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return CompletedProcess(call.about, stored["code"], stored["stdout"], stored["stderr"])


def _run(
    args: Any,
    *more: Any,
    input: Any = None,  # noqa: A002 - its name
    check: Any = False,
    **named: Any,
) -> Call:
    fields = _command(args, named) | {"input": input, "check": bool(check)}
    return Call(OUTPUT, f"subprocess run {_program(args, named)}", fields, args)


class _Calling(CallTarget):
    by_name = True

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return _call(*args, **kwargs)


def _call(args: Any, *more: Any, **named: Any) -> Call:
    return Call(OUTPUT, f"subprocess call {_program(args, named)}", _command(args, named))


class _Starting(CallTarget):
    """A replay starts nothing: the object is there, and its methods are answered."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return None if _is_started_by_a_loop() else _start(*args, **kwargs)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, call.about[0].pid

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        process, args, streams = call.about
        process.args = args
        process.pid = stored
        process.returncode = None
        process._sigint_wait_secs = 0
        for name, given in zip(_STREAMS, streams, strict=True):
            setattr(process, name, _ReplayedPipe(name, missing) if given == PIPE else None)
        return None


def _start(
    process: Any,
    args: Any,
    bufsize: Any = -1,
    executable: Any = None,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    *more: Any,
    **named: Any,
) -> Call:
    about = process, args, (stdin, stdout, stderr)
    alias = f"subprocess start {_program(args, named)}"
    return Call(OUTPUT, alias, _command(args, named), about)


def _is_started_by_a_loop() -> bool:
    # asyncio reads the pipes and waits by means of its own: no method here would be asked.
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("playback_core."):
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").startswith("asyncio.")


class _ReplayedPipe:
    """A pipe to a program that was not started: it can be closed, and nothing else."""

    def __init__(self, name: str, missing: Missing) -> None:
        self._name = name
        self._missing = missing
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def __iter__(self) -> Any:
        raise self._refused()

    def __getattr__(self, name: str) -> Any:
        raise self._refused()

    def _refused(self) -> Exception:
        return self._missing(
            f"What goes through the {self._name} of a process is recorded by communicate() alone."
        )


class _Method(CallTarget):
    """What a process is asked, and what it has come to by then."""

    def __init__(self, name: str, describe: Callable[..., Call]) -> None:
        super().__init__("subprocess", f"Popen.{name}")
        self._describe = describe

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return self._describe(*args, **kwargs)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, {"value": value, "code": call.about.returncode}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        call.about.returncode = stored["code"]
        return stored["value"]


def _communicated(
    process: Any,
    input: Any = None,  # noqa: A002 - its name
    timeout: Any = None,
) -> Call:
    fields = {"command": _words(process.args), "input": input}
    return Call(OUTPUT, "subprocess communicate", fields, process)


def _waited(process: Any, timeout: Any = None) -> Call:
    return Call(INPUT, "subprocess wait", {"command": _words(process.args)}, process)


def _polled(process: Any) -> Call:
    return Call(INPUT, "subprocess poll", {"command": _words(process.args)}, process)


def _signalled(process: Any, sig: Any) -> Call:
    fields = {"command": _words(process.args), "signal": int(sig)}
    return Call(OUTPUT, "subprocess send_signal", fields, process)


def _command(args: Any, named: Kwargs) -> dict[str, Any]:
    # Not its environment, which is full of secrets and another one on each machine.
    cwd = named.get("cwd")
    return {
        "command": _words(args),
        "shell": bool(named.get("shell")),
        "cwd": None if cwd is None else os.fsdecode(cwd),
    }


def _words(args: Any) -> Any:
    if isinstance(args, (str, bytes, os.PathLike)):
        return os.fsdecode(args)
    return [os.fsdecode(word) for word in args]


def _program(args: Any, named: Kwargs) -> str:
    if named.get("shell"):
        return "shell"
    words = _words(args)
    return os.path.basename(words if isinstance(words, str) else (words or [""])[0])


INTERCEPTOR: Final = Interceptor(
    library="subprocess",
    targets=[
        _Running("subprocess", "run"),
        _Calling("subprocess", "call"),
        _Starting("subprocess", "Popen.__init__"),
        _Method("communicate", _communicated),
        _Method("wait", _waited),
        _Method("poll", _polled),
        _Method("send_signal", _signalled),
    ],
)
