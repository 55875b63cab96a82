"""Values of Django in recordings: instances of models, querysets, files of fields, lazy objects."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from django.apps import apps
from django.utils.functional import Promise, SimpleLazyObject, empty

from playback_core.codec import Form, Opaque, store_by_fields, store_by_form
from playback_django.lazy_texts import LazyText
from playback_django.query_texts import query_told

_FIELDS: Final = "_playback_fields"
_WRAPPED: Final = "_wrapped"
# They make one where they are given none.
_SOME_QUERY: Final = object()


def register_values() -> None:
    """Have instances of models be stored as they are, with what was loaded of related ones.

    A queryset is stored as its rows, or as the query that it has not made yet.
    """
    from django.db.models.base import Model, ModelState
    from django.db.models.fields.files import FieldFile
    from django.db.models.query import QuerySet, RawQuerySet

    # Their pickles have the version of Django beside that.
    for kind in (Model, *_modes()):
        store_by_fields(kind)
    store_by_form(ModelState, _State())
    store_by_form(QuerySet, _Rows(QuerySet, "_query"))
    store_by_form(RawQuerySet, _Rows(RawQuerySet, "query"))
    store_by_form(FieldFile, _File())
    store_by_form(SimpleLazyObject, _Lazy())
    store_by_form(Promise, LazyText())


def _modes() -> list[type]:
    """Return how instances fetch what is missing, where a version of Django has choices of it."""
    try:
        modes = import_module("django.db.models.fetch_modes")
    except ImportError:
        return []
    return [modes.FetchMode, *modes.FetchMode.__subclasses__()]


class _State(Form):
    """What Django keeps of an instance, but for weak references to those fetched with it.

    How it fetches what is missing is left out where that is the usual way: older versions of
    Django have no other one.
    """

    def fields(self, value: Any) -> dict[str, Any]:
        fields = {name: part for name, part in vars(value).items() if name != "peers"}
        if type(fields.get("fetch_mode")).__name__ == "FetchOne":
            del fields["fetch_mode"]
        return fields

    def fill(self, value: Any, fields: dict[str, Any]) -> None:
        vars(value).update(fields)


class _Rows(Form):
    """A queryset: its rows, where it has them. Its query is told, but not stored to be made."""

    def __init__(self, base: Any, query: str) -> None:
        self._base = base
        self._query = query

    def fields(self, value: Any) -> dict[str, Any]:
        own = vars(value)
        if _FIELDS in own:
            return dict(own[_FIELDS])
        rows = own["_result_cache"]
        told = query_told(value) if rows is None else {"rows": [*rows]}
        return {"model": own["model"], "using": own["_db"], **told}

    def fill(self, value: Any, fields: dict[str, Any]) -> None:
        sql = fields.get("sql")
        query = Opaque(
            f"{self._base.__name__} as a query",
            "its rows are what was recorded" if "rows" in fields else str(sql or "no SQL"),
        )
        # What a class below does when one is made is its own.
        own = {"model": fields["model"], "using": fields["using"], "query": _SOME_QUERY}
        self._base.__init__(value, **own, **({"raw_query": sql} if self._query == "query" else {}))
        vars(value).update({self._query: query, _FIELDS: fields})
        vars(value).update(_result_cache=fields.get("rows"), _prefetch_done=True)

    def is_put_off(self, value: Any) -> bool:
        return vars(value)["_result_cache"] is None


class _File(Form):
    """The file of a field: which file it is. What is in it is asked of its storage."""

    def fields(self, value: Any) -> dict[str, Any]:
        own = vars(value)
        field = own["field"]
        return {
            "name": own["name"],
            "instance": own["instance"],
            "field": None if field is None else [field.model._meta.label, field.name],
            "saved": own.get("_committed", True),
        }

    def fill(self, value: Any, fields: dict[str, Any]) -> None:
        field = _field(fields["field"])
        vars(value).update(
            name=fields["name"],
            instance=fields["instance"],
            field=field,
            storage=None if field is None else field.storage,
            _committed=fields["saved"],
        )


def _field(place: Any) -> Any:
    """Return the field that a model has under a name; None where it has none now."""
    from django.core.exceptions import FieldDoesNotExist

    try:
        label, name = place
        return apps.get_model(label)._meta.get_field(name)
    except (LookupError, TypeError, ValueError, FieldDoesNotExist):
        return None


def _refuse() -> Any:
    missing: Any = Opaque("django.utils.functional.SimpleLazyObject", "it had not been made")
    return missing()


class _Lazy(Form):
    """An object that is made when it is used: what it is, where it has been made."""

    def fields(self, value: Any) -> dict[str, Any]:
        wrapped = vars(value)[_WRAPPED]
        return {} if wrapped is empty else {"value": wrapped}

    def fill(self, value: Any, fields: dict[str, Any]) -> None:
        vars(value).update(_setupfunc=_refuse, _wrapped=fields.get("value", empty))

    def is_put_off(self, value: Any) -> bool:
        return vars(value)[_WRAPPED] is empty
