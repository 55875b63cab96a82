"""`manage.py playback_list`."""

from playback_django.command import command_of

Command = command_of("list")
