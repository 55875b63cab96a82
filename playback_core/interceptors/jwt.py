"""Tokens by PyJWT: what a token holds, and whether it is valid, is an input."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, Final

from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call
from playback_core.session import Session


class _Decoding(Verification):
    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        # With its signature, what the token holds would be the token.
        return value, value | {"signature": call.about.concealed(value["signature"])}


def _decoded(
    decoder: Any,
    jwt: Any,
    key: Any = "",
    algorithms: Any = None,
    options: Any = None,
    *more: Any,
    **named: Any,
) -> dict[str, Any]:
    return {
        "token": jwt,
        "key": key,
        "algorithms": _listed(algorithms),
        "options": None if options is None else dict(options),
        "more": list(more),
        "named": {name: _listed(value) for name, value in named.items()},
    }


def _listed(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    is_text = isinstance(value, (str, bytes))
    return list(value) if isinstance(value, Collection) and not is_text else value


def _token(decoder: Any, jwt: Any) -> dict[str, Any]:
    return {"token": jwt}


_decoding: Final = partial(_Decoding, secrets=["token"], held=["key"])
_reading: Final = partial(Verification, alias="jwt unverified header", secrets=["token"])
_of_module: Final = partial(_decoded, None)

# The module's functions are methods of one object, bound before anybody could replace them.
INTERCEPTOR: Final = Interceptor(
    library="jwt",
    distribution="PyJWT",
    targets=[
        _decoding("jwt.api_jwt", "PyJWT.decode_complete", alias="jwt decode", fields=_decoded),
        _decoding("jwt.api_jws", "PyJWS.decode_complete", alias="jws decode", fields=_decoded),
        _decoding("jwt", "decode_complete", alias="jwt decode", fields=_of_module),
        _decoding(
            "jwt.jwks_client", "decode_token", alias="jwt decode", fields=_of_module, optional=True
        ),
        _reading("jwt.api_jws", "PyJWS.get_unverified_header", fields=_token),
        _reading("jwt", "get_unverified_header", fields=partial(_token, None)),
    ],
)
