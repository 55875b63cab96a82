"""Judges attempts: who may reach the world from where, and what is said to those that may not."""

import os
import sys
import sysconfig
from collections.abc import Collection
from functools import cache
from threading import get_ident
from types import FrameType
from typing import Any, Final

from playback_core.errors import SideEffectBlocked
from playback_core.playback_session import PlaybackSession
from playback_core.sandbox.attempts import Args, Attempt, Rule
from playback_core.sandbox.scratch import current_scratch
from playback_core.sandbox_options import SandboxOptions
from playback_core.session import Branch, current, running_replays, within

_OURS: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep
_OF_LIBRARIES: Final = ("/site-packages/", "/dist-packages/")
_DEVICES: Final = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})


class _Process:
    """Of a process that does nothing but replay: the one thread that may act outside of one."""

    machinery: int | None = None


_process: Final = _Process()

sealed_threads: Final[dict[int, PlaybackSession]] = {}
"""The threads in which a replay runs: what they do in a context of its own is the replay's.

A greenlet has one, and whoever calls `contextvars.Context().run()` makes one.
"""


def seal_other_threads() -> None:
    """Refuse attempts of all threads but this one, whether or not a replay runs in them."""
    _process.machinery = get_ident()


def judge(rule: Rule, args: Args) -> None:
    """Raise SideEffectBlocked for what code of a replay may not do; note it on the session.

    Of other threads it is noted; in a process that only replays it is refused, too.
    """
    branch = current()
    if branch is not None:
        if branch.sealed and isinstance(branch.session, PlaybackSession):
            _refuse(rule, args, branch.session, branch)
    elif (session := sealed_threads.get(get_ident())) is not None:
        _refuse(rule, args, session, None)
    elif running_replays or _process.machinery is not None:
        _judge_outside(rule, args)


def _refuse(rule: Rule, args: Args, session: PlaybackSession, branch: Branch | None) -> None:
    attempt = rule(args)
    if attempt is not None and not _is_allowed(attempt, session, branch):
        raise session.refuse(attempt.text, call_site(), _remedy(attempt))


def _judge_outside(rule: Rule, args: Args) -> None:
    machinery = _process.machinery
    if machinery == get_ident():
        return
    attempt = rule(args)
    replays = [each for each in running_replays if isinstance(each, PlaybackSession)]
    if attempt is None or any(_is_allowed(attempt, each, None) for each in replays):
        return
    site = call_site()
    if machinery is not None:
        remedy = f"It came from a thread that no replay has started. {_remedy(attempt)}"
        errors = [each.refuse(attempt.text, site, remedy) for each in replays]
        raise (
            errors[0]
            if errors
            else SideEffectBlocked(f"Blocked between replays: {attempt.text}, at {site}. {remedy}")
        )
    if not attempt.reads:
        note = f"{attempt.text}, at {site}"
        for each in replays:
            each.note_outside_once(note)


def _is_allowed(attempt: Attempt, session: PlaybackSession, branch: Branch | None) -> bool:
    options = session.sandbox
    if options is None or (attempt.host is None and not attempt.paths):
        return False
    if attempt.host is not None and not _is_host_allowed(attempt.host, options, branch):
        return False
    return all(is_path_allowed(path, options, session.own_files) for path in attempt.paths)


def is_path_allowed(path: str, options: SandboxOptions, own_files: Collection[str] = ()) -> bool:
    """Tell whether a path may be written: in the scratch folder, allowed, or put there itself."""
    if path in _DEVICES:
        return True
    # As it will be followed, and as it is: a link is removed, not what it names.
    parent, name = os.path.split(os.path.abspath(path))
    places = {os.path.realpath(path), os.path.join(os.path.realpath(parent), name)}
    holds = current_scratch().holds
    return all(
        holds(place)
        or place in own_files
        or any(_is_below(place, allowed) for allowed in options.paths)
        for place in places
    )


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_host_allowed(
    host: tuple[str, int | None], options: SandboxOptions, branch: Branch | None
) -> bool:
    name, port = host
    for allowed in options.hosts:
        if port is not None and allowed.port not in (None, port):
            continue
        if name == allowed.name:
            return True
        # What is connected to is an address that the name was resolved to.
        with within(None if branch is None else branch.unsealed()):
            if name in _addresses(allowed.name):
                return True
    return False


@cache
def _addresses(name: str) -> frozenset[str]:
    import socket

    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(name, None))
    except OSError:
        return frozenset()


def _remedy(attempt: Attempt) -> str:
    decorate = "Decorate the function that does it as an input or an output"
    if attempt.host is not None:
        name, port = attempt.host
        shown = f"[{name}]" if ":" in name and port else name
        return f"{decorate}, or allow it: --allow {shown}{f':{port}' if port else ''}."
    if attempt.paths:
        shown = " ".join(f"--allow {_path_to_allow(path)}" for path in attempt.paths)
        return f"{decorate}, or allow it: {shown}."
    return f"{decorate}."


def _path_to_allow(path: str) -> str:
    return path if os.sep in path else os.path.join(os.curdir, path)


def call_site() -> str:
    """Say where the application is: its innermost frame, of a library only where it has none."""
    of_python = _folders_of_python()
    frame: FrameType | None = sys._getframe(1)
    library: FrameType | None = None
    while frame is not None:
        name = frame.f_code.co_filename
        if any(folder in name for folder in _OF_LIBRARIES):
            library = library or frame
        elif not name.startswith((*of_python, _OURS, "<frozen")):
            return _place(frame)
        frame = frame.f_back
    return "an unknown place" if library is None else _place(library)


def _place(frame: FrameType) -> str:
    code: Any = frame.f_code
    name = code.co_filename
    here = os.getcwd() + os.sep
    return f"{name.removeprefix(here)}:{frame.f_lineno} in {code.co_qualname}()"


@cache
def _folders_of_python() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(paths[name] + os.sep for name in ("stdlib", "platstdlib"))
