"""What reaches out of the process, as an Attempt made of an audit event's or a call's arguments."""

import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Args = tuple[Any, ...]


class Attempt(NamedTuple):
    """Something about to reach the world.

    `text` says what it is. It may go on where its `host` and all of its `paths` are allowed, and
    it has one of them. One that only `reads` takes something in and sends nothing.
    """

    text: str
    host: tuple[str, int | None] | None = None
    paths: tuple[str, ...] = ()
    reads: bool = False


Rule = Callable[[Args], Attempt | None]
"""Makes an attempt of arguments; None where they reach nothing."""

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_C_FUNCTIONS: Final = frozenset(
    {"connect", "send", "sendto", "sendmsg", "sendmmsg", "getaddrinfo", "gethostbyname"}
    | {"write", "writev", "open", "openat", "creat", "fopen", "unlink", "rename", "mkdir", "rmdir"}
    | {"truncate", "chmod", "fork", "vfork", "posix_spawn", "posix_spawnp", "system", "popen"}
    | {"execl", "execlp", "execv", "execve", "execvp", "kill", "killpg", "syscall"}
)
"""Names of the C library that ctypes is not given, as they go below what Python can see."""


def path_text(path: Any, dir_fd: int = -1) -> str:
    """Return a path as text, of what is open or relative to an open directory an absolute one."""
    if isinstance(path, int):
        return _path_of(path)
    text = os.fsdecode(path)
    if dir_fd in (-1, None) or os.path.isabs(text):
        return text
    return os.path.join(_path_of(dir_fd), text)


def _path_of(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        # Where the system does not tell, it is no path that is allowed.
        return f"/proc/self/fd/{fd}"


def connection(verb: str) -> Rule:
    """Return the rule for a socket and the address it is to use."""
    return lambda args: addressed(verb, args[1]) if len(args) > 1 else None


def addressed(verb: str, address: Any, *, reads: bool = False) -> Attempt:
    """Return the attempt to use an address of any family."""
    if isinstance(address, (str, bytes)):
        return Attempt(f"{verb} {address!r}", paths=(os.fsdecode(address),), reads=reads)
    if isinstance(address, tuple) and len(address) > 1 and isinstance(address[0], (str, bytes)):
        port = address[1] if isinstance(address[1], int) else None
        host = (os.fsdecode(address[0]).lower(), port)
        return Attempt(f"{verb} {address!r}", host=host, reads=reads)
    return Attempt(f"{verb} {address!r}", reads=reads)


def over_socket(verb: str, *, reads: bool = False) -> Rule:
    """Return the rule for the use of a socket that is connected already."""

    def rule(args: Args) -> Attempt | None:
        peer = peer_of(args[0])
        return None if peer is None else addressed(verb, peer, reads=reads)

    return rule


def sent(args: Args) -> Attempt | None:
    """The rule for a socket and an address that may be None: that of its peer."""
    address = args[1] if len(args) > 1 else None
    return over_socket("send to")(args) if address is None else addressed("send to", address)


def peer_of(sock: Any) -> Any:
    """Return whom a socket is connected to; None where both of its ends are of this process.

    A pair of sockets, as an event loop wakes itself by, has no addresses.
    """
    try:
        peer, own = sock.getpeername(), sock.getsockname()
    except (OSError, AttributeError):
        return "(no peer)"
    is_pair = getattr(sock, "family", None) == socket.AF_UNIX and not peer and not own
    return None if is_pair else peer or own


def over_transport(verb: str) -> Rule:
    """Return the rule for an asyncio transport, and for an address where it is given one."""

    def rule(args: Args) -> Attempt | None:
        if len(args) > 2 and args[2] is not None:
            return addressed(verb, args[2])
        sock = args[0].get_extra_info("socket")
        if sock is None:
            return Attempt(f"{verb} a pipe to another process")
        peer = peer_of(sock)
        return None if peer is None else addressed(verb, peer)

    return rule


def looked_up(args: Args) -> Attempt | None:
    """The rule for a name to be resolved; an address is not."""
    name = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else ""
    if not name or _is_address(name):
        return None
    return Attempt(f"look up host {name!r}", host=(name.lower(), None))


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name.partition("%")[0])
        except OSError:
            continue
        return True
    return False


def _opened(args: Args) -> Attempt | None:
    path, mode, flags = args
    writes = (isinstance(mode, str) and bool(set(mode) & set("wax+"))) or bool(flags & _WRITING)
    if not writes or isinstance(path, int):
        return None
    return Attempt(f"open {path_text(path)!r} for writing", paths=(path_text(path),))


def changed(verb: str, fd_position: int | None = None) -> Rule:
    """Return the rule for a path that is to be changed, and the place of its directory if any."""

    def rule(args: Args) -> Attempt:
        dir_fd = args[fd_position] if fd_position is not None and len(args) > fd_position else -1
        path = path_text(args[0], dir_fd)
        return Attempt(f"{verb} {path!r}", paths=(path,))

    return rule


def _renamed(args: Args) -> Attempt:
    source, target = path_text(args[0], args[2]), path_text(args[1], args[3])
    return Attempt(f"rename {source!r} to {target!r}", paths=(source, target))


def _linked(args: Args) -> Attempt:
    # Only where the link is made: what it names stays as it is.
    target = path_text(args[1], args[-1])
    return Attempt(f"link {target!r} to {os.fsdecode(args[0])!r}", paths=(target,))


def database(args: Args) -> Attempt | None:
    """The rule for the name of a SQLite database; one in memory reaches nothing."""
    name = os.fsdecode(args[0])
    location = name.removeprefix("file:").removeprefix("//").partition("?")[0]
    if location in ("", ":memory:") or (name.startswith("file:") and "mode=memory" in name):
        return None
    return Attempt(f"open SQLite database {name!r}", paths=(location,))


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
    return Attempt(f"call {args[1]}() of C by ctypes") if args[1] in _C_FUNCTIONS else None


def nothing(args: Args) -> None:
    """The rule for what reaches nothing, or is judged elsewhere."""


def plain(text: str) -> Rule:
    """Return the rule for what cannot be allowed, whatever its arguments."""
    return lambda args: Attempt(text)


EVENTS: Final[Mapping[str, Rule]] = {
    "socket.connect": connection("connect to"),
    "socket.bind": connection("bind"),
    "socket.sendto": sent,
    "socket.sendmsg": sent,
    "socket.getaddrinfo": looked_up,
    "socket.gethostbyname": looked_up,
    "socket.gethostbyaddr": looked_up,
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
}
"""The audit events of https://docs.python.org/3/library/audit_events.html that reach out."""
