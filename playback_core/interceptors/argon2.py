"""Passwords by argon2-cffi: whether one fits a hash is an input, and so is a hash that is made."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification


def _verified(hasher: Any, hash: Any, password: Any) -> dict[str, Any]:  # noqa: A002 - its name
    return {"hash": hash, "password": password}


def _hashed(hasher: Any, password: Any, *, salt: Any = None) -> dict[str, Any]:
    return {"password": password, "salt": salt}


INTERCEPTOR: Final = Interceptor(
    library="argon2",
    distribution="argon2-cffi",
    targets=[
        Verification(
            "argon2",
            "PasswordHasher.verify",
            alias="argon2 verify",
            fields=_verified,
            secrets=["password"],
            held=["hash"],
        ),
        Verification(
            "argon2",
            "PasswordHasher.hash",
            alias="argon2 hash",
            fields=_hashed,
            secrets=["password"],
            held=["salt"],
        ),
    ],
)
