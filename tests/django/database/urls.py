"""The URLs of the project: a path for each view, which is its name."""

from django.urls import path

from tests.django.database import value_views, views
from tests.django.database.names import NAMES

_VIEWS = vars(views) | vars(value_views)

urlpatterns = [path(f"{name}/", _VIEWS[name], name=name) for name in NAMES]
