"""Between Django's requests and settings and the plain data that recordings hold."""

from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import ResolverMatch

from playback_core.exchanges.exchange import UNMATCHED

KIND: Final = "django"

SETTINGS: Final = ("DEBUG", "DEBUG_PROPAGATE_EXCEPTIONS", "ALLOWED_HOSTS")
"""The settings that say how a project answers where it runs, not what its code does."""

STATIC: Final = frozenset(
    {"static", "django.views.static.serve", "django.contrib.staticfiles.views.serve"}
)
"""The categories of requests for files."""


def category_of_request(request: HttpRequest | None, status: int | None) -> str:
    """Return the name of the view, or for a request that none is found for `unmatched:<status>`.

    The name has its namespaces: `shop:basket`; that of a view without a name is its module and
    function. The status is 404, or that of a middleware's own answer, as of a redirect.
    """
    match = None if request is None else request.resolver_match
    if match is not None:
        return name_of(match)
    return f"{UNMATCHED}:{status}" if status else UNMATCHED


def name_of(match: ResolverMatch) -> str:
    """Return the name of the view that a URL leads to, else the route to it."""
    return match.view_name or match.route


def recorded_project(interface: str) -> dict[str, Any]:
    """Return by what it is served, and the settings that decide how a project answers.

    Of its SECRET_KEY that is a mark.
    """
    chosen = {name: getattr(settings, name) for name in SETTINGS}
    return {
        "interface": interface,
        **chosen,
        "ALLOWED_HOSTS": [*map(str, settings.ALLOWED_HOSTS)],
        "secret_key_mark": mark_of_secret_key(),
    }


def mark_of_secret_key() -> str | None:
    """Return what tells the project's SECRET_KEY from nearly all others, None where it has none."""
    try:
        return _mark(str(settings.SECRET_KEY))
    except ImproperlyConfigured:  # it is empty, which is an error only where it is asked for
        return None


# It is the same for all requests.
@lru_cache(maxsize=8)
def _mark(secret: str) -> str:
    # So short that one in 65,536 keys has it: nobody finds the key by trying.
    return blake2b(secret.encode(), digest_size=2, person=b"playback django").hexdigest()
