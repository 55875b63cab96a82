"""Signed values by django.core.signing: what they hold, and whether they are valid, is an input."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.core.signing import JSONSerializer

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call

_MODULE: Final = "django.core.signing"


class _Objects(Verification):
    """The place where signed objects are read, as long as they are plain.

    So that what in a session is secret can be known by its name. What another serializer makes may
    be anything: of that the text is stored, where it is taken off its signature.
    """

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        serializer = kwargs.get("serializer", args[2] if len(args) > 2 else JSONSerializer)
        return super().describe(args, kwargs) if serializer is JSONSerializer else None


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


_taking_off: Final = partial(
    Verification, _MODULE, alias="django unsign", secrets=["token"], held=["keys"]
)

INTERCEPTOR: Final = Interceptor(
    library=_MODULE,
    distribution="django",
    targets=[
        _Objects(
            _MODULE,
            "Signer.unsign_object",
            alias="django unsign_object",
            fields=_unsigned_object,
            secrets=["token"],
            held=["keys"],
        ),
        _taking_off("Signer.unsign", fields=_unsigned),
        _taking_off("TimestampSigner.unsign", fields=_unsigned_in_time),
    ],
)
