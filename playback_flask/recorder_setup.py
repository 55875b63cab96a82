"""How a recorder gets its redaction and its cassette from the settings of an application."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from flask import Flask

from playback_core import AsyncRecordOnlyTapeCassette, TapeCassette, TapeRecorder
from playback_core.codec.redaction import DEFAULT_FIELDS
from playback_core.errors import CassetteError, SettingsError
from playback_core.http_redaction import DEFAULT_HEADERS, HttpRedactor
from playback_core.settings import Settings, cassette_from_url

_logger: Final = logging.getLogger("playback.flask")
_KEY_OF_THIS_PROCESS: Final = os.urandom(32)
_DEFAULTS: Final = Settings()
_ABSOLUTE: Final = ("memory:", "s3:", "sqlite:////", "file:////")


@dataclass(slots=True)
class _RecorderSetup:
    """What the first application that uses a recorder has decided."""

    app: "ref[Flask]"
    redactor: HttpRedactor
    redaction: Any
    cassette: Any = None
    is_opened_here: bool = False


_setups: Final[WeakKeyDictionary[TapeRecorder, _RecorderSetup]] = WeakKeyDictionary()


def set_redaction_up(recorder: TapeRecorder, app: Flask, settings: Settings) -> HttpRedactor:
    """Give a recorder its redaction and return it; the first application decides.

    Raise SettingsError where another one that shares the recorder wants a different one.
    """
    wanted = (frozenset(settings.redact), settings.redact_key, frozenset(settings.forbid))
    setup = _setup_of(recorder, app)
    if setup is None:
        names = [entry for entry in settings.redact if isinstance(entry, str)]
        redactor = HttpRedactor(
            key=settings.redact_key or _KEY_OF_THIS_PROCESS,
            fields={*DEFAULT_FIELDS, *names},
            headers={*DEFAULT_HEADERS, *names},
            patterns=[entry for entry in settings.redact if not isinstance(entry, str)],
            forbidden=settings.forbid,
        )
        setup = _setups[recorder] = _RecorderSetup(ref(app), redactor, wanted)
        recorder.redaction = redactor
    elif wanted not in (setup.redaction, (frozenset(), None, frozenset())):
        raise _disagreement("REDACT, REDACT_KEY or FORBID", app, setup)
    return setup.redactor


def start_recording(recorder: TapeRecorder, app: Flask, settings: Settings, base: Path) -> None:
    """Give a recorder its cassette, if it has none, and enable it; `set_redaction_up` came before.

    A cassette that can't be opened stops no application: that is logged, and nothing is recorded.
    Raise SettingsError where another application or the recorder itself has a different one.
    """
    setup = _setups[recorder]
    wanted = _identity(settings, base)
    is_default = settings.cassette == _DEFAULTS.cassette
    if setup.cassette is not None:
        if wanted != setup.cassette and not is_default:
            raise _disagreement("CASSETTE", app, setup)
    elif recorder.tape_cassette is not None:
        if not (is_default or settings.cassette is recorder.tape_cassette):
            raise SettingsError(
                f"PLAYBACK_CASSETTE of app {app.name!r} is {settings.cassette!r}, and its recorder"
                " has a cassette already; leave one of them out."
            )
    elif not _open_writer(recorder, settings, base):
        return
    else:
        setup.cassette = wanted
        setup.is_opened_here = isinstance(settings.cassette, str)
        recorder.service = settings.service
    recorder.enable_recording()


def open_cassette(settings: Settings, base: Path, *, create: bool) -> TapeCassette:
    """Open the cassette of the settings; raise CassetteError where it can't be."""
    cassette = settings.cassette
    if isinstance(cassette, TapeCassette):
        return cassette
    return cassette_from_url(cassette, base, create=create, max_bytes=settings.max_bytes)


def _setup_of(recorder: TapeRecorder, app: Flask) -> _RecorderSetup | None:
    setup = _setups.get(recorder)
    if setup is None or setup.app() not in (None, app):
        return setup
    # Its application is gone, as between tests, or installs again: it is decided anew.
    del _setups[recorder]
    if setup.cassette is not None and recorder.tape_cassette is not None:
        recorder.disable_recording()
        stored = recorder.readable_cassette()
        recorder.tape_cassette = None
        if setup.is_opened_here:
            stored.close()
    return None


def _open_writer(recorder: TapeRecorder, settings: Settings, base: Path) -> bool:
    try:
        cassette = open_cassette(settings, base, create=True)
    except CassetteError as error:
        _logger.error("Nothing is recorded: %s", error)
        return False
    is_writer = isinstance(cassette, AsyncRecordOnlyTapeCassette)
    recorder.tape_cassette = cassette if is_writer else AsyncRecordOnlyTapeCassette(cassette)
    return True


def _identity(settings: Settings, base: Path) -> Any:
    cassette = settings.cassette
    is_relative = isinstance(cassette, str) and not cassette.startswith(_ABSOLUTE)
    return (cassette, base) if is_relative else cassette


def _disagreement(names: str, app: Flask, setup: _RecorderSetup) -> SettingsError:
    other = setup.app()
    return SettingsError(
        f"PLAYBACK_{names} of app {app.name!r} differs from that of app"
        f" {other.name if other else '?'!r}, and both share a recorder; give one of them its own:"
        " FlaskPlayback(app, TapeRecorder())."
    )
