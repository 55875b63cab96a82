"""How a recorder gets its redaction and its cassette from the settings of an application."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from playback_core.adapters import read_from
from playback_core.cassettes.asynchronous import AsyncRecordOnlyTapeCassette
from playback_core.codec.redaction import DEFAULT_FIELDS
from playback_core.errors import CassetteError, SettingsError
from playback_core.http_redaction import DEFAULT_HEADERS, HttpRedactor
from playback_core.interceptors import install_interceptors
from playback_core.settings import Settings, cassette_from_url
from playback_core.tape_cassette import TapeCassette
from playback_core.tape_recorder import TapeRecorder
from playback_core.wrapping import wrap_for_recording

# Of 128 recordings one costs half of what it costs of 32.
_GATHERING_SECONDS: Final = 0.5

_logger: Final = logging.getLogger("playback")
_KEY_OF_THIS_PROCESS: Final = os.urandom(32)
_DEFAULTS: Final = Settings()
_ABSOLUTE: Final = ("memory:", "s3:", "sqlite:////", "file:////")


@dataclass(slots=True)
class _RecorderSetup:
    """What the first application that uses a recorder has decided."""

    app: "ref[Any]"
    name: str
    redactor: HttpRedactor
    redaction: Any
    cassette: Any = None
    is_opened_here: bool = False


_setups: Final[WeakKeyDictionary[TapeRecorder, _RecorderSetup]] = WeakKeyDictionary()


def set_recorder_up(
    recorder: TapeRecorder, app: Any, name: str, settings: Settings
) -> HttpRedactor:
    """Give a recorder its redaction, what interceptors go by, and what it does when CPU is short.

    Return the redaction. The first application decides. `app` is what the application lives as
    long as, `name` what messages call it.

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
            lasting=settings.redact_key is not None,
        )
        setup = _setups[recorder] = _RecorderSetup(ref(app), name, redactor, wanted)
        recorder.redaction = redactor
        recorder.interceptor_options = settings.interceptor_options
        recorder.when_busy = settings.when_busy
        return redactor
    if wanted not in (setup.redaction, (frozenset(), None, frozenset())):
        raise _disagreement("REDACT, REDACT_KEY or FORBID", name, setup)
    if settings.http_calls not in ((), recorder.interceptor_options.http_calls):
        raise _disagreement("HTTP_CALLS", name, setup)
    if settings.when_busy not in (_DEFAULTS.when_busy, recorder.when_busy):
        raise _disagreement("WHEN_BUSY", name, setup)
    return setup.redactor


def start_recording(recorder: TapeRecorder, name: str, settings: Settings, base: Path) -> None:
    """Give a recorder its cassette, if it has none, and enable it; `set_recorder_up` came before.

    An application that names none shares that of the first, which is logged. A cassette that can't
    be opened stops no application: that is logged, and nothing is recorded.
    Raise SettingsError where another application or the recorder itself has a different one.
    """
    setup = _setups[recorder]
    wanted = _identity(settings, base)
    is_default = settings.cassette == _DEFAULTS.cassette
    if setup.cassette is not None:
        if wanted != setup.cassette:
            _require_default(settings, base, name, setup)
    elif recorder.tape_cassette is not None:
        if not (is_default or settings.cassette is recorder.tape_cassette):
            raise SettingsError(
                f"PLAYBACK_CASSETTE of app {name!r} is {settings.cassette!r}, and its recorder"
                " has a cassette already; leave one of them out."
            )
    elif not _open_writer(recorder, settings, base):
        return
    else:
        setup.cassette = wanted
        setup.is_opened_here = isinstance(settings.cassette, str)
        recorder.service = settings.service
    install_interceptors(settings.interceptors)
    recorder.enable_recording()


def prepare_for_commands(recorder: TapeRecorder, settings: Settings) -> None:
    """Wrap what recording wraps, and record nothing.

    At the same point as where it records: what is imported after it is as it was there.
    """
    install_interceptors(settings.interceptors)
    wrap_for_recording(clock=recorder.clock)


def open_cassette(settings: Settings, base: Path, *, create: bool) -> TapeCassette:
    """Open the cassette of the settings; raise CassetteError where it can't be."""
    cassette = settings.cassette
    if isinstance(cassette, TapeCassette):
        return cassette
    return cassette_from_url(cassette, base, create=create, max_bytes=settings.max_bytes)


@contextmanager
def reading(
    recorder: TapeRecorder, settings: Settings, base: Path, cassette: TapeCassette | None
) -> Iterator[TapeCassette]:
    """Give the cassette to read from for a block, during which nothing is recorded.

    It is `cassette`, else the recorder's; where recording has not been set up here it is that of
    the settings, if it exists. Raise CassetteError where it does not or cannot be read.
    """
    opened = None
    if cassette is None and recorder.tape_cassette is None:
        cassette = opened = open_cassette(settings, base, create=False)
    try:
        with read_from(recorder, cassette) as stored:
            yield stored
    finally:
        if opened is not None and opened is not settings.cassette:
            opened.close()


def _setup_of(recorder: TapeRecorder, app: Any) -> _RecorderSetup | None:
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
    recorder.tape_cassette = (
        cassette if is_writer else AsyncRecordOnlyTapeCassette(cassette, _GATHERING_SECONDS)
    )
    return True


def _identity(settings: Settings, base: Path) -> Any:
    cassette = settings.cassette
    is_relative = isinstance(cassette, str) and not cassette.startswith(_ABSOLUTE)
    return (cassette, base) if is_relative else cassette


def _require_default(settings: Settings, base: Path, name: str, setup: _RecorderSetup) -> None:
    """Refuse a cassette that is another one; tell where recordings go instead of the default."""
    theirs = setup.cassette
    where = f"{theirs[0]} in {theirs[1]}" if isinstance(theirs, tuple) else theirs
    if settings.cassette == _DEFAULTS.cassette:
        _logger.warning(
            "App %r records to %s, as app %r does, whose recorder it shares; its commands read %s"
            " in %s. Set PLAYBACK_CASSETTE, to an absolute path.",
            *(name, where, setup.name, settings.cassette, base),
        )
    elif isinstance(theirs, tuple) and theirs[0] == settings.cassette:
        raise SettingsError(
            f"PLAYBACK_CASSETTE {theirs[0]!r} is relative: of app {setup.name!r} it is in"
            f" {theirs[1]}, of app {name!r} in {base}, and both share a recorder; make it absolute."
        )
    else:
        raise _disagreement("CASSETTE", name, setup)


def _disagreement(what: str, name: str, setup: _RecorderSetup) -> SettingsError:
    return SettingsError(
        f"PLAYBACK_{what} of app {name!r} differs from that of app {setup.name!r}, and both share a"
        " recorder; give one of them its own, as in FlaskPlayback(app, TapeRecorder())."
    )
