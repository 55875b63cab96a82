"""Seals a process that does nothing but replay: all its threads, and below Python its network."""

import ctypes
import os
import socket
import stat
import sys
from contextlib import suppress
from typing import Final, Literal

from playback_core.sandbox.audit import install_hook
from playback_core.sandbox.databases import guard_new_connections, guard_open_connections
from playback_core.sandbox.guards import install_guards
from playback_core.sandbox.judge import seal_other_threads
from playback_core.sandbox.remains import install_remains
from playback_core.sandbox.system_calls import holds_socket, refuse_to_connect
from playback_core.sandbox_options import SandboxOptions

Kind = Literal["full", "python"]

# Of linux/sched.h.
_NEW_USER: Final = 0x10000000
_NEW_NET: Final = 0x40000000


class _Sealed:
    kind: Kind = "python"


_sealed: Final = _Sealed()


def install() -> None:
    """Install hook and guards, once, and the guards of modules that were loaded since."""
    is_first = install_hook()
    install_guards()
    install_remains()
    if is_first:
        guard_open_connections()
    guard_new_connections()


def seal_process(options: SandboxOptions, *, leave_network: bool = True) -> Kind:
    """Seal this process for good and tell how: `full` or `python`; call it before other threads.

    Everything but the calling thread is kept from the world, also between replays. `full` is
    Linux with a network namespace of this process alone, in which no host is there to connect to,
    and with a dead end in place of each connection that was inherited; there the kernel refuses
    Unix sockets, too, unless one is allowed. It is `python` where the
    system refuses that, where several threads run already, where hosts are allowed, and where it is
    not to `leave_network`, as what it reads comes from there. What results leave by must be open
    already: a pipe or a pair of sockets.
    """
    install()
    seal_other_threads()
    if leave_network and not options.hosts and sys.platform == "linux" and _leave_network():
        _kill_connections()
        if not holds_socket(options.paths):
            refuse_to_connect()
        _sealed.kind = "full"
    return _sealed.kind


def kind_of_seal() -> Kind:
    """Tell how this process is sealed; `python` where it is not one that only replays."""
    return _sealed.kind


def _leave_network() -> bool:
    if len(os.listdir("/proc/self/task")) > 1:
        return False  # the other threads would stay where they are
    libc = ctypes.CDLL(None, use_errno=True)
    # A user namespace gives the right to it, and files of other users away: only where needed.
    if libc.unshare(_NEW_NET) == 0:
        return True
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_USER | _NEW_NET) != 0:
        return False
    # Without a mapping every file would be nobody's.
    with suppress(OSError):
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    return True


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _kill_connections() -> None:
    # Closing one would free its number for another file; shutting it down would end the parent's.
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            fd = int(name)
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                _kill_connection(fd)


def _kill_connection(fd: int) -> None:
    with socket.socket(fileno=os.dup(fd)) as sock:
        if sock.family == socket.AF_UNIX and not sock.getsockname():
            return  # one of a pair
        # Of its kind, so that its options can be set; there is nobody it could reach.
        with socket.socket(sock.family, sock.type, sock.proto) as unconnected:
            os.dup2(unconnected.fileno(), fd, inheritable=os.get_inheritable(fd))
