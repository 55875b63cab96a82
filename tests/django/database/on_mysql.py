"""A program that records the ORM on MySQL by PyMySQL, and replays it with the server elsewhere.

It is given the server's port, and prints what came of it as JSON.
"""

import json
import sys
from typing import Any

import django
import pymysql
from django.conf import settings

PLACE = {"HOST": "127.0.0.1", "PORT": int(sys.argv[1]), "USER": "shop", "NAME": "shop"}

pymysql.install_as_MySQLdb()
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.mysql", **PLACE}},
    INSTALLED_APPS=["playback_django"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.db import IntegrityError, connection, models, transaction  # noqa: E402

from playback_core import InMemoryTapeCassette, TapeRecorder  # noqa: E402
from playback_django.interceptors import install_all  # noqa: E402


class Product(models.Model):
    """Something with a column of each sort that MySQL has a way of its own for."""

    name = models.CharField(max_length=20, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    body = models.JSONField(null=True)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "shop"


def refused() -> int:
    try:
        with transaction.atomic():
            Product.objects.create(name="axe")
    except IntegrityError as error:
        return int(error.args[0])
    return 0


def work() -> list[Any]:
    axe = Product.objects.create(name="axe", price="1.50", body={"a": [1]})
    Product.objects.bulk_create([Product(name="bow"), Product(name="cup")])
    code = refused()
    with transaction.atomic():
        changed = Product.objects.select_for_update().filter(name="bow").update(price=2)
    _, is_new = Product.objects.update_or_create(name="cup", defaults={"price": 3})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM shop_product")
        (count,) = cursor.fetchone()
    rows = [(each.name, str(each.price), each.body) for each in Product.objects.order_by("id")]
    return [axe.pk, code, changed, is_new, count, rows]


def main() -> None:
    with connection.schema_editor() as editor:
        editor.create_model(Product)
    install_all()
    recorder = TapeRecorder(InMemoryTapeCassette())
    operation = recorder.operation(category="work")(work)
    with recorder.enabled_recording():
        results = [operation()]
    with connection.schema_editor() as editor:
        editor.delete_model(Product)
    connection.close()
    connection.settings_dict["PORT"] = settings.DATABASES["default"]["PORT"] = 1
    recording_id = recorder.tape_cassette.get_last_recording_id() or ""
    playback = recorder.play(recording_id, lambda recording: results.append(operation()))
    told = {
        "results": results,
        "missed": [each.message for each in playback.missed],
        "moved": [each.alias for each in playback.moved],
        "as_sent": playback.playback_outputs == playback.recorded_outputs,
        "others": [
            (each.library, each.recorded, each.replayed) for each in playback.other_databases
        ],
    }
    print(json.dumps(told))


main()
