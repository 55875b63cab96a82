"""Storages of files: what is asked of one is an input, a file that is saved an output."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from playback_core.entry import EntryKind
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptor_options import DEFAULT_OPTIONS
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.session import Session, current_session
from playback_django.configured import targets_of

LIBRARY: Final = "django.core.files"
_STATIC: Final = "staticfiles"
_STATIC_MODULE: Final = "django.contrib.staticfiles.storage"
_BLOCK: Final = 64 * 1024
_READING: Final = frozenset("rbt")

Fields = Callable[..., dict[str, Any]]


def _saved(name: Any, content: Any, max_length: Any = None) -> dict[str, Any]:
    return {"name": str(name or getattr(content, "name", "")), "content": _content(content)}


def _named(name: Any) -> dict[str, Any]:
    return {"name": str(name)}


def _opened(name: Any, mode: Any = "rb") -> dict[str, Any]:
    return {"name": str(name), "mode": mode}


def _listed(path: Any) -> dict[str, Any]:
    return {"path": str(path)}


_CALLS: Final[dict[str, tuple[EntryKind, Fields]]] = {
    "save": (OUTPUT, _saved),
    "delete": (OUTPUT, _named),
    "open": (INPUT, _opened),
    "exists": (INPUT, _named),
    "size": (INPUT, _named),
    "listdir": (INPUT, _listed),
    "get_accessed_time": (INPUT, _named),
    "get_created_time": (INPUT, _named),
    "get_modified_time": (INPUT, _named),
}


class _Stored(CallTarget):
    """A method of a storage; those of static files, which come with the code, are left alone."""

    def __init__(self, module: str, attribute: str, name: str) -> None:
        super().__init__(module, attribute, optional=True)
        self._name = name
        self._kind, self._fields = _CALLS[name]

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        storage, *given = args
        if _is_static(storage):
            return None
        fields = self._fields(*given, **kwargs)
        if self._name == "open" and not _is_read(storage, fields["mode"]):
            return None
        return Call(self._kind, f"django storage {self._name}", fields, fields.get("mode"))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        if self._name != "open":
            return value, value
        return value, {"path": value.name, "content": _content(value)}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        if self._name != "open":
            # Pairs come as they were: `listdir` gives a tuple.
            return stored
        content = stored["content"]
        if isinstance(content, dict):
            raise missing("The file was larger than BODY_LIMIT; its content was not recorded.")
        return File(_file(content), stored["path"])


def _file(content: bytes | str) -> Any:
    return io.BytesIO(content) if isinstance(content, bytes) else io.StringIO(content)


def _is_static(storage: Any) -> bool:
    module = sys.modules.get(_STATIC_MODULE)
    return module is not None and isinstance(storage, module.StaticFilesStorage)


def _is_read(storage: Any, mode: Any) -> bool:
    # Other storages ask a server, when what they return is read.
    return isinstance(storage, FileSystemStorage) and _READING.issuperset(mode)


def _content(file: Any) -> Any:
    """Return what is in a file, which is left where it is: of a large one its size and a digest."""
    session = current_session()
    options = DEFAULT_OPTIONS if session is None else session.interceptor_options
    place = file.tell()
    file.seek(0)
    try:
        content = file.read(options.body_limit + 1)
        if len(content) <= options.body_limit:
            return content
        digest, size = blake2b(digest_size=16), 0
        while content:
            data = content.encode() if isinstance(content, str) else content
            digest.update(data)
            size += len(data)
            content = file.read(_BLOCK)
        return {"size": size, "blake2b": digest.hexdigest()}
    finally:
        file.seek(place)


def interceptor() -> Interceptor:
    """Return that of the storages that the settings name, and of those in folders."""
    named = [each["BACKEND"] for alias, each in settings.STORAGES.items() if alias != _STATIC]
    own = f"{FileSystemStorage.__module__}.{FileSystemStorage.__name__}"
    targets: list[Target] = [*targets_of([own, *named], _CALLS, _Stored)]
    return Interceptor(library=LIBRARY, distribution="django", targets=targets)
