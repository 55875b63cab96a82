"""The audit hook: sees what Python code does, wherever in the interpreter it is done."""

import sys
from typing import Any, Final

from playback_core.sandbox.attempts import Args
from playback_core.sandbox.databases import guard_new_connections, note_connection
from playback_core.sandbox.events import EVENTS
from playback_core.sandbox.judge import judge

_CONNECTED: Final = "sqlite3.connect/handle"
_installed: Final[list[Any]] = []


def install_hook() -> bool:
    """Add the hook to this process, once, and tell whether it is now; it can't be removed again.

    So it is added by the first replay, and never where operations are recorded only.
    """
    if _installed:
        return False
    _installed.append(_hook)
    sys.addaudithook(_hook)
    return True


def _hook(event: str, args: Args) -> None:
    guard_new_connections()
    rule = EVENTS.get(event)
    if rule is not None:
        judge(rule, args)
    elif event == _CONNECTED:
        note_connection(args[0])


# Debuggers and coverage see it.
_hook.__cantrace__ = True  # type: ignore[attr-defined]
