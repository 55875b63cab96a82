"""The shop's pages."""

import asyncio
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Avg, Count, Sum
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from . import basket, catalogue, checkout
from .models import Order, OrderLine, Product

PNG = b"\x89PNG\r\n\x1a\n"


def home(request: HttpRequest) -> HttpResponse:
    return redirect("products")


def products(request: HttpRequest) -> HttpResponse:
    page = _number(request.GET.get("page", "1"))
    found = catalogue.products_page(page)
    return render(request, "shop/products.html", {"page": page, "products": found})


def product(request: HttpRequest, sku: str) -> HttpResponse:
    found = get_object_or_404(Product, sku=sku)
    return render(request, "shop/product.html", {"product": found})


@login_required
def account(request: HttpRequest) -> HttpResponse:
    orders = Order.objects.filter(customer=request.user).prefetch_related("lines__product")[:10]
    return render(request, "shop/account.html", {"orders": orders})


@login_required
def show_basket(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/basket.html", {"basket": basket.basket_of(request)})


@login_required
@require_POST
def put_into_basket(request: HttpRequest) -> HttpResponse:
    found = get_object_or_404(Product, sku=request.POST.get("sku"))
    quantity = _number(request.POST.get("quantity", ""))
    basket.put(request, found.sku, quantity)
    messages.success(request, f"{quantity} x {found.name} in your basket.")
    return redirect("basket")


@login_required
@require_POST
def check_out(request: HttpRequest) -> HttpResponse:
    quantities = basket.basket_of(request)
    if not quantities:
        return HttpResponseBadRequest("Your basket is empty.")
    basket.empty(request)
    try:
        order = checkout.place_order(request.user, quantities)
    except checkout.OutOfStock as error:
        return HttpResponse(str(error), status=409)
    messages.success(request, f"Thank you for your order {order.reference}.")
    return redirect("order", order.reference)


@login_required
def show_order(request: HttpRequest, reference: str) -> HttpResponse:
    order = get_object_or_404(Order, reference=reference, customer=request.user)
    return render(request, "shop/order.html", {"order": order})


@login_required
@require_POST
def upload(request: HttpRequest, sku: str) -> HttpResponse:
    found = get_object_or_404(Product, sku=sku)
    image = request.FILES.get("image")
    if not isinstance(image, UploadedFile):
        return HttpResponseBadRequest("Send the picture as `image`.")
    if image.read(len(PNG)) != PNG:
        return HttpResponse("That is no PNG picture.", status=415)
    found.image.save(f"{sku}.png", image)
    return HttpResponse(f"{found.image.name}: {image.size} bytes\n", status=201)


def export(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_exported(), content_type="text/csv")


def _exported() -> Iterator[str]:
    yield "reference,customer,sku,quantity,total\n"
    lines = OrderLine.objects.select_related("order__customer", "product").order_by("id")
    for line in lines.iterator(chunk_size=100):
        order, sku = line.order, line.product.sku
        yield f"{order.reference},{order.customer.username},{sku},{line.quantity},{line.total}\n"


async def stock(request: HttpRequest) -> JsonResponse:
    """Show what is left, from two questions that are asked at once."""
    left, ordered = await asyncio.gather(_left(), _ordered())
    user = await request.auser()  # type: ignore[attr-defined]
    return JsonResponse({"left": left, "ordered": ordered, "for": user.get_username()})


async def _left() -> dict[str, int]:
    return {each.sku: each.stock async for each in Product.objects.all()}


async def _ordered() -> dict[str, Any]:
    return await OrderLine.objects.aaggregate(pieces=Sum("quantity"), lines=Count("id"))


def report(request: HttpRequest) -> HttpResponse:
    """Show the average price of some products; that of none fails, as it should not."""
    sku = request.GET.get("from", "")
    average = Product.objects.filter(sku__gte=sku).aggregate(price=Avg("price"))["price"]
    return HttpResponse(f"{average:.2f} on average\n")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or text == "0":
        raise Http404("A number from 1 is needed.")
    return int(text)
