"""The application of Celery, as Django's projects have it."""

import os

from celery import Celery

from playback_celery import PlaybackCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.celery.django_shop.settings")

app = Celery("django_shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
PlaybackCelery(app)
