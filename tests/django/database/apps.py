"""The app of the project; its folder is said, as the tests may be importable by two paths."""

from pathlib import Path

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "tests.django.database"
    label = "database"
    path = str(Path(__file__).parent)
