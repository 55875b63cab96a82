"""What a replay runs in: its session is current, and its operation sealed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from playback_core.playback_session import PlaybackSession
from playback_core.session import prepare_replays, running_replays


@contextmanager
def replaying(session: PlaybackSession) -> Iterator[None]:
    """Make a session the replay of this context for a block."""
    running_replays.append(session)
    try:
        prepare_replays()
        with session.active(), _sealed(session):
            yield
    finally:
        running_replays.remove(session)


def _sealed(session: PlaybackSession) -> AbstractContextManager[None]:
    if session.sandbox is None:
        return nullcontext()
    # A process that only records needs none of it.
    from playback_core.sandbox import Seal

    return Seal(session)
