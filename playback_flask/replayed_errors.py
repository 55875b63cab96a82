"""Keeps the tracebacks that an application logs while it is replayed from the terminal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Final

from flask import Flask

from playback_core.playback_session import PlaybackSession
from playback_core.session import current_session

_logger: Final = logging.getLogger("playback.flask")


@contextmanager
def replayed_errors_muted(app: Flask) -> Iterator[None]:
    """Log the exceptions that an application logs in a replay as DEBUG of `playback.flask`.

    They are in the recording and in its comparison already. Other contexts, other levels and
    lines without an exception are as always.
    """
    # Its name is that of `app.logger`, which would be configured by being asked for.
    logger = logging.getLogger(app.name)
    muted = _Muted()
    logger.addFilter(muted)
    try:
        yield
    finally:
        logger.removeFilter(muted)


class _Muted(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        is_error = record.levelno >= logging.ERROR and bool(record.exc_info)
        if not (is_error and isinstance(current_session(), PlaybackSession)):
            return True
        if _logger.isEnabledFor(logging.DEBUG):
            quiet = copy(record)
            quiet.name, quiet.levelno, quiet.levelname = _logger.name, logging.DEBUG, "DEBUG"
            _logger.handle(quiet)
        return False
