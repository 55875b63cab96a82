"""Texts that are made when they are used: translations, URLs, and what is put together of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from django.urls import NoReverseMatch, reverse
from django.utils import html, safestring, text, translation
from django.utils.functional import Promise, lazy

from playback_core.codec import Form, Opaque

_Making = Callable[..., Any]


def _by_name(*functions: _Making) -> dict[str, _Making]:
    return {_name(each): each for each in functions}


def _name(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


_SAID: Final[Mapping[str, _Making]] = _by_name(
    *(translation.gettext, translation.pgettext, translation.ngettext, translation.npgettext),
    reverse,
)
"""Those that depend on the language or the URLs of the moment: their text is told, too."""

_KNOWN: Final[Mapping[str, _Making]] = {
    **_SAID,
    **_by_name(
        cast(Any, text)._format_lazy,
        *(text.capfirst, text.slugify, text.wrap, text.get_text_list, text.normalize_newlines),
        *(html.escape, html.escapejs, html.linebreaks, html.strip_tags, safestring.mark_safe),
    ),
}
"""The functions by which a recorded text may be made: they make texts, and do nothing else."""

_PLAIN: Final = frozenset({str, int, bool, type(None)})


class LazyText(Form):
    """A text that is made when it is used: by which function, of what.

    One by a function that is not known here cannot be stored: running it is the application's.
    """

    def fields(self, value: Any) -> dict[str, Any]:
        told: dict[str, Any] | None = vars(value).get(_TOLD)
        if told is not None:
            return dict(told)
        function, args, kwargs, number = _parts_of(value)
        name = _name(function)
        if name not in _KNOWN:
            return {"function": Opaque("django.utils.functional.Promise", name)}
        fields: dict[str, Any] = {"function": name, "args": [*args], "kwargs": dict(kwargs)}
        if number is not _NO_NUMBER:
            # Its text depends on a number that is put into it.
            return {**fields, "number": number}
        if name in _SAID and _PLAIN.issuperset(map(type, (*args, *_parts(kwargs)))):
            fields["text"] = _text(value)
        return fields

    def fill(self, value: Any, fields: dict[str, Any]) -> None:
        vars(value)[_TOLD] = fields
        value._args[0].update(fields)

    def empty(self, cls: type) -> Any:
        return _made_again({})

    def named(self, cls: type) -> type:
        # Each kind of such texts has a class of its own, without a name.
        return Promise

    def is_put_off(self, value: Any) -> bool:
        return vars(value)[_TOLD].get("function") not in _KNOWN


_TOLD: Final = "_playback_told"
_NO_NUMBER: Final = object()


def _parts_of(value: Any) -> tuple[Any, Any, Any, Any]:
    """Return function, arguments and the name of a number that is still to come."""
    own = vars(value).get("__reduce__")
    if own is not None:
        _, (function, _, number, kwargs) = own()
        return function, (), kwargs, number
    _, (function, args, kwargs, *_) = cast(Any, type(value)).__reduce__(value)
    return function, args, kwargs, _NO_NUMBER


def _parts(kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the arguments by name, with those of a URL within them."""
    inner = [kwargs.get("args") or (), (kwargs.get("kwargs") or {}).values()]
    others = [part for name, part in kwargs.items() if name not in ("args", "kwargs")]
    return [*others, *(part for parts in inner for part in parts)]


def _text(value: Any) -> str | None:
    try:
        return str(value)
    except NoReverseMatch:
        return None


def _made(fields: Mapping[str, Any]) -> Any:
    name = fields["function"]
    if isinstance(name, Opaque) or name not in _KNOWN:
        # It says that it was not stored.
        return name()
    if "number" in fields:
        by_number = cast(Any, translation).lazy_number
        return by_number(_KNOWN[name], str, number=fields["number"], **fields["kwargs"])
    return _KNOWN[name](*fields["args"], **fields["kwargs"])


_made_again: Final = lazy(_made, str)
