"""What `--app` and `--cassette` name: an application, a recorder, or a cassette alone."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from inspect import isfunction, ismodule
from types import ModuleType
from typing import Any, Final

import playback_core
from playback_core.adapters import CommandTarget, made_for_commands, read_from, target_of
from playback_core.drivers import is_intercepted
from playback_core.errors import SettingsError
from playback_core.importing import import_named, loading
from playback_core.settings import cassette_from_url, load_settings
from playback_core.tape_cassette import TapeCassette
from playback_core.tape_recorder import TapeRecorder

_APPLICATIONS: Final = ("app", "application")
_FACTORIES: Final = ("create_app", "make_app")


@contextmanager
def open_target(name: str | None, cassette_url: str | None) -> Iterator[CommandTarget]:
    """Open what `--app` and `--cassette` name, for a block in which nothing is recorded.

    `name` is `module:attribute`, imported with the working directory on the path: an application of
    an adapter, a factory of one, a TapeRecorder, or a module or class with decorated methods, which
    work with the one recorder there is in the module. Without it nothing is imported. Raise
    SettingsError where it is nothing of these, CassetteError where the cassette can't be read.
    """
    given = None if cassette_url is None else cassette_from_url(cassette_url, create=False)
    try:
        with _target(name, given) as target:
            yield target
    finally:
        if given is not None:
            given.close()


def _target(
    name: str | None, cassette: TapeCassette | None
) -> AbstractContextManager[CommandTarget]:
    if name is None:
        return _of_cassette(cassette)
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    subject = f"The application {name!r}"
    with made_for_commands():
        module, found = import_named(name, subject)
        if isfunction(found) and not is_intercepted(found):
            with loading(subject):
                found = found()
        return _of_found(name, module, found, cassette)


def _of_found(
    name: str, module: ModuleType, found: Any, cassette: TapeCassette | None
) -> AbstractContextManager[CommandTarget]:
    if isinstance(found, TapeRecorder):
        return _of_recorder(found, cassette)
    target = target_of(found, cassette)
    if target is None and ismodule(found):
        target = _of_conventional_name(found, cassette)
    if target is not None:
        return target
    if ismodule(found) or isinstance(found, type) or is_intercepted(found):
        return _of_recorder(_recorder_of(module), cassette)
    raise SettingsError(
        f"{name!r} is a {type(found).__name__}, and no application with playback: name a"
        " TapeRecorder, a module with decorated code, or an application that an adapter was added"
        " to, such as FlaskPlayback(app)."
    )


def _of_conventional_name(
    module: ModuleType, cassette: TapeCassette | None
) -> AbstractContextManager[CommandTarget] | None:
    for name in _APPLICATIONS:
        target = target_of(getattr(module, name, None), cassette)
        if target is not None:
            return target
    for name in _FACTORIES:
        factory = getattr(module, name, None)
        if isfunction(factory) and not is_intercepted(factory):
            with loading(f"The application {module.__name__}:{name}"):
                made = factory()
            return target_of(made, cassette)
    return None


def _recorder_of(module: ModuleType) -> TapeRecorder:
    named = {name: each for name, each in vars(module).items() if isinstance(each, TapeRecorder)}
    distinct = {id(each): each for each in named.values()}
    if len(distinct) > 1:
        raise SettingsError(
            f"{module.__name__} has the recorders {', '.join(named)}; name one:"
            f" --app {module.__name__}:{next(iter(named))}."
        )
    return next(iter(distinct.values()), playback_core.recorder)


@contextmanager
def _of_recorder(recorder: TapeRecorder, given: TapeCassette | None) -> Iterator[CommandTarget]:
    settings = load_settings({})
    opened = None
    if given is None and (recorder.tape_cassette is None or os.environ.get("PLAYBACK_CASSETTE")):
        opened = _cassette_of_settings()
    try:
        with read_from(recorder, given or opened) as cassette:
            yield CommandTarget(cassette=cassette, recorder=recorder, tuner=settings.tuner)
    finally:
        if opened is not None:
            opened.close()


@contextmanager
def _of_cassette(given: TapeCassette | None) -> Iterator[CommandTarget]:
    cassette = given or _cassette_of_settings()
    try:
        yield CommandTarget(cassette=cassette)
    finally:
        cassette.close()


def _cassette_of_settings() -> TapeCassette:
    settings = load_settings({})
    return cassette_from_url(str(settings.cassette), create=False, max_bytes=settings.max_bytes)
