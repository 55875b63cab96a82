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

_BYTES: Final = (bytes, bytearray, memoryview)


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
            fields[name] = concealed(redaction, fields[name])
        return Call(INPUT, self._alias, fields, redaction)

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if name not in self._held}


def concealed(redaction: Redaction, secret: Any) -> Any:
    """Return the pseudonym of a secret, the same for text and bytes; of an object its type."""
    if secret is None:
        return None
    if isinstance(secret, _BYTES):
        return redaction.concealed(text_of(bytes(secret)))
    if isinstance(secret, str):
        return redaction.concealed(str(secret))
    if isinstance(secret, (list, tuple)):
        return [concealed(redaction, part) for part in secret]
    return type(secret).__qualname__
