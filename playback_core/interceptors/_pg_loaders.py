"""What psycopg loads values by, of its own accord and as an application says."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import adapt, pq
from psycopg.types.string import ByteaBinaryLoader, TextLoader

from playback_core.interceptors._pg_hollow import Detached


class _TextBytesLoader(adapt.Loader):
    format = pq.Format.TEXT

    def load(self, data: Any) -> bytes:
        return bytes(data)


def _raw(*loaders: Any) -> Detached:
    adapters = adapt.AdaptersMap()
    for loader in loaders:
        adapters.register_loader(0, loader)
    return Detached(adapters)


_PLAIN: Final = (16, 20, 21, 23, 26, 700, 701)
"""The types of booleans, whole numbers and floats: they are stored as such."""


_SOMEBODY_ELSES: Final[Any] = object()


def _loader(oid: int, form: pq.Format) -> Any:
    loader = psycopg.adapters.get_loader(oid, form)
    is_own = loader is None or loader.__module__.partition(".")[0].startswith("psycopg")
    # An application may have registered its own before this module was loaded.
    return loader if is_own else _SOMEBODY_ELSES


def _plain_or_text() -> Detached:
    context = _raw(TextLoader, ByteaBinaryLoader)
    for oid in _PLAIN:
        loader = _loader(oid, pq.Format.TEXT)
        if loader not in (None, _SOMEBODY_ELSES):
            context.adapters.register_loader(oid, loader)
    return context


AS_TEXT: Final = _plain_or_text()
AS_BYTES: Final = _raw(_TextBytesLoader, ByteaBinaryLoader)


def _loaders_by_now() -> tuple[dict[int, Any], dict[int, Any]]:
    known = psycopg.adapters.types
    oids = {0, *(each.oid for each in known), *(each.array_oid for each in known)}
    text, binary = (
        {oid: _loader(oid, form) for oid in oids} for form in (pq.Format.TEXT, pq.Format.BINARY)
    )
    return text, binary


_own_loaders: Final = _loaders_by_now()
"""What psycopg loads values by where the application says nothing else, by format and type."""


_as_installed: Final = adapt.AdaptersMap(psycopg.adapters)
"""A copy: from now on no mapping of psycopg's is changed in place, but copied before."""

_ALL_ARE_OWN: Final = _SOMEBODY_ELSES not in (*_own_loaders[0].values(), *_own_loaders[1].values())


def loads_as_psycopg_does(adapters: Any) -> bool:
    """Tell, at little cost, that an application has no loaders of its own; False if unknown."""
    text, binary = adapters._loaders
    own_text, own_binary = _as_installed._loaders
    return _ALL_ARE_OWN and text is own_text and binary is own_binary


def is_own_loader(oid: int, loader: Any) -> bool:
    """Tell whether a loader of text is the one that psycopg has for a type."""
    return type(loader) is (_own_loaders[0].get(oid) or _own_loaders[0][0])


def loaded_rows(result: Any, context: Any) -> list[Any]:
    """Return the rows of a result of libpq, loaded in a context, in one call."""
    transformer = adapt.Transformer(context)
    transformer.set_pgresult(result)
    rows: list[Any] = transformer.load_rows(0, result.ntuples, tuple)
    return rows


def foreign_columns(oids: tuple[int, ...], form: int, adapters: Any) -> list[int]:
    """Return the numbers of the columns that the application has a loader of its own for."""
    # psycopg asks for all columns of a result in one format.
    loaders = adapters._loaders[form]
    own = _own_loaders[form]
    now, before = [*map(loaders.get, oids)], [*map(own.get, oids)]
    default_changed = loaders.get(0) is not own[0]
    if now == before and not default_changed:
        return []
    return [
        number
        for number, (loader, known) in enumerate(zip(now, before, strict=True))
        if loader is not known or (loader is None and default_changed)
    ]
