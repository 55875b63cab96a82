"""AppPlayback: what there is of an application's playback, kept with the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask

from playback_core import TapeRecorder
from playback_core.adapters import read_from
from playback_core.errors import SettingsError
from playback_core.settings import Settings
from playback_core.tape_cassette import TapeCassette
from playback_flask.recorder_setup import open_cassette

if TYPE_CHECKING:
    from playback_flask.hooks import Hooks

EXTENSION: Final = "playback"
"""The name of AppPlayback in `app.extensions`."""


@dataclass(frozen=True, slots=True)
class AppPlayback:
    """What there is of an application's playback; it is `app.extensions["playback"]`."""

    settings: Settings
    recorder: TapeRecorder
    hooks: Hooks
    base: Path

    @contextmanager
    def for_reading(self, cassette: TapeCassette | None = None) -> Iterator[TapeCassette]:
        """Give the cassette to read from for a block, during which nothing is recorded.

        It is `cassette`, else the recorder's; where recording has not been set up here it is
        opened, if it exists. Raise CassetteError where it does not or cannot be read.
        """
        opened = None
        if cassette is None and self.recorder.tape_cassette is None:
            cassette = opened = open_cassette(self.settings, self.base, create=False)
        try:
            with read_from(self.recorder, cassette) as stored:
                yield stored
        finally:
            if opened is not None and opened is not self.settings.cassette:
                opened.close()


def playback_of(app: Flask) -> AppPlayback:
    """Return an application's playback; raise SettingsError where it has none."""
    playback = app.extensions.get(EXTENSION)
    if not isinstance(playback, AppPlayback):
        raise SettingsError(
            f"The application {app.name!r} has no playback; add FlaskPlayback(app) to it."
        )
    return playback
