"""Record the requests of a Django project; replay them on changed code; compare."""

from playback_core.adapters import register_adapter
from playback_core.exchanges.recording_id_filter import RecordingIdFilter
from playback_django.command_target import command_target
from playback_django.translate import KIND

__all__ = ["RecordingIdFilter"]

register_adapter(KIND, command_target)
