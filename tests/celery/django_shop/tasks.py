"""What its workers do."""

from decimal import Decimal

from celery import shared_task
from django.core.management import call_command
from django.db import transaction

from tests.celery.django_shop.models import Order


@shared_task
def prepare() -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)


@shared_task
def place(total: str) -> int:
    with transaction.atomic():
        order = Order.objects.create(total=Decimal(total))
        confirm.delay_on_commit(order.pk)
    return int(order.pk)


@shared_task
def confirm(number: int) -> str:
    return str(Order.objects.get(pk=number).total)
