"""A project of Django whose workers are recorded."""

from tests.celery.django_shop.celery import app as celery

__all__ = ["celery"]
