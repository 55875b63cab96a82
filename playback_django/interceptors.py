"""The interceptors of Django itself, which come with recording and with replays."""

from __future__ import annotations

from typing import Final

from playback_core.interceptor import Interceptor, install, uninstall
from playback_django import csrf, language, signing

INTERCEPTORS: Final[tuple[Interceptor, ...]] = (
    csrf.INTERCEPTOR,
    language.INTERCEPTOR,
    signing.INTERCEPTOR,
)


def install_all() -> None:
    """Put them in place, of each module when it is imported; idempotent."""
    for each in INTERCEPTORS:
        install(each)


def uninstall_all() -> None:
    """Put the originals back, but where somebody else has replaced ours since."""
    for each in INTERCEPTORS:
        uninstall(each.library)
