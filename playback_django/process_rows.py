"""Rows that Django asks for once in a process: content types and sites.

Which request asked for one is chance, and a replay may be the first of its process or not. So
what they are is an input of each operation that uses them, and the query behind it is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor, Target
from playback_core.library_interception import (
    INPUT,
    UNRECORDED,
    Call,
    LibraryCalls,
    LibraryInterception,
    Missing,
)
from playback_core.replacing import Function
from playback_core.session import Session, current, within

_TYPES: Final = "django.contrib.contenttypes.models"
_SITES: Final = "django.contrib.sites.models"

_Telling = Callable[..., dict[str, Any]]


class _Known(dict[str, Any]):
    """What an operation has asked for, by how it was asked."""


def _for_model(manager: Any, model: Any, for_concrete_model: bool = True) -> dict[str, Any]:
    return {"model": _label(manager, model, for_concrete_model)}


def _for_models(manager: Any, *models: Any, for_concrete_models: bool = True) -> dict[str, Any]:
    return {"models": [_label(manager, each, for_concrete_models) for each in models]}


def _for_id(manager: Any, id: Any) -> dict[str, Any]:  # noqa: A002 - as Django has it
    return {"id": id}


def _by_natural_key(manager: Any, app_label: str, model: str) -> dict[str, Any]:
    return {"model": f"{app_label}.{model}"}


def _current_site(manager: Any, request: Any = None) -> dict[str, Any]:
    number = getattr(settings, "SITE_ID", "")
    if number:
        return {"id": number}
    return {} if request is None else {"host": request.get_host()}


def _label(manager: Any, model: Any, concrete: bool) -> str:
    label: str = manager._get_opts(model, concrete).label_lower
    return label


def _told(row: Any) -> dict[str, Any]:
    fields = row._meta.concrete_fields
    return {"database": row._state.db, "row": {f.attname: getattr(row, f.attname) for f in fields}}


def _made(model: Any, told: dict[str, Any]) -> Any:
    row = told["row"]
    names = [f.attname for f in model._meta.concrete_fields if f.attname in row]
    return model.from_db(told["database"], names, [row[name] for name in names])


class _Asked(LibraryCalls):
    def __init__(self, noun: str, fields: _Telling) -> None:
        self._noun = noun
        self._fields = fields

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        manager = args[0]
        fields = self._fields(*args, **kwargs)
        return Call(INPUT, f"django {manager.db} {self._noun}", fields, (manager.model, args[1:]))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        if not isinstance(value, dict):
            return value, _told(value)
        # In the order in which they were asked for: of models.
        return value, [_told(value[model]) for model in call.about[1]]

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        model, asked = call.about
        if isinstance(stored, dict):
            return _made(model, stored)
        return {each: _made(model, told) for each, told in zip(asked, stored, strict=True)}


class _AskedAgain(LibraryCalls):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, "django row of the process", {})


class _OfProcess(Target):
    """A method of a manager that remembers its rows for the process."""

    def __init__(self, module: str, attribute: str, noun: str, fields: _Telling) -> None:
        super().__init__(module, attribute)
        self._noun = noun
        self._fields = fields

    def replacement(self, original: Function) -> Function:
        first = drive(original, LibraryInterception(str(self), _Asked(self._noun, self._fields)))
        again = drive(original, LibraryInterception(str(self), _AskedAgain()))

        def ask(manager: Any, *args: Any, **kwargs: Any) -> Any:
            branch = current()
            if branch is None or not (branch.intercepting and branch.session.open):
                return original(manager, *args, **kwargs)
            session = branch.session
            known = session.remembered.setdefault(_Known, _Known())
            how = f"{manager.db} {self._noun} {self._fields(manager, *args, **kwargs)}"
            if how in known:
                # As Django does, a replay gives the same object.
                return known[how] if session.replaying else again(manager, *args, **kwargs)
            # Whichever thread is the first one.
            with within(session.root):
                found = first(manager, *args, **kwargs)
            known[how] = found if session.replaying else None
            return found

        return ask


_TYPE: Final = "content type"

INTERCEPTORS: Final = (
    Interceptor(
        library=_TYPES,
        distribution="django",
        targets=[
            _OfProcess(_TYPES, "ContentTypeManager.get_for_model", _TYPE, _for_model),
            _OfProcess(_TYPES, "ContentTypeManager.get_for_models", _TYPE, _for_models),
            _OfProcess(_TYPES, "ContentTypeManager.get_for_id", _TYPE, _for_id),
            _OfProcess(_TYPES, "ContentTypeManager.get_by_natural_key", _TYPE, _by_natural_key),
        ],
    ),
    Interceptor(
        library=_SITES,
        distribution="django",
        targets=[_OfProcess(_SITES, "SiteManager.get_current", "site", _current_site)],
    ),
)
