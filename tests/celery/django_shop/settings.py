"""Its settings; the database is where the environment says."""

import os

SECRET_KEY = "not a secret"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["tests.celery.django_shop"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", ":memory:"),
    }
}
CELERY_BROKER_URL = os.environ.get("WORKERS_BROKER")
CELERY_RESULT_BACKEND = os.environ.get("WORKERS_BACKEND")
CELERY_TASK_QUEUE_MAX_PRIORITY = 9
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_PLAYBACK = {"SERVICE": "django shop"}
