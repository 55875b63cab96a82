"""Settings: one typed object for every adapter, from the environment and code; cassette URLs."""

from playback_core.settings.cassette_url import cassette_from_url
from playback_core.settings.loading import (
    ENVIRONMENT_PREFIX,
    Settings,
    load_settings,
    shows_tracebacks,
)

__all__ = [
    "ENVIRONMENT_PREFIX",
    "Settings",
    "cassette_from_url",
    "load_settings",
    "shows_tracebacks",
]
