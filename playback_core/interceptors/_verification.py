"""Verification: a call that judges a secret, or makes something of it.

In a replay the application has the pseudonym of the secret, which no library takes for valid. So
what the call came to is recorded. What it was given is stored as pseudonyms: those that are in the
requests.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from playback_core.codec.value_patterns import text_of
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Fields
from playback_core.library_interception import INPUT, Call
from playback_core.packing import Redaction
from playback_core.session import current

_ABOUT_BYTES: Final = 512


class Verification(CallTarget):
    """A place where secrets are verified; recorded only where they become pseudonyms.

    Of the fields, the values of `secrets` are what a user has sent. Those of `held` are what the
    application has to compare with: where only they differ, as they do in another environment, the
    call is found by its normalised form. The call's `about` is the redaction.
    """

    computes = True
    by_name = True

    def __init__(
        self,
        module: str,
        attribute: str,
        *,
        alias: str,
        fields: Fields,
        secrets: Collection[str],
        held: Collection[str] = (),
        optional: bool = False,
    ) -> None:
        super().__init__(module, attribute, optional=optional)
        self._alias = alias
        self._fields = fields
        self._concealed = (*secrets, *held)
        self._held = frozenset(held)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        branch = current()
        redaction = None if branch is None else branch.session.redaction
        if redaction is None:
            return None
        fields = dict(self._fields(*args, **kwargs))
        for name in self._concealed:
            fields[name] = _as_it_is_now(fields[name])

        def told() -> dict[str, Any]:
            return fields | {name: _hidden(redaction, fields[name]) for name in self._concealed}

        # Pseudonyms take longer than most verifications.
        return Call(INPUT, self._alias, {}, redaction, fields_later=told, size=_ABOUT_BYTES)

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if name not in self._held}


def _as_it_is_now(secret: Any) -> Any:
    if isinstance(secret, (bytearray, memoryview)):
        return bytes(secret)
    return list(secret) if isinstance(secret, (list, tuple)) else secret


def _hidden(redaction: Redaction, secret: Any) -> Any:
    """Return the pseudonym of a secret, the same for text and bytes; of an object its type."""
    if secret is None:
        return None
    if isinstance(secret, bytes):
        return redaction.concealed(text_of(secret))
    if isinstance(secret, str):
        return redaction.concealed(str(secret))
    if isinstance(secret, list):
        return [_hidden(redaction, part) for part in secret]
    return type(secret).__qualname__
