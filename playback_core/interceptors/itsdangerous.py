"""Signed values by itsdangerous: what they hold, and whether they are valid, is an input."""

from __future__ import annotations

import re
from copy import copy
from functools import partial
from typing import Any, Final

from itsdangerous import BadData, BadSignature, SignatureExpired

from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call

_QUOTED: Final = re.compile(r"b'([^']+)'")


class _Unsigning(Verification):
    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        # One that has expired was valid: what it holds is stored as that of others is.
        if not isinstance(error, BadSignature) or isinstance(error, SignatureExpired):
            return error
        return _without_token(error, call.about)


def _without_token(error: BadData, redaction: Any) -> BadData:
    hidden = copy(error)
    hidden.message = _QUOTED.sub(
        lambda quoted: f"b'{redaction.concealed(quoted[1])}'", error.message
    )
    hidden.args = (hidden.message,)
    if isinstance(hidden, BadSignature):
        payload = hidden.payload
        hidden.payload = payload if payload is None else redaction.concealed(payload)
    return hidden


def _loaded(serializer: Any, s: Any, salt: Any = None, **named: Any) -> dict[str, Any]:
    return _fields(serializer, s, salt, named)


def _loaded_in_time(
    serializer: Any,
    s: Any,
    max_age: Any = None,
    return_timestamp: Any = False,
    salt: Any = None,
) -> dict[str, Any]:
    return _fields(serializer, s, salt, {"max_age": max_age, "timestamp": return_timestamp})


def _loaded_unsafely(
    serializer: Any, s: Any, max_age: Any = None, salt: Any = None
) -> dict[str, Any]:
    return _fields(serializer, s, salt, {"max_age": max_age})


def _unsigned(signer: Any, signed_value: Any) -> dict[str, Any]:
    return _fields(signer, signed_value, None, {})


def _unsigned_in_time(
    signer: Any, signed_value: Any, max_age: Any = None, return_timestamp: Any = False
) -> dict[str, Any]:
    return _fields(signer, signed_value, None, {"max_age": max_age, "timestamp": return_timestamp})


def _fields(verifier: Any, token: Any, salt: Any, named: dict[str, Any]) -> dict[str, Any]:
    own_salt = getattr(verifier, "salt", None)
    return {
        "token": token,
        "keys": getattr(verifier, "secret_keys", None),
        "salt": own_salt if salt is None else salt,
        "named": named,
    }


_unsigning: Final = partial(_Unsigning, secrets=["token"], held=["keys"])
_loading: Final = partial(_unsigning, alias="itsdangerous loads")
_loading_unsafely: Final = partial(_unsigning, alias="itsdangerous loads_unsafe")
_taking_off: Final = partial(_unsigning, alias="itsdangerous unsign")

INTERCEPTOR: Final = Interceptor(
    library="itsdangerous",
    targets=[
        _loading("itsdangerous.serializer", "Serializer.loads", fields=_loaded),
        _loading("itsdangerous.timed", "TimedSerializer.loads", fields=_loaded_in_time),
        _loading_unsafely("itsdangerous.serializer", "Serializer.loads_unsafe", fields=_loaded),
        _loading_unsafely(
            "itsdangerous.timed", "TimedSerializer.loads_unsafe", fields=_loaded_unsafely
        ),
        _taking_off("itsdangerous.signer", "Signer.unsign", fields=_unsigned),
        _taking_off("itsdangerous.timed", "TimestampSigner.unsign", fields=_unsigned_in_time),
    ],
)
