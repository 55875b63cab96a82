"""The language of a request, where its cookie says it: in a replay that is a pseudonym."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call

_MODULE: Final = "django.utils.translation.trans_real"


class _Choosing(Verification):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        if not (args and settings.LANGUAGE_COOKIE_NAME in args[0].COOKIES):
            return None
        return super().describe(args, kwargs)


def _asked(request: Any, check_path: bool = False) -> dict[str, Any]:
    return {
        "cookie": request.COOKIES[settings.LANGUAGE_COOKIE_NAME],
        "accepted": request.META.get("HTTP_ACCEPT_LANGUAGE"),
        "path": request.path_info if check_path else None,
    }


INTERCEPTOR: Final = Interceptor(
    library=_MODULE,
    distribution="django",
    targets=[
        _Choosing(
            _MODULE,
            "get_language_from_request",
            alias="django language",
            fields=_asked,
            secrets=["cookie"],
        )
    ],
)
