"""Sessions of Django: what is put into one, and those that are kept in files.

Those in a database or a cache are what these are asked for. Their keys are secrets by their name,
and so is their content as it is encoded: what a recording has of it is what it says.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

from playback_core.entry import EntryKind
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.replacing import Function
from playback_core.session import Session, current_session
from playback_django.new_secrets import with_any_secret

_BASE: Final = "django.contrib.sessions.backends.base"
_FILE: Final = "django.contrib.sessions.backends.file"
_COLUMN: Final = "session_data"


class _Encoded(dict[str, Any]):
    """What the contents of sessions say that an operation has encoded."""


def readable(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what is written to a table of sessions, with their content as what it says."""
    session = current_session()
    known = {} if session is None else session.remembered.get(_Encoded, {})
    data = parameters[_COLUMN]
    if not isinstance(data, str) or data not in known:
        return parameters
    other = {name: value for name, value in parameters.items() if name != _COLUMN}
    return {**other, "session": known[data]}


def has_content(names: Container[str]) -> bool:
    """Tell whether a statement may have the content of a session among parameters of such names."""
    return _COLUMN in names


class _Encoding(Target):
    """The place where the content of a session is encoded."""

    def __init__(self) -> None:
        super().__init__(_BASE, "SessionBase.encode")

    def replacement(self, original: Function) -> Function:
        def encode(store: Any, session_dict: dict[str, Any]) -> str:
            data: str = original(store, session_dict)
            session = current_session()
            if session is not None:
                encoded = session.remembered.setdefault(_Encoded, _Encoded())
                encoded[data] = dict(session_dict)
            return data

        return encode


class _InFiles(CallTarget):
    """What is asked of a session that is kept in a file."""

    kind: EntryKind

    def __init__(self, name: str) -> None:
        super().__init__(_FILE, f"SessionStore.{name}")
        self._alias = f"django session {name}"

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        store = args[0]
        fields = self._fields(*args, **kwargs)
        return Call(self.kind, self._alias, fields, store)

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return with_any_secret(fields)

    def _fields(self, store: Any, session_key: Any = None) -> dict[str, Any]:
        return {"session_key": store.session_key if session_key is None else session_key}


class _Loading(_InFiles):
    kind = INPUT

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        # It may have been given another key, or none.
        return value, {"content": value, "session_key": call.about.session_key}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        call.about._session_key = stored["session_key"]
        return stored["content"]


class _Existing(_InFiles):
    kind = INPUT


class _Deleting(_InFiles):
    kind = OUTPUT


class _Saving(_InFiles):
    kind = OUTPUT

    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)

        def save(store: Any, must_create: bool = False) -> Any:
            # It makes a new one, by this.
            if store.session_key is None:
                return original(store, must_create)
            return intercepted(store, must_create)

        return save

    def _fields(self, store: Any, must_create: Any = False) -> dict[str, Any]:
        content = dict(store._get_session(no_load=must_create))
        return {"session_key": store.session_key, "session": content, "new": bool(must_create)}


INTERCEPTOR: Final = Interceptor(
    library="django.contrib.sessions",
    distribution="django",
    targets=[
        _Encoding(),
        _Loading("load"),
        _Saving("save"),
        _Existing("exists"),
        _Deleting("delete"),
    ],
)
