"""`manage.py playback_show`."""

from playback_django.command import command_of

Command = command_of("show")
