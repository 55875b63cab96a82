"""The URLs of the project: a path for each view, which is its name."""

from django.urls import path

from tests.django.database import views
from tests.django.database.names import NAMES

urlpatterns = [path(f"{name}/", getattr(views, name), name=name) for name in NAMES]
