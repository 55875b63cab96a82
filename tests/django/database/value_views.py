"""Views whose own inputs and outputs have values of Django: querysets, instances, lazy objects."""

from typing import Any

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy, ngettext_lazy

from playback_core import recorder
from tests.django.database.models import Document, Order, Product
from tests.django.database.views import CHANGED, who


@recorder.intercept_input("cheap products")
def cheap_products(below: int) -> Any:
    return Product.objects.filter(price__lt=below).order_by("name")


@recorder.intercept_input("fetched products")
def fetched_products() -> Any:
    found = Product.objects.prefetch_related("order_set__product").order_by("name")
    len(found)
    return found


@recorder.intercept_input("named product")
def named_product(name: str) -> Any:
    return Product.objects.only("name").get(name=name)


@recorder.intercept_input("latest order")
def latest_order() -> Any:
    return Order.objects.select_related("product").order_by("pk").first()


@recorder.intercept_input("count of")
def count_of(products: Any) -> int:
    return len(products.all())


@recorder.intercept_input("title")
def read_title(count: int) -> Any:
    return {"title": gettext_lazy("Monday"), "count": ngettext_lazy("%d day", "%d days")}


@recorder.intercept_output("told")
def tell(*values: Any, **named: Any) -> None:
    """Tell nobody."""


def put_off(request: HttpRequest) -> HttpResponse:
    cheap = cheap_products(5)
    names = [each.name for each in cheap]
    return HttpResponse(f"{names} {cheap.filter(name='tea').count()} {count_of(cheap.all())}")


def fetched(request: HttpRequest) -> HttpResponse:
    products = fetched_products()
    orders = [[order.product.name for order in each.order_set.all()] for each in products]
    order = latest_order()
    product = named_product("tea")
    shown = [product.name, product.price, order.product.name, order.product_id == product.pk]
    return HttpResponse(f"{type(products).__name__} {len(products)} {len(orders)} {shown}")


def told(request: HttpRequest) -> HttpResponse:
    products = Product.objects.filter(name="tea")
    enough = products.filter(stock__gt=1 if CHANGED != "told" else 2)
    tell(enough, Product.objects.none(), user=request.user)
    str(request.user)
    tell(list(products), user=request.user, address=reverse_lazy("told"))
    tell(products, SimpleLazyObject(lambda: 1 / 0), title=gettext_lazy("Monday"))
    document = Document(file="a.txt")
    tell(document.file, document)
    title = read_title(2)
    return HttpResponse(f"{title['title']} {title['count'] % 2} {who(request)}")


def cached_rows(request: HttpRequest) -> HttpResponse:
    products = Product.objects.filter(stock__gt=0).order_by("name")
    caches["default"].set(f"rows {who(request)}", products)
    names = [each.name for each in products]
    again = caches["default"].get(f"rows {who(request)}")
    added = [
        _added(alias, f"added {who(request)}", -2 * number)
        for number, alias in enumerate(("default", "rows", "files"), 1)
    ]
    return HttpResponse(f"{names} {[each.name for each in again]} {added}")


def _added(alias: str, key: str, least: int) -> list[Any]:
    shown: list[Any] = []
    for stock in (least, least - 1):
        products = Product.objects.filter(stock__gt=stock).order_by("name")
        # The second time it is there, and a cache in files asks the database for nothing.
        shown.append(caches[alias].add(key, products))
        shown.append([each.name for each in products])
    shown.append(len(caches[alias].get_or_set(f"made {key}", Product.objects.all)))
    return shown
