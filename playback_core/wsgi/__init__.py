"""Records the requests of any WSGI application, and replays them: PlaybackMiddleware."""

from playback_core.adapters import register_adapter
from playback_core.wsgi.middleware import PlaybackMiddleware

__all__ = ["PlaybackMiddleware"]

register_adapter(PlaybackMiddleware.kind, PlaybackMiddleware.target)
