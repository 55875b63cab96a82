"""CSRF tokens: whether one fits the cookie, and how a page shows it, are inputs.

In a replay the cookie has the pseudonym of its secret. It is no token, nothing can be computed with
it, and so it goes through Django untouched: what Django makes of it is what was recorded.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call
from playback_core.session import Session, current

_MODULE: Final = "django.middleware.csrf"
_FIELD: Final = "csrfmiddlewaretoken"


class _Secret(Verification):
    """The place where the secret of a request is read; what is stored of it is its pseudonym."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        # The session's own comes with the session; without a cookie there is none, recorded or not.
        if settings.CSRF_USE_SESSIONS or settings.CSRF_COOKIE_NAME not in args[1].COOKIES:
            return None
        return super().describe(args, kwargs)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, call.about.concealed(value)


class _Matching(Verification):
    """The places where a token is judged, which is a secret only where the settings say so."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        call = super().describe(args, kwargs)
        if call is None or not _redacts_tokens():
            return call
        later, redaction = call.fields_later, call.about

        def told() -> dict[str, Any]:
            fields = {} if later is None else later()
            return fields | {"sent": redaction.concealed(fields["sent"])}

        call.fields_later = told
        return call


def _redacts_tokens() -> bool:
    branch = current()
    redaction = None if branch is None else branch.session.redaction
    header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
    return redaction is not None and (redaction.names(_FIELD) or redaction.names(header))


def _of_cookie(middleware: Any, request: Any) -> dict[str, Any]:
    return {"cookie": request.COOKIES.get(settings.CSRF_COOKIE_NAME)}


def _matched(request_csrf_token: Any, csrf_secret: Any) -> dict[str, Any]:
    return {"sent": request_csrf_token, "secret": csrf_secret}


def _looked_at(token: Any) -> dict[str, Any]:
    return {"sent": token}


def _masked(secret: Any) -> dict[str, Any]:
    return {"secret": secret}


INTERCEPTOR: Final = Interceptor(
    library=_MODULE,
    distribution="django",
    targets=[
        _Secret(
            _MODULE,
            "CsrfViewMiddleware._get_secret",
            alias="django csrf secret",
            fields=_of_cookie,
            secrets=["cookie"],
        ),
        _Matching(
            _MODULE,
            "_check_token_format",
            alias="django csrf token format",
            fields=_looked_at,
            secrets=[],
        ),
        _Matching(
            _MODULE,
            "_does_token_match",
            alias="django csrf token match",
            fields=_matched,
            secrets=[],
            # That of a session is there itself, and not its pseudonym.
            held=["secret"],
        ),
        Verification(
            _MODULE,
            "_mask_cipher_secret",
            alias="django csrf token shown",
            fields=_masked,
            secrets=[],
            # One that is made in the request is there itself, and not its pseudonym.
            held=["secret"],
        ),
    ],
)
