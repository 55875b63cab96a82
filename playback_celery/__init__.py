"""Record the tasks that workers of Celery run; replay them on changed code; compare."""

from playback_celery.command_target import command_target
from playback_celery.extension import PlaybackCelery
from playback_celery.hooks import KIND
from playback_celery.replay import playback_function, players
from playback_core.adapters import register_adapter

__all__ = ["PlaybackCelery", "playback_function", "players"]

register_adapter(KIND, command_target)
