"""`manage.py playback_export`."""

from playback_django.command import command_of

Command = command_of("export")
