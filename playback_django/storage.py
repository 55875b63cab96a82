"""Storages of files: what is asked of one is an input, a file that is saved an output."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from playback_core.entry import EntryKind
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptor_options import DEFAULT_OPTIONS
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.playback_session import PlaybackSession
from playback_core.replacing import Function
from playback_core.session import Session, current_session
from playback_django.configured import targets_of
from playback_django.saved_content import BLOCK, KeptContent, ReadOnce, can_be_read_again

LIBRARY: Final = "django.core.files"
_STATIC: Final = "staticfiles"
_STATIC_MODULE: Final = "django.contrib.staticfiles.storage"
_READING: Final = frozenset("rbt")

Fields = Callable[..., dict[str, Any]]


def _saved(name: Any, content: Any, max_length: Any = None) -> dict[str, Any]:
    told = {"name": str(name or getattr(content, "name", ""))}
    return told if isinstance(content, ReadOnce) else {**told, "content": _content(content)}


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

    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)
        return _keeping(intercepted) if self._name == "save" else intercepted

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        storage, *given = args
        if _is_static(storage):
            return None
        fields = self._fields(*given, **kwargs)
        if self._name == "open" and not _is_read(storage, fields["mode"]):
            return None
        call = Call(self._kind, f"django storage {self._name}", fields, fields.get("mode"))
        content = next(
            (each for each in (*given, *kwargs.values()) if type(each) is ReadOnce), None
        )
        if content is not None:
            # It is known when it has been saved, and in a replay nobody else reads it.
            replayed = isinstance(current_session(), PlaybackSession)
            read = content.read_whole if replayed else content.was_read
            call.fields_later = lambda: {**fields, "content": read()}
        return call

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


def _keeping(save: Function) -> Function:
    """Have a content that can be read only once kept as it is read."""

    def kept(storage: Any, name: Any, content: Any, *args: Any, **kwargs: Any) -> Any:
        session = current_session()
        if session is not None and not can_be_read_again(content):
            content = ReadOnce(content, session.interceptor_options.body_limit)
        return save(storage, name, content, *args, **kwargs)

    return kept


def _content(file: Any) -> Any:
    """Return what is in a file, which is left where it is: of a large one its size and a digest."""
    session = current_session()
    options = DEFAULT_OPTIONS if session is None else session.interceptor_options
    place = file.tell()
    file.seek(0)
    try:
        kept = KeptContent(options.body_limit)
        content = None
        while content is None or content:
            content = file.read(BLOCK)
            # The last one is empty, and says of which kind all are.
            kept.add(content)
        return kept.whole()
    finally:
        file.seek(place)


def interceptor() -> Interceptor:
    """Return that of the storages that the settings name, and of those in folders."""
    named = [each["BACKEND"] for alias, each in settings.STORAGES.items() if alias != _STATIC]
    own = f"{FileSystemStorage.__module__}.{FileSystemStorage.__name__}"
    targets: list[Target] = [*targets_of([own, *named], _CALLS, _Stored)]
    return Interceptor(library=LIBRARY, distribution="django", targets=targets)
