"""What commands work on, and the adapters that give it for an application."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from playback_core.recording import Recording
from playback_core.tape_cassette import TapeCassette
from playback_core.tape_recorder import TapeRecorder


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandTarget:
    """What a command works on.

    `recorder` is None where there is a cassette alone, from which nothing can be replayed.
    `players` replay the recordings of an adapter's kind. `tuner` is what the settings say: a tuner,
    its name as `module:attribute`, or None.
    """

    cassette: TapeCassette
    recorder: TapeRecorder | None = None
    players: Mapping[str, Callable[[Recording], Any]] = field(default_factory=dict)
    tuner: object | None = None


OpenTarget = Callable[[], AbstractContextManager[CommandTarget]]
"""Opens what a command works on, for a block in which nothing is recorded."""

Adapter = Callable[[object, TapeCassette | None], AbstractContextManager[CommandTarget] | None]
"""Takes an application, and the cassette to use instead of its own; None: not one of mine."""

_adapters: Final[dict[str, Adapter]] = {}
_for_commands: Final[ContextVar[bool]] = ContextVar("playback_for_commands", default=False)


def register_adapter(kind: str, adapter: Adapter) -> None:
    """Let the `playback` command find the applications of a kind of recording.

    An adapter does so when it is imported, which an application that uses it has done.
    """
    _adapters[kind] = adapter


def target_of(
    application: object, cassette: TapeCassette | None = None
) -> AbstractContextManager[CommandTarget] | None:
    """Return what opens an application for a command; None where it is of no adapter."""
    targets = (adapter(application, cassette) for adapter in _adapters.values())
    return next((target for target in targets if target is not None), None)


@contextmanager
def read_from(recorder: TapeRecorder, cassette: TapeCassette | None) -> Iterator[TapeCassette]:
    """Give the cassette to read from for a block, during which nothing is recorded.

    It is the recorder's own, unless another one is given.
    """
    was_recording, before = recorder.recording_enabled, recorder.tape_cassette
    recorder.disable_recording()
    if cassette is not None:
        recorder.tape_cassette = cassette
    try:
        yield recorder.readable_cassette()
    finally:
        recorder.recording_enabled, recorder.tape_cassette = was_recording, before


@contextmanager
def made_for_commands() -> Iterator[None]:
    """Let applications that are made in a block not record, nor open a cassette to write to."""
    token = _for_commands.set(True)
    try:
        yield
    finally:
        _for_commands.reset(token)


def are_made_for_commands() -> bool:
    """Tell whether an application that is made now is to be looked at only."""
    return _for_commands.get()
