"""The exception of a replayed operation, kept with its traceback for a debugger."""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from playback_core.errors import OperationExceptionDuringPlayback
from playback_core.playback_session import PlaybackSession
from playback_core.recording import Recording
from playback_core.session import current_session
from playback_core.studio import EqualizerTuner, EqualizerTuning


class ExceptionKeeper(EqualizerTuner):
    """Tunes as another tuner does, and keeps the last exception of what was replayed.

    It is an exception that the operation raised, or that a framework answered for it, else one of
    the playback function itself.
    """

    def __init__(self, tuner: EqualizerTuner) -> None:
        self._tuner = tuner
        self.exception: BaseException | None = None

    def create_category_tuning(self, category: str) -> EqualizerTuning:
        """Return the other tuner's tuning, watched."""
        tuning = self._tuner.create_category_tuning(category)
        if not isinstance(tuning, EqualizerTuning):
            return tuning  # the studio says what is wrong with it
        return replace(tuning, playback_function=self._watched(tuning.playback_function))

    def _watched(self, play: Callable[[Recording], Any]) -> Callable[[Recording], Any]:
        def watched(recording: Recording) -> Any:
            session = current_session()
            if isinstance(session, PlaybackSession):
                session.on_exception = self._keep
            try:
                return play(recording)
            except BaseException as error:
                if not isinstance(error, OperationExceptionDuringPlayback):
                    self._keep(error)
                raise

        return watched

    def _keep(self, error: BaseException) -> None:
        self.exception = error


def post_mortem(error: BaseException) -> bool:
    """Debug where an exception was raised; tell whether there is an input to debug from.

    A call that was not recorded is debugged where the application made it, not where we raised.
    """
    if sys.stdin is None or sys.stdin.closed:
        return False
    import pdb

    pdb.post_mortem(_of_the_application(error.__traceback__))
    return True


def _of_the_application(traceback: TracebackType | None) -> TracebackType | None:
    steps = []
    step = traceback
    while step is not None:
        steps.append(step)
        step = step.tb_next
    while steps and _is_ours(steps[-1]):
        steps.pop()
    cut: TracebackType | None = None
    for step in reversed(steps):
        cut = TracebackType(cut, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return cut or traceback


def _is_ours(step: TracebackType) -> bool:
    return str(step.tb_frame.f_globals.get("__name__")).startswith("playback_core.")
