"""The files and folders a cassette makes: private, and never reached through a link or a pipe.

A folder of recordings may come from somebody else, with anything in it under the names we use.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

# A named pipe must not keep us waiting, nor a link lead us elsewhere.
HERE_ONLY: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class NotAFileError(OSError):
    """What has the name of a file is a folder, a pipe or a device."""


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading; raise NotAFileError or another OSError."""
    descriptor = os.open(path, os.O_RDONLY | HERE_ONLY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFileError(errno.EINVAL, "it is no file", str(path))
    return open(descriptor, "rb")


def write_file(path: Path, content: bytes, flags: int) -> None:
    """Write a private file; `flags` say what is made of one that is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | HERE_ONLY | flags, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def make_folder(path: Path) -> None:
    """Make a private folder, and those above it, where it is missing; raise OSError for a link."""
    if is_folder(path):
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    if not is_folder(path):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
