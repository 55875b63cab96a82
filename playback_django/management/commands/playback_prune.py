"""`manage.py playback_prune`."""

from playback_django.command import command_of

Command = command_of("prune")
