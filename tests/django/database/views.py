"""Views that use databases in every way that Django has."""

import os
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import authenticate, get_user_model, login, logout
from django.contrib.auth.tokens import default_token_generator
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import EmailMultiAlternatives, send_mail, send_mass_mail
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.models import Avg, Count, F, Prefetch
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.request import Request

from playback_core import recorder
from tests.django.database.models import Document, Order, Product, Report

CHANGED = os.environ.get("CASES_CHANGED", "")


def who(request: HttpRequest) -> str:
    return request.GET["who"]


def listed(request: HttpRequest) -> JsonResponse:
    if CHANGED == "query":
        Product.objects.count()
    found = Product.objects.filter(stock__gt=0).order_by("name")
    rows = [[each.name, str(each.price), each.details, str(each.code)] for each in found]
    more = Product.objects.aggregate(Avg("price"), Count("id"))
    return JsonResponse({"rows": rows, "more": {name: str(v) for name, v in more.items()}})


def typed(request: HttpRequest) -> HttpResponse:
    product = Product.objects.create(
        name=f"typed {who(request)}",
        price=Decimal("1.50"),
        details={"who": who(request), "list": [1, None, "x"]},
        picture=bytes(range(256)),
        lasts=timedelta(days=1, seconds=3),
    )
    again = Product.objects.get(pk=product.pk)
    fields = [again.price, again.details, again.code, bytes(again.picture), again.made_at]
    return HttpResponse(repr([*fields, again.lasts, again.made_at == product.made_at]))


def ordered(request: HttpRequest) -> JsonResponse:
    count = 2 if CHANGED == "write" else 1
    done: list[str] = []
    with transaction.atomic():
        product = Product.objects.select_for_update().get(name="tea")
        with transaction.atomic() if CHANGED == "savepoint" else nullcontext():
            order = Order.objects.create(who=who(request), product=product, count=count)
        Product.objects.filter(pk=product.pk).update(stock=F("stock") - count)
        transaction.on_commit(lambda: done.append(str(Order.objects.filter(pk=order.pk).count())))
    return JsonResponse({"order": order.pk, "done": done})


