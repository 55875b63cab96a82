"""The settings of the project that views.py answers for."""

import os
from pathlib import Path
from typing import Any

import django

BASE_DIR = Path(os.environ.get("CASES_FOLDER", "."))
SECRET_KEY = os.environ.get("CASES_SECRET_KEY", "a secret of the tests")
ALLOWED_HOSTS = os.environ.get("CASES_HOSTS", "127.0.0.1").split(",")
ROOT_URLCONF = "tests.django.cases.urls"
INSTALLED_APPS = [
    "django.contrib.sessions",
    "django.contrib.messages",
    "playback_django",
    "rest_framework",
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
MIDDLEWARE = [
    "playback_django.middleware.PlaybackMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "tests.django.cases.middleware.Forgiving",
    "tests.django.cases.middleware.Switching",
]
if "CASES_SYNC" in os.environ:
    MIDDLEWARE.insert(1, "tests.django.cases.middleware.SyncOnly")
PLAYBACK = {"BODY_LIMIT": "8 MiB"}
_PROCESSORS: list[str] = []
if django.VERSION >= (6, 0):
    # A nonce for each page, in its header and its text.
    SECURE_CSP = {"script-src": ["'self'", "<CSP_NONCE_SENTINEL>"]}
    MIDDLEWARE.insert(1, "django.middleware.csp.ContentSecurityPolicyMiddleware")
    _PROCESSORS.append("django.template.context_processors.csp")
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"context_processors": _PROCESSORS},
    }
]
DATABASES: dict[str, Any] = {}
if "CASES_DATABASE" in os.environ:
    # A file of SQLite, or the folder of a server's socket.
    place = os.environ["CASES_DATABASE"]
    name, user = (place, "") if place.endswith(".sqlite3") else ("postgres", "postgres")
    DATABASES["default"] = {
        "ENGINE": f"django.db.backends.{'postgresql' if user else 'sqlite3'}",
        "NAME": name,
        "HOST": place,
        "USER": user,
    }
    MIDDLEWARE.insert(1, "tests.django.cases.middleware.Counting")
USE_TZ = True
TIME_ZONE = "UTC"
DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
# Deprecated in 6.0 and gone in 7.0 are others: nothing here depends on one.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}
