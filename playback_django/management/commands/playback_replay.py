"""`manage.py playback_replay`."""

from playback_django.command import command_of

Command = command_of("replay")
