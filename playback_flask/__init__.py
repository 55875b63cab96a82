"""Record the requests of a Flask application; replay them on changed code; compare."""

from playback_core.adapters import register_adapter
from playback_core.exchanges.recording_id_filter import RecordingIdFilter
from playback_flask.command_target import command_target
from playback_flask.extension import FlaskPlayback
from playback_flask.hooks import KIND
from playback_flask.replay import playback_function, players

__all__ = ["FlaskPlayback", "RecordingIdFilter", "playback_function", "players"]

register_adapter(KIND, command_target)
