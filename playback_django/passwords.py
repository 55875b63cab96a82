"""Passwords of Django's users, and what is made of them: inputs, as a replay has pseudonyms."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call, Missing
from playback_core.session import Session

_HASHERS: Final = "django.contrib.auth.hashers"
_USER: Final = "django.contrib.auth.base_user"
_TOKENS: Final = "django.contrib.auth.tokens"


class _Making(Verification):
    """The place where the hash of a password is made, which is a secret itself."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        password = args[0] if args else kwargs.get("password")
        # None makes one that nobody can log in by.
        return None if password is None else super().describe(args, kwargs)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, {"password": value}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return stored["password"]


def _verified(password: Any, encoded: Any, *preferred: Any, **named: Any) -> dict[str, Any]:
    return {"password": password, "encoded": encoded}


def _usable(encoded: Any) -> dict[str, Any]:
    return {"encoded": encoded}


def _made(password: Any, *more: Any, **named: Any) -> dict[str, Any]:
    return {"password": password}


def _of_session(user: Any, secret: Any = None) -> dict[str, Any]:
    return {"password": user.password, "key": secret}


def _token_made(generator: Any, user: Any) -> dict[str, Any]:
    return {"user": user.pk, "for": generator.key_salt}


def _token_checked(generator: Any, user: Any, token: Any) -> dict[str, Any]:
    return {"user": getattr(user, "pk", None), "for": generator.key_salt, "given": token}


_place: Final = partial(Verification, _HASHERS)

INTERCEPTOR: Final = Interceptor(
    library="django.contrib.auth",
    distribution="django",
    targets=[
        _place(
            "verify_password",
            alias="django password",
            fields=_verified,
            secrets=["password"],
            held=["encoded"],
        ),
        _place(
            "is_password_usable",
            alias="django password usable",
            fields=_usable,
            secrets=[],
            held=["encoded"],
        ),
        _Making(
            _HASHERS,
            "make_password",
            alias="django password hash",
            fields=_made,
            secrets=["password"],
        ),
        Verification(
            _USER,
            "AbstractBaseUser._get_session_auth_hash",
            alias="django session hash",
            fields=_of_session,
            secrets=[],
            held=["password", "key"],
        ),
        # It is made of a password and of the moment, of which neither is the same in a replay.
        # Mails and paths have it readable, so that nothing is hidden of it here.
        Verification(
            _TOKENS,
            "PasswordResetTokenGenerator.make_token",
            alias="django reset token",
            fields=_token_made,
            secrets=[],
        ),
        Verification(
            _TOKENS,
            "PasswordResetTokenGenerator.check_token",
            alias="django reset token checked",
            fields=_token_checked,
            secrets=[],
        ),
    ],
)
