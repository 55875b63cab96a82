"""What SQLite and the file system complain about, as a CassetteError that says what to do."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playback_core.errors import CassetteError

_ADVICE: Final = {
    sqlite3.SQLITE_BUSY: "another process kept it locked; raise `timeout`, or end that process",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the permissions of the file, its log"
    " (-wal) and the folder, or copy file and log to a folder of your own",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; keep a copy and record to a new file",
    sqlite3.SQLITE_FULL: "the disk is full; free some space or lower `max_bytes`",
    sqlite3.SQLITE_IOERR: "the disk or file system failed; local disks work, network shares do not",
    sqlite3.SQLITE_NOTADB: "this is no SQLite database; name another file",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only; allow writing or copy it",
}


@contextmanager
def cassette_errors(path: Path, after_error: Callable[[], None]) -> Iterator[None]:
    """Raise sqlite3 and OS errors of the block as CassetteError, after calling `after_error`."""
    try:
        yield
    except sqlite3.Error as error:
        after_error()
        advice = _ADVICE.get(primary_code(error), "see the SQLite error")
        raise CassetteError(f"Recording database {path}: {advice} ({error}).") from error
    except UnicodeDecodeError as error:
        # SQLite quotes in its message what it could not read.
        after_error()
        raise CassetteError(
            f"Recording database {path}: {_ADVICE[sqlite3.SQLITE_CORRUPT]} ({error.object!r})."
        ) from error
    except OSError as error:
        after_error()
        raise CassetteError(
            f"Recording database {path} cannot be made: {error.strerror};"
            " name a folder that can be written to."
        ) from error


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's code without its extension; errors of the module itself have none."""
    code: int = getattr(error, "sqlite_errorcode", -1)
    return code & 0xFF
