"""What `manage.py check` says of a project's playback: settings, tuner, the middleware's place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core import checks

from playback_core.errors import SettingsError
from playback_django.project_playback import playback_of_project

MIDDLEWARE: Final = "playback_django.middleware.PlaybackMiddleware"


@checks.register("playback")
def check_settings(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Name the setting that is unknown or wrong, with the choices."""
    try:
        playback_of_project()
    except SettingsError as error:
        hint = "Settings are keys of PLAYBACK, or PLAYBACK_X in the environment."
        return [checks.Error(str(error), hint=hint, id="playback.E001")]
    return []


@checks.register("playback")
def check_tuner(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Say where TUNER names none: a warning, as only `playback_compare` and `_replay` need it."""
    try:
        tuner = playback_of_project().settings.tuner
    except SettingsError:
        return []
    if not isinstance(tuner, str):
        return []
    # The studio is loaded by projects that name a tuner, and where checks run; not by servers.
    from playback_core.studio import load_tuner

    try:
        load_tuner(tuner)
    except SettingsError as error:
        hint = "Mend TUNER; nothing can be replayed or compared before. Recording needs none."
        return [checks.Warning(str(error), hint=hint, id="playback.W002")]
    return []


@checks.register("playback")
def check_middleware(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Say where the middleware is missing, listed twice, or below others."""
    listed: Sequence[str] = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in listed:
        return [
            checks.Error(
                f"{MIDDLEWARE} is not in MIDDLEWARE: nothing is recorded.",
                hint="Make it the first of MIDDLEWARE.",
                id="playback.E002",
            )
        ]
    if listed.count(MIDDLEWARE) > 1:
        return [checks.Error(f"{MIDDLEWARE} is in MIDDLEWARE more than once.", id="playback.E003")]
    above = listed[: listed.index(MIDDLEWARE)]
    if not above:
        return []
    return [
        checks.Warning(
            f"{MIDDLEWARE} is below {', '.join(above)}: requests that these answer themselves are"
            " recorded without the name of their view.",
            hint="Make it the first of MIDDLEWARE.",
            id="playback.W001",
        )
    ]
