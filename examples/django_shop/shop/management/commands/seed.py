"""`manage.py seed`: make the database, with products and customers."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand

from ...models import Product

PRODUCTS = (
    ("axe", "Felling axe", "39.99", 100_000),
    ("broom", "Corn broom", "7.25", 100_000),
    ("chisel", "Wood chisel", "12.45", 100_000),
    ("drill", "Hand drill", "58.00", 100_000),
    ("file", "Half-round file", "9.37", 100_000),
    ("glue", "Hide glue", "4.50", 100_000),
    ("hammer", "Claw hammer", "17.95", 12),
)
CUSTOMERS = (
    ("ada", "Ada", "Lovelace", "engine"),
    ("bela", "Béla", "Bartók", "mikrokosmos"),
    ("chen", "Chen", "Jingrun", "one plus two"),
    ("dora", "Dóra", "Maurer", "displacement"),
)


class Command(BaseCommand):
    help = "Make the shop's database, with products and customers."

    def handle(self, *args: Any, **options: Any) -> None:
        settings.DATA_FOLDER.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0)
        Product.objects.bulk_create(
            Product(sku=sku, name=name, price=Decimal(price), stock=stock)
            for sku, name, price, stock in PRODUCTS
        )
        for name, first_name, last_name, password in CUSTOMERS:
            User.objects.create_user(
                name,
                f"{name}@shop.example",
                password,
                first_name=first_name,
                last_name=last_name,
            )
