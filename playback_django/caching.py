"""Caches of Django, whatever the backend: what is asked of one is an input, what is put an output.

`get_or_set` is what it comes to, `get`, the function that makes the value, and `add`: so that this
function runs in a replay, too, where it ran when it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any, Final

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from playback_core.entry import EntryKind
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.library_interception import INPUT, OUTPUT, UNRECORDED, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current
from playback_django.configured import targets_of
from playback_django.new_secrets import with_any_secret

LIBRARY: Final = "django.core.cache"
_FILES: Final = "django.core.cache.backends.filebased"
_ALIAS: Final = "_playback_alias"
_OF_THREAD: Final = "_connections"

_SESSIONS: Final = ("django.contrib.sessions.cached_db", "django.contrib.sessions.cache")


@lru_cache(maxsize=4)
def _prefixes(engine: str) -> tuple[str, ...]:
    """Return what keys of sessions begin with, the longest first: a cookie's secret follows it."""
    store = getattr(import_module(engine), "SessionStore", None)
    own = getattr(store, "cache_key_prefix", None)
    known = {*_SESSIONS, own} if isinstance(own, str) and own else {*_SESSIONS}
    return tuple(sorted(known, key=len, reverse=True))


def _keyed(key: Any, version: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {} if version is None else {"version": version}
    if isinstance(key, str):
        for prefix in _prefixes(settings.SESSION_ENGINE):
            if key.startswith(prefix):
                return {**fields, "key": prefix, "session_key": key.removeprefix(prefix)}
    return {"key": key, **fields}


def _get(key: Any, default: Any = None, version: Any = None) -> dict[str, Any]:
    return _keyed(key, version)


def _of_key(key: Any, version: Any = None) -> dict[str, Any]:
    return _keyed(key, version)


def _set(
    key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
) -> dict[str, Any]:
    return {**_keyed(key, version), "value": value, **_timed(timeout)}


def _touch(key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> dict[str, Any]:
    return {**_keyed(key, version), **_timed(timeout)}


def _incr(key: Any, delta: Any = 1, version: Any = None) -> dict[str, Any]:
    return {**_keyed(key, version), "delta": delta}


def _of_many(keys: Any, version: Any = None) -> dict[str, Any]:
    return {"keys": list(keys), **({} if version is None else {"version": version})}


def _set_many(data: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> dict[str, Any]:
    fields = {"data": dict(data), **_timed(timeout)}
    return fields if version is None else {**fields, "version": version}


def _clear() -> dict[str, Any]:
    return {}


def _timed(timeout: Any) -> dict[str, Any]:
    return {} if timeout is DEFAULT_TIMEOUT else {"timeout": timeout}


_CALLS: Final[dict[str, tuple[EntryKind, Callable[..., dict[str, Any]]]]] = {
    "get": (INPUT, _get),
    "get_many": (INPUT, _of_many),
    "has_key": (INPUT, _of_key),
    "__contains__": (INPUT, _of_key),
    "set": (OUTPUT, _set),
    "add": (OUTPUT, _set),
    "touch": (OUTPUT, _touch),
    "delete": (OUTPUT, _of_key),
    "incr": (OUTPUT, _incr),
    "decr": (OUTPUT, _incr),
    "set_many": (OUTPUT, _set_many),
    "delete_many": (OUTPUT, _of_many),
    "clear": (OUTPUT, _clear),
    "incr_version": (OUTPUT, _incr),
    "decr_version": (OUTPUT, _incr),
}
_WITH_KEYS: Final = frozenset({"get_many", "delete_many"})
_WITH_VALUES: Final = frozenset({"set", "set_many", "add"})


class _Cached(CallTarget):
    """A method of a backend; of asynchronous ones only those that a backend has of its own."""

    def __init__(self, module: str, attribute: str, name: str) -> None:
        super().__init__(module, attribute, optional=True)
        self._name = name if name in _CALLS else name[1:]
        self._kind, self._fields = _CALLS[self._name]

    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)
        if self._name in _WITH_VALUES and not iscoroutinefunction(original):
            return _after_queries(intercepted, adds=self._name == "add")
        if self._name not in _WITH_KEYS:
            return intercepted

        def with_keys(cache: Any, keys: Any, *args: Any, **kwargs: Any) -> Any:
            # They may be read only once.
            known = keys if current() is None else list(keys)
            return intercepted(cache, known, *args, **kwargs)

        return with_keys

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        cache, *given = args
        fields = self._fields(*given, **kwargs)
        default = given[1] if len(given) > 1 else kwargs.get("default")
        shown = "has_key" if self._name == "__contains__" else self._name
        return Call(self._kind, f"django cache {_alias(cache)} {shown}", fields, default)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        if self._name != "get":
            return value, value
        # The default may be an object that only means that there is nothing.
        return value, {} if value is call.about else {"value": value}

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return with_any_secret(fields)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return stored.get("value", call.about) if self._name == "get" else stored


def _after_queries(put: Function, *, adds: bool) -> Function:
    """Have querysets make their queries first: a backend makes them when it pickles, out of sight.

    Those of Django do: of others it is not known.
    """

    def put_in(cache: Any, *args: Any, **kwargs: Any) -> Any:
        if current() is not None and isinstance(cache, _pickling()):
            queries = [*_queries_in((*args, *kwargs.values()))]
            if queries and not (adds and _needs_no_value(cache, *args, **kwargs)):
                for query in queries:
                    len(query)
        return put(cache, *args, **kwargs)

    return put_in


def _queries_in(given: Iterable[Any]) -> Iterator[QuerySet[Any]]:
    for each in given:
        for value in each.values() if type(each) is dict else (each,):
            if isinstance(value, QuerySet) and value._result_cache is None:
                yield value


def _needs_no_value(
    cache: Any, key: Any, value: Any, timeout: Any = None, version: Any = None
) -> bool:
    # In files, what is there is left alone before anything is pickled.
    return isinstance(cache, _in_files()) and bool(cache.has_key(key, version))


@lru_cache(maxsize=1)
def _in_files() -> Any:
    return import_string(f"{_FILES}.FileBasedCache")


@lru_cache(maxsize=1)
def _pickling() -> tuple[type, ...]:
    paths = ("locmem.LocMemCache", "db.DatabaseCache", "filebased.FileBasedCache")
    more = ("redis.RedisCache", "memcached.BaseMemcachedCache")
    return tuple(import_string(f"django.core.cache.backends.{path}") for path in (*paths, *more))


class _MakingFolder(CallTarget):
    """The place where a cache in files makes its folder, when it is looked up."""

    def __init__(self) -> None:
        super().__init__(_FILES, "FileBasedCache._createdir", optional=True)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, "django cache folder", {})

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None)


def _alias(cache: Any) -> str:
    alias: str | None = vars(cache).get(_ALIAS)
    if alias is None:
        alias = next(
            (name for name in caches if getattr(vars(caches)[_OF_THREAD], name, None) is cache),
            type(cache).__name__,
        )
        setattr(cache, _ALIAS, alias)
    return alias


def _own_names(path: str) -> Iterator[str]:
    yield from _CALLS
    try:
        backend = import_string(path)
    except ImportError:
        return
    for name in _CALLS:
        if getattr(backend, f"a{name}", None) is not getattr(BaseCache, f"a{name}", None):
            yield f"a{name}"


def interceptor() -> Interceptor:
    """Return that of the backends that the settings name."""
    targets: list[Target] = [_MakingFolder()]
    for path in dict.fromkeys(each["BACKEND"] for each in settings.CACHES.values()):
        targets += targets_of([path], _own_names(path), _Cached)
    return Interceptor(library=LIBRARY, distribution="django", targets=targets)
