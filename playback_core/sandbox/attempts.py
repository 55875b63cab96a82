"""Attempt: something about to reach out of the process, and the rules that make one of a call."""

import errno
import os
import socket
import stat
import sys
from collections.abc import Callable
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

# Whatever they are: a terminal, a log, a socket of what manages services.
_STANDARD_STREAMS: Final = (0, 1, 2)


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


def over_descriptor(verb: str) -> Rule:
    """Return the rule for a descriptor, which may be that of a connected socket."""
    of_socket = over_socket(verb)

    def rule(args: Args) -> Attempt | None:
        fd = args[0]
        if fd in _STANDARD_STREAMS or not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return None
        with socket.socket(fileno=os.dup(fd)) as sock:
            return of_socket((sock,))

    return rule


def listening(args: Args) -> Attempt:
    """The rule for a socket to listen: one without an address is given one."""
    return addressed("listen at", args[0].getsockname())


def sent(args: Args) -> Attempt | None:
    """The rule for a socket and an address that may be None: that of its peer."""
    address = args[1] if len(args) > 1 else None
    return over_socket("send to")(args) if address is None else addressed("send to", address)


def peer_of(sock: Any) -> Any:
    """Return whom a socket is connected to; None where it reaches nobody beyond this process.

    A pair of sockets, as an event loop wakes itself by, has no addresses. One that is closed can
    only fail: a thread may be about to wake a loop which has just been closed.
    """
    try:
        peer, own = sock.getpeername(), sock.getsockname()
    except (OSError, AttributeError) as error:
        is_closed = getattr(error, "errno", None) == errno.EBADF
        return None if is_closed else "(no peer)"
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


def named(args: Args) -> Attempt:
    # An address, or that with a port.
    address = args[0][0] if isinstance(args[0], tuple) else args[0]
    name = os.fsdecode(address)
    return Attempt(f"look up the name of {name!r}", host=(name.lower(), None))


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name.partition("%")[0])
        except OSError:
            continue
        return True
    return False


def changed(verb: str, fd_position: int | None = None) -> Rule:
    """Return the rule for a path that is to be changed, and the place of its directory if any."""

    def rule(args: Args) -> Attempt:
        dir_fd = args[fd_position] if fd_position is not None and len(args) > fd_position else -1
        path = path_text(args[0], dir_fd)
        return Attempt(f"{verb} {path!r}", paths=(path,))

    return rule


def database(args: Args) -> Attempt | None:
    """The rule for the name of a SQLite database; one in memory reaches nothing."""
    name = os.fsdecode(args[0])
    location = name.removeprefix("file:").removeprefix("//").partition("?")[0]
    if location in ("", ":memory:") or (name.startswith("file:") and "mode=memory" in name):
        return None
    return Attempt(f"open SQLite database {name!r}", paths=(location,))


def postgresql(args: Args) -> Attempt:
    """The rule for the function in C by which psycopg2 connects, and what it is told to."""
    parse = sys.modules["psycopg2.extensions"].parse_dsn
    asked: dict[str, str] = parse(args[0])
    where = asked.get("hostaddr") or asked.get("host") or ""
    text = f"connect to PostgreSQL at {where or 'its default place'!r} by psycopg2"
    if where.startswith("/"):
        return Attempt(text, paths=(where,))
    port = asked.get("port", "")
    return Attempt(text, host=(where.lower(), int(port) if port.isdigit() else 5432))


def nothing(args: Args) -> None:
    """The rule for what reaches nothing, or is judged elsewhere."""


def plain(text: str) -> Rule:
    """Return the rule for what cannot be allowed, whatever its arguments."""
    return lambda args: Attempt(text)
