"""What the kernel refuses a process that only replays: to connect, by whatever code and to whom.

A network of one's own holds no Unix sockets back, by which databases of the machine are reached.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

# Of linux/prctl.h, linux/seccomp.h and linux/bpf_common.h.
_NO_NEW_PRIVILEGES: Final = 38
_SET_SECCOMP: Final = 22
_FILTER: Final = 2
_LOAD: Final = 0x20
_SKIP_UNLESS: Final = 0x15
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EACCES

# Of struct seccomp_data: where the number of the call is, and the architecture.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4


class _Architecture(NamedTuple):
    number: int
    connect: int


_ARCHITECTURES: Final = {
    "x86_64": _Architecture(0xC000003E, 42),
    "aarch64": _Architecture(0xC00000B7, 203),
}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def refuse_to_connect() -> bool:
    """Have the kernel refuse this process, for good, to connect; tell whether it does.

    It holds for the thread that calls it, and for those and the processes that this one starts.
    """
    machine = _ARCHITECTURES.get(os.uname().machine)
    if machine is None:
        return False
    steps = (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_SKIP_UNLESS, 0, 3, machine.number),
        (_LOAD, 0, 0, _NUMBER),
        (_SKIP_UNLESS, 0, 1, machine.connect),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    )
    instructions = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), instructions)
    control = ctypes.CDLL(None).prctl
    # Without it a process that is not root's may have no filter.
    if control(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(control(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)


def holds_socket(paths: Iterable[str]) -> bool:
    """Tell whether any path is that of a Unix socket, or of a folder with one in it."""
    return any(map(_holds_socket, paths))


def _holds_socket(path: str) -> bool:
    with suppress(OSError):
        if not os.path.isdir(path):
            return stat.S_ISSOCK(os.stat(path).st_mode)
        with os.scandir(path) as entries:
            return any(stat.S_ISSOCK(each.stat().st_mode) for each in entries)
    return False
