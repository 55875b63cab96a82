"""Passwords by bcrypt: whether one fits a hash is an input, and so is a hash that is made."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification


def _checked(password: Any, hashed_password: Any) -> dict[str, Any]:
    return {"password": password, "hash": hashed_password}


def _hashed(password: Any, salt: Any) -> dict[str, Any]:
    return {"password": password, "salt": salt}


def _salted(rounds: Any = 12, prefix: Any = b"2b") -> dict[str, Any]:
    return {"rounds": rounds, "prefix": prefix}


INTERCEPTOR: Final = Interceptor(
    library="bcrypt",
    targets=[
        Verification(
            "bcrypt",
            "checkpw",
            alias="bcrypt checkpw",
            fields=_checked,
            secrets=["password"],
            held=["hash"],
        ),
        Verification(
            "bcrypt",
            "hashpw",
            alias="bcrypt hashpw",
            fields=_hashed,
            # It may be a whole hash, of which the salt is taken.
            secrets=["password"],
            held=["salt"],
        ),
        # It is drawn where no drawing is recorded.
        Verification("bcrypt", "gensalt", alias="bcrypt gensalt", fields=_salted, secrets=[]),
    ],
)
