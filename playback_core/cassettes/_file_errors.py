"""What the file system complains about, as a CassetteError that says what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playback_core.errors import CassetteError

_ADVICE: Final = {
    errno.EACCES: "allow this user to read and write there",
    errno.EDQUOT: "free some space or lower `max_bytes`",
    errno.ELOOP: "remove the link, which is none of ours",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "allow more open files in the system",
    errno.ENOSPC: "free some space or lower `max_bytes`",
    errno.ENOTDIR: "part of the path is a file, or a link of somebody else; remove it or name"
    " another folder",
    errno.EPERM: "allow this user to read and write there",
    errno.EROFS: "name a folder that can be written to",
}


@contextmanager
def file_errors(directory: Path) -> Iterator[None]:
    """Raise OS errors of the block as CassetteError."""
    try:
        yield
    except OSError as error:
        raise file_error(directory, error) from error


def file_error(directory: Path, error: OSError) -> CassetteError:
    """Make a CassetteError of an OS error."""
    where = "" if error.filename is None else f" ({error.filename})"
    advice = _ADVICE.get(error.errno or 0, "check the disk and the folder")
    reason = error.strerror or str(error)
    return CassetteError(f"Recording folder {directory}: {reason}{where}; {advice}.")
