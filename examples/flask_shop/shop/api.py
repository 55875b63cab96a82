"""The shop's JSON interface, version 1."""

from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from . import accounts, catalogue, orders, prices, pricing

blueprint = Blueprint("api", __name__, url_prefix="/api")
v1 = Blueprint("v1", __name__, url_prefix="/v1")


@v1.get("/products")
def products() -> Response:
    return jsonify(products=catalogue.products_page(request.args.get("page", 1, type=int)))


@v1.get("/products/<sku>")
def product(sku: str) -> Response:
    return jsonify(_known_product(sku))


@v1.get("/quotes/<sku>")
def quote(sku: str) -> Response:
    quantity = _quantity(request.args.get("quantity", 1, type=int))
    unit_price = _current_price(_known_product(sku).sku)
    return jsonify(
        sku=sku,
        quantity=quantity,
        unit_price=str(unit_price),
        total=str(pricing.order_total(unit_price, quantity)),
    )


@v1.post("/orders")
def place_order() -> tuple[Response, int]:
    customer = accounts.signed_in_customer()
    wanted = request.get_json()
    if not isinstance(wanted, dict):
        abort(400, "An order is a JSON object.")
    sku = _known_product(str(wanted.get("sku"))).sku
    try:
        order = orders.place_order(customer, sku, _quantity(wanted.get("quantity")))
    except orders.OutOfStock as error:
        abort(409, str(error))
    except prices.PriceUnavailable as error:
        abort(502, str(error))
    return jsonify(order.as_json()), 201


@v1.get("/orders/<reference>")
def order(reference: str) -> Response:
    customer = accounts.signed_in_customer()
    found = orders.find_order(reference)
    if found is None or found.customer != customer:
        abort(404, f"You have no order {reference}.")
    return jsonify(found.as_json())


@v1.errorhandler(HTTPException)
def error_as_json(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code or 500


def _known_product(sku: str) -> catalogue.Product:
    found = catalogue.find_product(sku)
    if found is None:
        abort(404, f"There is no product {sku}.")
    return found


def _current_price(sku: str) -> Decimal:
    try:
        return prices.current_price(sku)
    except prices.PriceUnavailable as error:
        abort(502, str(error))


def _quantity(value: Any) -> int:
    if type(value) is not int or value < 1:
        abort(400, "The quantity is a whole number from 1.")
    return value


blueprint.register_blueprint(v1)
