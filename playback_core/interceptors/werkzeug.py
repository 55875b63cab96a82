"""Passwords by Werkzeug: whether one fits a hash is an input, and so is a hash that is made."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification


def _checked(pwhash: Any, password: Any) -> dict[str, Any]:
    return {"hash": pwhash, "password": password}


def _hashed(password: Any, method: Any = None, salt_length: Any = None) -> dict[str, Any]:
    return {"password": password, "method": method, "salt_length": salt_length}


INTERCEPTOR: Final = Interceptor(
    library="werkzeug",
    targets=[
        Verification(
            "werkzeug.security",
            "check_password_hash",
            alias="werkzeug check_password_hash",
            fields=_checked,
            secrets=["password"],
            held=["hash"],
        ),
        Verification(
            "werkzeug.security",
            "generate_password_hash",
            alias="werkzeug generate_password_hash",
            fields=_hashed,
            secrets=["password"],
        ),
    ],
)
