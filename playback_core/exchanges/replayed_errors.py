"""Keeps the tracebacks that are logged while an application is replayed from the terminal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from playback_core.playback_session import PlaybackSession
from playback_core.session import current_session


@contextmanager
def replayed_errors_muted(*names: str, into: str) -> Iterator[None]:
    """Log the exceptions that loggers of these names get in a replay as DEBUG of `into`.

    They are in the recording and in its comparison already. Other contexts, other levels and
    lines without an exception are as always.
    """
    loggers, muted = [logging.getLogger(name) for name in names], _Muted(into)
    for logger in loggers:
        logger.addFilter(muted)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(muted)


class _Muted(logging.Filter):
    def __init__(self, into: str) -> None:
        super().__init__()
        self._logger = logging.getLogger(into)

    def filter(self, record: logging.LogRecord) -> bool:
        is_error = record.levelno >= logging.ERROR and bool(record.exc_info)
        if not (is_error and isinstance(current_session(), PlaybackSession)):
            return True
        if self._logger.isEnabledFor(logging.DEBUG):
            quiet = copy(record)
            quiet.name, quiet.levelno, quiet.levelname = self._logger.name, logging.DEBUG, "DEBUG"
            self._logger.handle(quiet)
        return False
