"""The audit events that reach out of the process, and what attempt each of them is."""

import os
import signal
from collections.abc import Mapping
from typing import Any, Final

from playback_core.sandbox.attempts import (
    Args,
    Attempt,
    Rule,
    changed,
    connection,
    database,
    looked_up,
    named,
    path_text,
    plain,
    sent,
)
from playback_core.sandbox.c_functions import C_FUNCTIONS

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _opened(args: Args) -> Attempt | None:
    path, mode, flags = args
    writes = (isinstance(mode, str) and bool(set(mode) & set("wax+"))) or bool(flags & _WRITING)
    if not writes or isinstance(path, int):
        return None
    return Attempt(f"open {path_text(path)!r} for writing", paths=(path_text(path),))


def _renamed(args: Args) -> Attempt:
    source, target = path_text(args[0], args[2]), path_text(args[1], args[3])
    return Attempt(f"rename {source!r} to {target!r}", paths=(source, target))


def _linked(args: Args) -> Attempt:
    # Only where the link is made: what it names stays as it is.
    target = path_text(args[1], args[-1])
    return Attempt(f"link {target!r} to {os.fsdecode(args[0])!r}", paths=(target,))


def _started(args: Args) -> Attempt:
    command = args[1] if len(args) > 1 and args[1] else args[0]
    return Attempt(f"start process {_words(command)}")


def _words(command: Any) -> str:
    if isinstance(command, (list, tuple)):
        return repr(" ".join(os.fsdecode(word) for word in command))
    return repr(os.fsdecode(command))


def _signalled(args: Args) -> Attempt | None:
    pid, number = args
    if pid == os.getpid() or not number:
        return None
    name = signal.Signals(number).name if number in signal.valid_signals() else number
    return Attempt(f"send {name} to process {pid}")


def _library(args: Args) -> Attempt | None:
    name = args[0]
    return None if name is None else Attempt(f"load library {name!r}", paths=(os.fsdecode(name),))


def _symbol(args: Args) -> Attempt | None:
    return Attempt(f"call {args[1]}() of C by ctypes") if args[1] in C_FUNCTIONS else None


EVENTS: Final[Mapping[str, Rule]] = {
    "socket.connect": connection("connect to"),
    "socket.bind": connection("bind"),
    "socket.sendto": sent,
    "socket.sendmsg": sent,
    "socket.getaddrinfo": looked_up,
    "socket.gethostbyname": looked_up,
    "socket.gethostbyaddr": named,
    "socket.getnameinfo": named,
    "socket.sethostname": plain("set the name of this machine"),
    "syslog.openlog": plain("log to syslog"),
    "syslog.syslog": plain("log to syslog"),
    "subprocess.Popen": _started,
    "os.system": lambda args: Attempt(f"run shell command {_words(args[0])}"),
    "os.exec": lambda args: Attempt(f"replace this process by {_words(args[0])}"),
    "os.posix_spawn": _started,
    "os.fork": plain("fork this process"),
    "os.forkpty": plain("fork this process"),
    "os.kill": _signalled,
    "os.killpg": lambda args: Attempt(f"send signal {args[1]} to process group {args[0]}"),
    "open": _opened,
    "os.remove": changed("remove", 1),
    "os.rename": _renamed,
    "os.mkdir": changed("make directory", 2),
    "os.rmdir": changed("remove directory", 1),
    "os.truncate": changed("truncate"),
    "os.chmod": changed("change the mode of", 2),
    "os.chown": changed("change the owner of", 3),
    "os.lchown": changed("change the owner of"),
    "os.link": _linked,
    "os.symlink": _linked,
    "os.utime": changed("change the times of", 3),
    "os.setxattr": changed("set an attribute of"),
    "os.removexattr": changed("remove an attribute of"),
    "sqlite3.connect": database,
    "sqlite3.load_extension": plain("load an extension into SQLite"),
    "ctypes.dlopen": _library,
    "ctypes.dlsym": _symbol,
    "ctypes.dlsym/handle": _symbol,
}
"""The audit events of https://docs.python.org/3/library/audit_events.html that reach out."""
