"""Its settings; the database is where the environment says."""

import os

_PORT = os.environ.get("WORKERS_PORT", "0")

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
CELERY_BROKER_URL = f"redis://127.0.0.1:{_PORT}/0"
CELERY_RESULT_BACKEND = f"redis://127.0.0.1:{_PORT}/1"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_PLAYBACK = {"SERVICE": "django shop"}
