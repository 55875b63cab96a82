"""`manage.py playback_compare`."""

from playback_django.command import command_of

Command = command_of("compare")
