"""LocalCache: a bounded folder of byte strings, for several processes, that fails no read."""

import os
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Final

from playback_core.cassettes._own_files import open_file
from playback_core.guard import Guard

_DIGEST: Final = 32
_SUFFIX: Final = ".cached"
_TEMPORARY: Final = ".writing"

# How full it is after making room, and how much is written before looking again: others write too.
_ROOM: Final = 0.9
_LOOK_AGAIN: Final = 16

_ABANDONED_SECONDS: Final = 3600


class LocalCache:
    """Keeps bytes by name in files of mode 0600; those not used for longest make room.

    Each file begins with the SHA-256 of its content, so that a damaged one is no hit. A fault of
    the disk is logged once, and counts as a miss. `max_bytes` may be exceeded by a sixteenth for
    each process that writes.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._guard = Guard()
        self._unlooked = max_bytes

    def get(self, name: str, max_bytes: int) -> bytes | None:
        """Return what is kept under a name, if it is whole, ours and no longer than a bound."""
        try:
            path = self._path(name)
            with open_file(path) as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.geteuid() or status.st_size > max_bytes + _DIGEST:
                    return None
                digest, body = file.read(_DIGEST), file.read(max_bytes)
            if sha256(body).digest() != digest:
                path.unlink(missing_ok=True)
                return None
        except FileNotFoundError:
            return None
        except OSError as error:
            self._report("Reading from the cache", error)
            return None
        with suppress(OSError):
            os.utime(path)
        return body

    def put(self, name: str, body: bytes) -> None:
        """Keep bytes under a name, unless they would be a large part of what fits."""
        size = len(body) + _DIGEST
        if size > self._max_bytes // 4:
            return
        try:
            self._make_room(size)
            self._write(self._path(name), sha256(body).digest(), body)
        except OSError as error:
            self._report("Writing to the cache", error)

    def _path(self, name: str) -> Path:
        hashed = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / hashed[:2] / f"{hashed}{_SUFFIX}"

    def _write(self, path: Path, *parts: bytes) -> None:
        for folder in (self._folder, path.parent):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Seen under its name only when it is whole.
        temporary = path.with_suffix(f".{os.urandom(8).hex()}{_TEMPORARY}")
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(number, "wb") as file:
                file.writelines(parts)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _make_room(self, size: int) -> None:
        self._unlooked += size
        if self._unlooked * _LOOK_AGAIN < self._max_bytes:
            return
        kept = sorted(self._kept(), key=lambda entry: entry[0])
        total = sum(length for _, length, _ in kept) + size
        if total > self._max_bytes:
            for _, length, path in kept:
                if total <= self._max_bytes * _ROOM:
                    break
                # Another process may have removed it.
                with suppress(FileNotFoundError):
                    os.unlink(path)
                total -= length
        self._unlooked = 0

    def _kept(self) -> Iterable[tuple[float, int, str]]:
        for path in self._folder.glob("??/*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                is_abandoned = time() - status.st_mtime > _ABANDONED_SECONDS
                if path.suffix == _TEMPORARY and is_abandoned:
                    path.unlink()
                elif path.suffix == _SUFFIX:
                    yield status.st_mtime, status.st_size, str(path)

    def _report(self, stage: str, error: OSError) -> None:
        self._guard.report(stage, str(self._folder), error, "recordings are read from S3 instead")
