"""The sandbox: keeps a replay from touching the world.

`attempts` and `events` say what reaches out, `judge` whether it may; `audit`, `guards` and
`databases` ask the judge, `scratch` is where a replay may write, `remains` what it leaves behind,
and `process` seals a process that only replays.
"""

from functools import partial
from threading import get_ident
from types import TracebackType

from playback_core.playback_session import PlaybackSession
from playback_core.sandbox.judge import sealed_threads
from playback_core.sandbox.process import install, kind_of_seal, seal_process
from playback_core.sandbox.remains import garbage
from playback_core.sandbox.scratch import current_scratch

__all__ = ["Seal", "seal_process"]


class Seal:
    """A block in which the operation of a replay is kept from the world; its session is told how.

    Other code of the block, and of the process, is not.
    """

    def __init__(self, session: PlaybackSession) -> None:
        self._session = session

    def __enter__(self) -> None:
        install()
        self._session.sealed = kind_of_seal()
        self._scratch = current_scratch()
        self._scratch.begin()
        garbage.begin()
        self._session.at_end(partial(garbage.collect, self._session))
        self._thread = get_ident()
        self._outer = sealed_threads.get(self._thread)
        sealed_threads[self._thread] = self._session

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._outer is None:
            del sealed_threads[self._thread]
        else:
            sealed_threads[self._thread] = self._outer
        garbage.end()
        self._scratch.end()
