"""Signed values by django.core.signing: what they hold, and whether they are valid, is an input."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification

_MODULE: Final = "django.core.signing"


def _unsigned(signer: Any, signed_value: Any) -> dict[str, Any]:
    return _fields(signer, signed_value, {})


def _unsigned_object(
    signer: Any, signed_obj: Any, serializer: Any = None, **named: Any
) -> dict[str, Any]:
    return _fields(signer, signed_obj, named)


def _unsigned_in_time(signer: Any, value: Any, max_age: Any = None) -> dict[str, Any]:
    return _fields(signer, value, {"max_age": max_age})


def _fields(signer: Any, token: Any, named: dict[str, Any]) -> dict[str, Any]:
    return {"token": token, "keys": signer.key, "salt": signer.salt, "named": named}


_unsigning: Final = partial(Verification, _MODULE, secrets=["token"], held=["keys"])
_taking_off: Final = partial(_unsigning, alias="django unsign")

INTERCEPTOR: Final = Interceptor(
    library=_MODULE,
    distribution="django",
    targets=[
        # A session's content is stored as what it is, so that what in it is secret can be known.
        _unsigning("Signer.unsign_object", alias="django unsign_object", fields=_unsigned_object),
        _taking_off("Signer.unsign", fields=_unsigned),
        _taking_off("TimestampSigner.unsign", fields=_unsigned_in_time),
    ],
)
