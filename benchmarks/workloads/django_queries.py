"""Queries of Django's ORM against SQLite: recorded and replayed, against live."""

from __future__ import annotations

from pathlib import Path
from time import thread_time
from typing import Any, Final

from benchmarks.measurement import Effort, Measurement
from benchmarks.recorded_calls import AnswersDiffer, measure_calls
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_CALLS: Final = 300
_ROWS: Final = 1000
_PAGE: Final = 20


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    product = _products(folder)
    calls = effort.repetitions(_CALLS)

    def ask() -> None:
        for number in range(0, calls, 2):
            one = product.objects.get(pk=number % _ROWS + 1)
            if one.name != f"product {number % _ROWS}":
                raise AnswersDiffer(one.name)
            page = product.objects.filter(cents__gte=number).order_by("pk")[:_PAGE]
            if len(page) != _PAGE:
                raise AnswersDiffer(page)

    return measure_calls(
        running, ask, calls, effort, replayed_row=DJANGO_QUERIES_REPLAYED.name, clock=thread_time
    )


def _products(folder: Path) -> Any:
    """Return a model with a table of rows, of a project that is recorded."""
    import django
    from django.conf import settings

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "products.db")}
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["playback_django"])
    django.setup()
    from django.db import connection, models

    from playback_django.interceptors import install_all

    install_all()

    class Product(models.Model):
        name: Any = models.CharField(max_length=40)
        cents: Any = models.IntegerField()
        weight: Any = models.FloatField()
        note: Any = models.TextField()

        class Meta:
            app_label = "products"

    with connection.schema_editor() as editor:
        editor.create_model(Product)
    Product.objects.bulk_create(
        Product(name=f"product {i}", cents=i * 7, weight=i * 0.25, note="x" * 20)
        for i in range(_ROWS)
    )
    return Product


DJANGO_QUERIES: Final = Workload(
    name="django-queries",
    title="queries by Django's ORM of 1 and of 20 rows, within a recorded operation, against live",
    unit="x",
    target=None,
    measure=_measure,
    predecessor_rounds=0,
)
DJANGO_QUERIES_REPLAYED: Final = Workload(
    name="django-queries-replayed",
    title="the same replayed, load included, against SQLite live",
    unit="x",
    target=Target(1),
    measure=_measure,
    predecessor_rounds=0,
)