def refused(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        Report.objects.create(text="unused")
        try:
            with transaction.atomic():
                Product.objects.create(name="tea", price=1)
        except IntegrityError as error:
            kind = type(error.__cause__).__name__
            code = getattr(error.__cause__, "sqlstate", None)
            text = str(error)
        with transaction.atomic():
            Order.objects.filter(who="nobody").delete()
    return JsonResponse([kind, code, text], safe=False)


def broken(request: HttpRequest) -> HttpResponse:
    try:
        with transaction.atomic():
            Report.objects.create(text="lost")
            try:
                Product.objects.create(name="tea", price=1)
            except IntegrityError:
                Product.objects.count()
    except transaction.TransactionManagementError as error:
        return HttpResponse(str(error))
    return HttpResponse("fine")


def several(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(using="reports"):
        Report.objects.using("reports").create(text=who(request))
    names = list(Report.objects.using("reports").filter(text=who(request)).values_list("text"))
    return HttpResponse(f"{names} {Product.objects.count()}")


def iterated(request: HttpRequest) -> HttpResponse:
    names = []
    for each in Product.objects.order_by("name").iterator(chunk_size=2):
        names.append(each.name)
        if len(names) == 3:
            break
    return HttpResponse(", ".join(names))


def raw(request: HttpRequest) -> HttpResponse:
    seen: list[Any] = []

    def watching(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql.split()[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watching), connection.cursor() as cursor:
        cursor.execute("SELECT name, price FROM database_product ORDER BY name")
        columns = [each[0] for each in cursor.description]
        first, two, rest = cursor.fetchone(), cursor.fetchmany(2), len(cursor.fetchall())
        cursor.execute("SELECT name FROM database_product WHERE name = %s", ["tea"])
        named = list(cursor)
        chained = cursor.execute("SELECT count(*) FROM database_product WHERE stock > 2").fetchone()
        cursor.executemany(
            "INSERT INTO database_report (text) VALUES (%s)", [(f"r{n}",) for n in range(3)]
        )
        count = cursor.rowcount
    return HttpResponse(repr([columns, first, two, rest, named, chained, count, seen]))


def bulk(request: HttpRequest) -> HttpResponse:
    made = Report.objects.bulk_create([Report(text=f"{who(request)} {n}") for n in range(5)])
    made[0].text = "changed"
    Report.objects.bulk_update(made, ["text"])
    found = Report.objects.in_bulk([made[0].pk, made[1].pk])
    Report.objects.filter(pk__in=[each.pk for each in made[2:]]).delete()
    return HttpResponse(repr([each.text for each in found.values()]))


def related(request: HttpRequest) -> HttpResponse:
    orders = Order.objects.select_related("product").order_by("pk")[:1]
    products = Product.objects.prefetch_related(
        Prefetch("order_set", queryset=Order.objects.filter(who="base"))
    ).order_by("name")
    names = [(each.name, [order.count for order in each.order_set.all()]) for each in products]
    return HttpResponse(repr([[order.product.name for order in orders], names]))


async def awaited(request: HttpRequest) -> HttpResponse:
    names = [each.name async for each in Product.objects.order_by("name")[:3]]
    await Report.objects.acreate(text=f"awaited {who(request)}")
    count = await Report.objects.filter(text=f"awaited {who(request)}").acount()

    @sync_to_async
    def ordered() -> int:
        with transaction.atomic():
            product = Product.objects.get(name="tea")
            return Order.objects.create(who=who(request), product=product, count=1).count

    return HttpResponse(f"{names} {count} {await ordered()}")


def manual(request: HttpRequest) -> HttpResponse:
    transaction.set_autocommit(False)
    try:
        Report.objects.create(text="kept")
        transaction.commit()
        Report.objects.create(text="lost")
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    connections["default"].close()
    return HttpResponse(str(Report.objects.filter(text="kept").exists()))


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Any:
        for each in Product.objects.order_by("name").iterator(chunk_size=1):
            yield f"{each.name}\n"

    return StreamingHttpResponse(lines())


def missing_table(request: HttpRequest) -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")
    except DatabaseError as error:
        return HttpResponse(f"{type(error).__name__} {error}")
    return HttpResponse("there")


def cached(request: HttpRequest) -> HttpResponse:
    name = who(request)
    got: list[Any] = []
    for alias in caches:
        cache = caches[alias]
        sentinel = object()
        got.append(cache.get(f"none {name}", sentinel) is sentinel)
        got.append(cache.get_or_set(f"count {name}", Product.objects.count, 60))
        cache.set(f"{name} 1", {"a": (1, 2)}, timeout=30)
        cache.set_many({f"{name} 2": 2, f"{name} 3": None})
        got.append(cache.get_many(f"{name} {number}" for number in range(5)))
        got += [cache.add(f"{name} 2", 3), cache.incr(f"{name} 2"), f"{name} 3" in cache]
        got += [cache.touch(f"{name} 2", 9), cache.delete(f"{name} 2")]
        cache.delete_many([f"{name} {number}" for number in range(5)])
        try:
            cache.incr(f"nothing {name}")
        except ValueError as error:
            got.append(str(error))
    return HttpResponse(repr(got))


async def cached_async(request: HttpRequest) -> HttpResponse:
    cache = caches["default"]
    await cache.aset(f"async {who(request)}", 3)
    got = [await cache.aget(f"async {who(request)}"), await cache.adelete(f"async {who(request)}")]
    return HttpResponse(repr(got))


def entered(request: HttpRequest) -> HttpResponse:
    name = who(request)
    user = authenticate(request, username=name, password=request.POST["password"])
    assert user is not None
    login(request, user)
    request.session["cart"] = ["tea"] if CHANGED != "session" else ["milk"]
    messages.success(request, f"welcome {name}")
    wrong = authenticate(request, username=name, password="wrong")
    return HttpResponse(f"{user.get_username()} {wrong}")


def seen(request: HttpRequest) -> HttpResponse:
    told = [str(each) for each in messages.get_messages(request)]
    request.session["seen"] = request.session.get("seen", 0) + 1
    user: Any = request.user
    may = [user.has_perm("database.add_product"), user.is_authenticated, user.is_staff]
    return HttpResponse(f"{user.get_username()} {may} {told} {request.session['cart']}")


def left(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse(f"{request.user} {dict(request.session)}")


def joined(request: HttpRequest) -> HttpResponse:
    User = get_user_model()
    user = User.objects.create_user(
        f"new {who(request)}", "new@shop.test", request.POST["password"]
    )
    usable = user.has_usable_password()
    user.set_unusable_password()
    with transaction.atomic() if CHANGED == "transaction" else nullcontext():
        user.save()
    again = User.objects.get(pk=user.pk)
    user.delete()
    return HttpResponse(f"{usable} {again.has_usable_password()} {user.date_joined}")


def forgotten(request: HttpRequest) -> HttpResponse:
    user = get_user_model().objects.get(username=who(request))
    token = default_token_generator.make_token(user)
    send_mail("Your password", f"/reset/{token}/", None, [user.email])
    given = [default_token_generator.check_token(user, each) for each in (token, token[:-1])]
    return HttpResponse(f"{given}")


def tokened(request: HttpRequest) -> HttpResponse:
    found = TokenAuthentication().authenticate(Request(request))
    assert found is not None
    user, _ = found
    mine, made = Token.objects.get_or_create(user=get_user_model().objects.get(username="c1"))
    kept = get_user_model().objects.select_related("auth_token").get(username="c0")
    return HttpResponse(f"{user} {mine.created} {made} {kept.auth_token.key == found[1].key}")


def classified(request: HttpRequest) -> HttpResponse:
    # As a process that has asked before, or not.
    if who(request) == "c0":
        ContentType.objects.clear_cache()
        Site.objects.clear_cache()
    kinds = ContentType.objects
    kind = kinds.get_for_model(Product)
    same = [kinds.get_for_id(kind.pk), kinds.get_by_natural_key("database", "product")]
    both = kinds.get_for_models(Product, Order)
    is_same = kinds.get_for_model(Product) is kinds.get_for_model(Product)
    told = [kind.model_class() is Product, kind == same[0] == same[1] == both[Product], is_same]
    site = Site.objects.get(domain="example.com")
    return HttpResponse(f"{told} {both[Order]} {site} {Site.objects.get_current()}")


def mailed(request: HttpRequest) -> HttpResponse:
    name = who(request)
    if CHANGED != "mail":
        count = send_mail(f"for {name}", "body", "shop@shop.test", [f"{name}@shop.test"])
    else:
        count = 1
    message = EmailMultiAlternatives("s", "text", to=[f"{name}@shop.test"], bcc=["all@shop.test"])
    message.attach_alternative("<p>text</p>", "text/html")
    message.attach("a.bin", b"\x00\x01", "application/octet-stream")
    count += message.send()
    count += send_mass_mail([(f"{n}", "mass", None, [f"{name}@shop.test"]) for n in range(2)])
    with transaction.atomic():
        transaction.on_commit(lambda: send_mail("on commit", name, None, ["shop@shop.test"]))
    return HttpResponse(str(count))


def kept(request: HttpRequest) -> HttpResponse:
    name = who(request)
    saved = default_storage.save("kept.txt", ContentFile(f"of {name}".encode()))
    with default_storage.open(saved) as file:
        content = file.read()
    again = default_storage.open(saved)
    size = again.size
    again.close()
    got = [content, size, default_storage.exists(saved), default_storage.size(saved)]
    moment = default_storage.get_modified_time(saved)
    document = Document.objects.create(file=ContentFile(b"uploaded", name=f"{name}.txt"))
    read = Document.objects.get(pk=document.pk).file.read()
    names = sorted(default_storage.listdir("")[1])
    default_storage.delete(saved)
    gone = default_storage.exists(saved)
    return HttpResponse(repr([saved, got, moment, read, names, gone, document.file.url]))


def valued(request: HttpRequest) -> HttpResponse:
    product = read_product("tea")
    caches["default"].set("product", product)
    again = caches["default"].get("product")
    found = read_products()
    return HttpResponse(
        f"{product.name} {again.price} {[each.name for each in found]} {again._state.db}"
    )


@recorder.intercept_input("product")
def read_product(name: str) -> Any:
    return Product.objects.get(name=name)


@recorder.intercept_input("products")
def read_products() -> Any:
    return list(Product.objects.order_by("name"))


def absent(request: HttpRequest) -> HttpResponse:
    try:
        Report.objects.using("absent").create(text="x")
    except OperationalError as error:
        return HttpResponse(f"{error} {type(error.__cause__).__name__}")
    return HttpResponse("there")


def logged(request: HttpRequest) -> HttpResponse:
    Product.objects.filter(name="tea").update(stock=F("stock") + 1)
    with transaction.atomic():
        names = [each.name for each in Product.objects.filter(name="tea", price__gt=1)]
    return HttpResponse(f"{names} {[each['sql'] for each in connection.queries[-4:]]}")
