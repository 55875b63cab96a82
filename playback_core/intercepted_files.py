"""Data handlers of calls that take a path: what is recorded is the file that is there."""

from __future__ import annotations

import os
from math import isnan
from pathlib import PurePath
from stat import S_ISREG
from typing import Any, Final

from playback_core.data_handlers import InputInterceptionDataHandler, OutputInterceptionDataHandler
from playback_core.errors import TapeRecorderException
from playback_core.option_checks import wrong_option
from playback_core.playback_session import note_own_file
from playback_core.recording_session import MAX_OPERATION_BYTES

LIMIT_VARIABLE: Final = "PLAYBACK_INTERCEPTED_FILE_SIZE_LIMIT"

_DEFAULT_LIMIT: Final = 500.0
_MEGABYTE: Final = 1024 * 1024

StoredFile = dict[str, Any]
"""What is stored of a file.

`file_path` is where it was, None where the call had no path; `file_content` its bytes, None where
there was no file; `not_recorded` says why the content is not the file's, where it is not.
"""


def is_stored_file(value: Any) -> bool:
    """Tell whether a value is what a handler of this module stores."""
    return isinstance(value, dict) and "file_path" in value and "file_content" in value


class FileInterception:
    """The path argument of a call, and the file at it.

    `file_path_arg_name` is looked for among the keyword arguments first, then `file_path_arg_index`
    among the positional ones as the handler gets them: for an input `self` is 0, for an output the
    first one after `self` is. A file above `intercepted_size_limit` (MB of 1024 * 1024 bytes; by
    default of the environment's PLAYBACK_INTERCEPTED_FILE_SIZE_LIMIT, else 500), or above what
    one recording may hold, is not recorded: a marker stands for it. Raise SettingsError for a wrong
    argument or environment.
    """

    ABOVE_LIMIT_CONTENT: Final = b"above interception limit"

    def __init__(
        self,
        file_path_arg_index: int | None,
        file_path_arg_name: str | None,
        intercepted_size_limit: float | None = None,
    ) -> None:
        subject = type(self).__name__
        index, name = file_path_arg_index, file_path_arg_name
        if index is not None and type(index) is not int:
            expected = "the position of the path argument, or None"
            raise wrong_option(subject, "file_path_arg_index", index, expected)
        if (name is not None and not isinstance(name, str)) or (index is None and not name):
            expected = "the name of the path argument, or None beside an index"
            raise wrong_option(subject, "file_path_arg_name", name, expected)
        self.file_path_arg_index = index
        self.file_path_arg_name = name
        self.intercepted_size_limit = _limit(subject, intercepted_size_limit)

    def _path(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        index, name = self.file_path_arg_index, self.file_path_arg_name
        if name is not None and name in kwargs:
            return kwargs[name]
        if index is not None and -len(args) <= index < len(args):
            return args[index]
        raise TapeRecorderException(
            f"The call has no path: no argument {name!r}, and none at index {index} of its"
            f" {len(args)} positional ones. A path that is a default has to be passed."
        )

    def _stored(self, path: Any) -> StoredFile:
        if path is None:
            return {"file_path": None, "file_content": None}
        stored: StoredFile = {"file_path": os.fsdecode(path)}
        try:
            return stored | self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            return stored | {"file_content": None}
        except OSError as error:
            return stored | _unrecorded(None, f"it cannot be read: {error.strerror}")

    def _read(self, path: Any) -> StoredFile:
        if not S_ISREG(os.stat(path).st_mode):
            # Not opened: a pipe would wait for whoever writes into it.
            return _unrecorded(None, "it is no regular file")
        limit = int(min(self.intercepted_size_limit * _MEGABYTE, MAX_OPERATION_BYTES))
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            # Room for what is there, and not for the limit; of a size of 0 it may be anything.
            content = b"" if size > limit else file.read(size or limit + 1)
        size = max(size, len(content))
        if size > limit:
            return _unrecorded(self.ABOVE_LIMIT_CONTENT, _too_large(size, limit))
        return {"file_content": content}


class InputInterceptionFileDataHandler(FileInterception, InputInterceptionDataHandler):
    """Stores the file that an input has written, and writes it again at replay.

    It is written where the replayed call says, never where it was when recorded. Folders that are
    missing are made. The call returns what it returned; if that was the path, its own path.
    """

    def prepare_input_for_recording(
        self, interception_key: str, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> StoredFile:
        """Return the file at the path of the call, and its result."""
        return self._stored(self._path(args, kwargs)) | {"result": result}

    def restore_input_from_recording(
        self, recorded_data: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Write the file to the path of the call, and return what the call returns.

        Raise TapeRecorderException where its content was not recorded, OSError where the file
        cannot be written.
        """
        path = self._path(args, kwargs)
        content = _recorded_content(recorded_data)
        if content is not None:
            folder = os.path.dirname(os.fspath(path))
            if folder:
                os.makedirs(folder, exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
            note_own_file(os.fsdecode(path))
        result = recorded_data["result"]
        was_path = isinstance(result, (str, bytes, PurePath)) and (
            os.fsdecode(result) == recorded_data["file_path"]
        )
        return _as_path(path, like=result) if was_path else result


class InterceptedOutputFileHolder:
    """A file that an output sent.

    `file_content` is its bytes; `FileInterception.ABOVE_LIMIT_CONTENT` where it was too large, None
    where there was none. `not_recorded` says why the content is not the file's, None where it is.
    """

    def __init__(
        self, file_content: bytes | None, output_file_path: str | None, not_recorded: str | None
    ) -> None:
        self.file_content = file_content
        self.output_file_path = output_file_path
        self.not_recorded = not_recorded

    def to_file(self, file_path: str | os.PathLike[str]) -> None:
        """Write the content, or the marker of a file that was too large, to a path.

        Raise TapeRecorderException where there is neither, OSError where it cannot be written.
        """
        if self.file_content is None:
            reason = self.not_recorded or "there was no file"
            raise TapeRecorderException(
                f"There is no content of {self.output_file_path!r} to write: {reason}."
            )
        with open(file_path, "wb") as file:
            file.write(self.file_content)


class OutputInterceptionFileDataHandler(FileInterception, OutputInterceptionDataHandler):
    """Stores the file that an output sends, as it is when it is sent.

    It is what is compared; the other arguments of the call are not.
    """

    def prepare_output_for_recording(
        self, interception_key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> StoredFile:
        """Return the file at the path of the call."""
        return self._stored(self._path(args, kwargs))

    def restore_output_from_recording(self, recorded_data: Any) -> InterceptedOutputFileHolder:
        """Return a holder of the file that was sent."""
        return InterceptedOutputFileHolder(
            recorded_data["file_content"],
            recorded_data["file_path"],
            recorded_data.get("not_recorded"),
        )


def _limit(subject: str, given: Any) -> float:
    limit, option = given, "intercepted_size_limit"
    if given is None:
        option = LIMIT_VARIABLE
        given = os.environ.get(LIMIT_VARIABLE, "").strip()
        try:
            limit = float(given) if given else _DEFAULT_LIMIT
        except ValueError:
            limit = None
    is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    if not is_number or isnan(limit) or limit < 0:
        raise wrong_option(subject, option, given, "a number of megabytes, 0 or more")
    return float(limit)


def _too_large(size: int, limit: int) -> str:
    kept = f"and the limit is {limit / _MEGABYTE:.3g} MB"
    if limit == MAX_OPERATION_BYTES:
        kept = f"and a recording holds {limit / _MEGABYTE:.3g} MB at most"
    return f"it has {size:,} bytes, {kept}"


def _unrecorded(content: bytes | None, reason: str) -> StoredFile:
    return {"file_content": content, "not_recorded": reason}


def _recorded_content(stored: StoredFile) -> bytes | None:
    if "not_recorded" in stored:
        raise TapeRecorderException(
            f"The content of {stored['file_path']!r} was not recorded: {stored['not_recorded']}."
        )
    content: bytes | None = stored["file_content"]
    return content


def _as_path(path: Any, *, like: Any) -> Any:
    if isinstance(like, bytes):
        return os.fsencode(path)
    text = os.fsdecode(path)
    return text if isinstance(like, str) else type(like)(text)
