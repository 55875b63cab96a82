"""The settings of a project with databases, sessions and users; its files are in one folder."""

import os
from pathlib import Path
from typing import Any

BASE_DIR = Path(os.environ.get("CASES_FOLDER", "."))
SECRET_KEY = "a secret of the tests"
DEBUG = "CASES_DEBUG" in os.environ
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.django.database.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "playback_django",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sites",
    "rest_framework",
    "rest_framework.authtoken",
    "tests.django.database.apps.ShopConfig",
]
MIDDLEWARE = [
    "playback_django.middleware.PlaybackMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
MIGRATION_MODULES = {"database": None}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
USE_TZ = True
SITE_ID = 1
TIME_ZONE = "UTC"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _database(name: str, **more: Any) -> dict[str, Any]:
    server = os.environ.get("CASES_POSTGRES")
    kept = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    if server:
        place = {"ENGINE": "django.db.backends.postgresql", "HOST": server, "USER": "postgres"}
        return {**place, "NAME": name, **kept, **more}
    options = {"timeout": 30, "transaction_mode": "IMMEDIATE"}
    path = BASE_DIR / f"{name}.sqlite3"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": options,
        **kept,
        **more,
    }


DATABASES = {
    "default": _database("shop", ATOMIC_REQUESTS="CASES_ATOMIC" in os.environ),
    "reports": _database("reports"),
    # Nobody can connect to it.
    "absent": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "nowhere" / "absent.sqlite3",
    },
}

SESSION_ENGINE = f"django.contrib.sessions.backends.{os.environ.get('CASES_SESSIONS', 'db')}"
SESSION_CACHE_ALIAS = "files"
SESSION_FILE_PATH = str(BASE_DIR)
MEDIA_ROOT = BASE_DIR / "media"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = "shop@shop.test"
_BACKENDS = "django.core.cache.backends"
CACHES = {
    "default": {"BACKEND": f"{_BACKENDS}.locmem.LocMemCache"},
    "rows": {"BACKEND": f"{_BACKENDS}.db.DatabaseCache", "LOCATION": "cache_rows"},
    "files": {
        "BACKEND": f"{_BACKENDS}.filebased.FileBasedCache",
        "LOCATION": str(BASE_DIR / "cache"),
    },
}
if "CASES_REDIS" in os.environ:
    CACHES["redis"] = {
        "BACKEND": f"{_BACKENDS}.redis.RedisCache",
        "LOCATION": os.environ["CASES_REDIS"],
    }
