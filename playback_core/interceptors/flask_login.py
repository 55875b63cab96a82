"""Users whom Flask-Login remembers: who the user of a cookie is, is an input."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call
from playback_core.session import Session


class _Encoding(Verification):
    """The cookie that is made is a secret itself, and in a replay its pseudonym."""

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, call.about.concealed(value)


def _decoded(cookie: Any, key: Any = None) -> dict[str, Any]:
    return {"cookie": cookie, "key": key}


def _encoded(payload: Any, key: Any = None) -> dict[str, Any]:
    return {"payload": payload, "key": key}


INTERCEPTOR: Final = Interceptor(
    library="flask_login",
    distribution="Flask-Login",
    targets=[
        Verification(
            "flask_login.utils",
            "decode_cookie",
            alias="flask_login decode_cookie",
            fields=_decoded,
            secrets=["cookie"],
            held=["key"],
        ),
        _Encoding(
            "flask_login.utils",
            "encode_cookie",
            alias="flask_login encode_cookie",
            fields=_encoded,
            secrets=[],
            held=["key"],
        ),
    ],
)
