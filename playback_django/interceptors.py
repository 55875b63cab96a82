"""The interceptors of Django itself, which come with recording and with replays."""

from __future__ import annotations

from typing import Final

from playback_core.interceptor import Interceptor, install, uninstall
from playback_django import (
    caching,
    csrf,
    database,
    language,
    mail,
    now,
    passwords,
    process_rows,
    sessions,
    shown_times,
    signing,
    storage,
    tasks,
)

INTERCEPTORS: Final[tuple[Interceptor, ...]] = (
    csrf.INTERCEPTOR,
    database.INTERCEPTOR,
    language.INTERCEPTOR,
    passwords.INTERCEPTOR,
    sessions.INTERCEPTOR,
    signing.INTERCEPTOR,
    tasks.INTERCEPTOR,
    *process_rows.INTERCEPTORS,
    *shown_times.INTERCEPTORS,
)

_BY_SETTINGS: Final = (caching, mail, storage)
"""Those whose places the settings name: they are made when they are put in place."""


def install_all() -> None:
    """Put them in place, of each module when it is imported; idempotent."""
    for each in (*INTERCEPTORS, *(module.interceptor() for module in _BY_SETTINGS)):
        install(each)
    now.install()


def uninstall_all() -> None:
    """Put the originals back, but where somebody else has replaced ours since."""
    now.uninstall()
    for library in (each.library for each in INTERCEPTORS):
        uninstall(library)
    for module in _BY_SETTINGS:
        uninstall(module.LIBRARY)
    mail.uninstall_more()
