"""RecordedApplication: what the middlewares share, whatever they are called by."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Final

from playback_core import recorder
from playback_core.adapters import CommandTarget, are_made_for_commands
from playback_core.errors import SettingsError
from playback_core.exchanges.exchange import UNMATCHED
from playback_core.exchanges.recorder_setup import (
    prepare_for_commands,
    reading,
    set_recorder_up,
    start_recording,
)
from playback_core.exchanges.rules import ExchangeRules
from playback_core.exchanges.shed_exchange import ShedExchange
from playback_core.operation import OpenOperation, OperationStart
from playback_core.provenance import standing_metadata
from playback_core.recording import Recording
from playback_core.session import current
from playback_core.settings import load_settings
from playback_core.shed_operation import ShedOperation
from playback_core.tape_cassette import TapeCassette
from playback_core.tape_recorder import TapeRecorder

Category = Callable[[Mapping[str, Any]], str]
"""Names the category of a request by its environment or scope, as the application leaves it."""

CategoryOf = Callable[[Mapping[str, Any], object, str, int | None], str]
"""The same from a request, its method, its path, and the status of the answer or None."""


class RecordedApplication(ABC):
    """An application with a middleware around it that records its requests, and replays them."""

    kind: ClassVar[str]

    def __init__(
        self,
        app: Callable[..., Any],
        settings: Mapping[str, Any] | None = None,
        *,
        recorder: TapeRecorder = recorder,
        category: Category | None = None,
        base: str | PathLike[str] = ".",
    ) -> None:
        if not callable(app):
            raise SettingsError(f"The application is {app!r}; it must be a callable.")
        if not (category is None or callable(category)):
            raise SettingsError(f"category is {category!r}; it must be a function of a request.")
        self.app = app
        self.recorder = recorder
        self.settings = load_settings({} if settings is None else settings, prefix="")
        self._category = category
        self._base = Path(base)
        self._enabled = self.settings.is_enabled() and not are_made_for_commands()
        name = self.settings.service or self.kind
        redactor = set_recorder_up(recorder, self, name, self.settings)
        if self._enabled:
            start_recording(recorder, name, self.settings, self._base)
        elif are_made_for_commands():
            prepare_for_commands(recorder, self.settings)
        self._rules = ExchangeRules(self.settings, redactor)
        metadata = standing_metadata(self.kind, self.settings.service)
        self._start = OperationStart(category=None, metadata=dict(metadata))

    @abstractmethod
    def play(self, recording: Recording) -> None:
        """Run a recorded request through the application again; it is for `TapeRecorder.play`.

        Raise OperationExceptionDuringPlayback where the application raises.
        """

    @classmethod
    def target(
        cls, application: object, cassette: TapeCassette | None = None
    ) -> AbstractContextManager[CommandTarget] | None:
        """Return what opens an application for a command; None where it has no such middleware."""
        return application.opened(cassette) if isinstance(application, cls) else None

    @contextmanager
    def opened(self, cassette: TapeCassette | None = None) -> Iterator[CommandTarget]:
        """Open the application for a command, for a block in which nothing is recorded.

        Raise CassetteError where there is nothing to read.
        """
        with reading(self.recorder, self.settings, self._base, cassette) as stored:
            yield CommandTarget(
                cassette=stored,
                recorder=self.recorder,
                players={self.kind: self.play},
                tuner=self.settings.tuner,
            )

    def _open_operation(self) -> OpenOperation | None:
        if current() is None and not (self.recorder.recording_enabled and self._enabled):
            return None
        return self.recorder.open_operation(self._start)

    def _shed(
        self, operation: ShedOperation, request: Mapping[str, Any], method: str, path: str
    ) -> ShedExchange:
        """Return what takes the answer of a shed request, which has these keys."""
        return _ShedNamedExchange(self, operation, request, request.get(method), request.get(path))

    def _category_of(
        self, request: Mapping[str, Any], method: object, path: str, status: int | None
    ) -> str:
        if self._category is not None:
            return self._category(request)
        if status is None or status == 404:
            # Else whoever asks for paths that are not there would make a category of each.
            return UNMATCHED if status is None else f"{UNMATCHED}:{status}"
        return f"{method} {'/'.join(map(_without_id, path.split('/')))}"


class _ShedNamedExchange(ShedExchange):
    def __init__(
        self,
        application: RecordedApplication,
        operation: ShedOperation,
        request: Mapping[str, Any],
        method: object,
        path: object,
    ) -> None:
        super().__init__(application._rules, operation, path)
        self._category_of = application._category_of
        self._request = request
        self._method = method

    def _category(self, status: int | None) -> str:
        return self._category_of(self._request, self._method, self._path, status)


def _without_id(segment: str) -> str:
    return "*" if _ID.fullmatch(segment) else segment


_ID: Final = re.compile(r"\d+|(?=.*\d)[0-9a-fA-F-]{16,}")
