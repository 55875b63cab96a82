"""Files that are read: those that the setting names, as `files:/etc/shop/*.json`, are inputs."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any, Final

from playback_core.intercepted_files import InputInterceptionFileDataHandler
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor
from playback_core.library_interception import INPUT, Call, Missing
from playback_core.session import Session, current, within

_READING: Final = frozenset("rbt")
_patterns: Final[list[str]] = []


def take_options(patterns: Iterable[str]) -> None:
    """Have files be inputs whose whole path matches one of some patterns; none forgets them all."""
    resolved = [os.path.abspath(os.path.expanduser(pattern)) for pattern in patterns]
    _patterns[:] = dict.fromkeys([*_patterns, *resolved]) if resolved else []


class _Opening(CallTarget):
    """What is stored is the file as it was when it was opened; a replay opens that."""

    def replacement(self, original: Callable[..., Any]) -> Callable[..., Any]:
        self._content = InputInterceptionFileDataHandler(0, None)
        intercepted = super().replacement(original)

        # Of other files the call is not even a late one.
        @wraps(original)
        def opened(file: Any, *args: Any, **kwargs: Any) -> Any:
            is_ours = current() is not None and _is_meant(file, *args, **kwargs)
            return (intercepted if is_ours else original)(file, *args, **kwargs)

        return opened

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        asked = _Asked.of(*args, **kwargs)
        return Call(INPUT, "files open", {"path": asked.path}, asked)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        branch = current()
        with within(None if branch is None else branch.inner):
            path = call.about.path
            return value, self._content.prepare_input_for_recording("", None, (path,), {})

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        content = stored["file_content"]
        if content is None or "not_recorded" in stored:
            raise missing(f"Its content was not recorded: {stored.get('not_recorded')}.")
        asked: _Asked = call.about
        return asked.opened(content)


class _Asked:
    """How a file was asked to be opened."""

    def __init__(self, file: Any, mode: str, buffering: int, text: tuple[Any, ...]) -> None:
        self.path = _path(file)
        self._file = file
        self._mode = mode
        self._buffering = buffering
        self._text = text

    @classmethod
    def of(
        cls,
        file: Any,
        mode: Any = "r",
        buffering: Any = -1,
        encoding: Any = None,
        errors: Any = None,
        newline: Any = None,
        closefd: Any = True,
        opener: Any = None,
    ) -> _Asked:
        return cls(file, mode, buffering, (encoding, errors, newline))

    def opened(self, content: bytes) -> Any:
        raw = _ReplayedFile(os.fspath(self._file), content)
        if self._buffering == 0:
            return raw
        buffered = io.BufferedReader(raw)
        if "b" in self._mode:
            return buffered
        text: Any = io.TextIOWrapper(buffered, *self._text)
        text.mode = self._mode
        return text


class _ReplayedFile(io.RawIOBase):
    """A file as it was recorded."""

    mode = "rb"

    def __init__(self, name: Any, content: bytes) -> None:
        self.name = name
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(buffer)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._content.seek(offset, whence)


def _is_meant(
    file: Any, mode: Any = "r", buffering: Any = -1, *more: Any, opener: Any = None, **named: Any
) -> bool:
    if not isinstance(file, (str, bytes, os.PathLike)) or opener is not None or len(more) > 4:
        return False
    if not isinstance(mode, str) or not _READING.issuperset(mode):
        return False
    path = _path(file)
    return any(fnmatchcase(path, pattern) for pattern in _patterns)


def _path(file: Any) -> str:
    return os.path.abspath(os.fsdecode(file))


INTERCEPTOR: Final = Interceptor(
    library="files", targets=[_Opening("builtins", "open"), _Opening("io", "open")]
)
