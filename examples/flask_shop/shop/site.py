"""The shop's pages: browsing, signing in, ordering by form, pictures and the export."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal

from flask import (
    Blueprint,
    Response,
    abort,
    redirect,
    render_template,
    request,
    session,
    stream_with_context,
    url_for,
)
from werkzeug.exceptions import InternalServerError, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from . import accounts, audit, catalogue, orders, prices

EXPORT_PAGE = 25
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

blueprint = Blueprint("site", __name__)


@blueprint.get("/")
def home() -> AnyResponse:
    return redirect(url_for(".products"))


@blueprint.get("/products")
def products() -> str:
    page = request.args.get("page", 1, type=int)
    return render_template("products.html", products=catalogue.products_page(page), page=page)


@blueprint.get("/products/<sku>")
def product(sku: str) -> str:
    found = catalogue.find_product(sku) or abort(404)
    price: Decimal | None
    try:
        price = prices.current_price(sku)
    except prices.PriceUnavailable:
        price = None
    return render_template("product.html", product=found, price=price)


@blueprint.post("/products/<sku>/image")
def upload_image(sku: str) -> tuple[Response, int]:
    customer = accounts.signed_in_customer()
    if catalogue.find_product(sku) is None:
        abort(404)
    upload = request.files.get("image") or abort(400, "The form has no file named 'image'.")
    content = upload.read()
    if not content.startswith(PNG_SIGNATURE):
        abort(415, f"{upload.filename} is not a PNG picture.")
    stored_as = catalogue.save_image(sku, content)
    audit.write_line(f"{orders.now().isoformat()} {customer} uploaded {stored_as}")
    return Response(f"{stored_as}: {len(content)} bytes\n", mimetype="text/plain"), 201


@blueprint.get("/sign-in")
def sign_in_form() -> str:
    return render_template("sign_in.html", failed=False)


@blueprint.post("/sign-in")
def sign_in() -> AnyResponse | tuple[str, int]:
    name = request.form["name"]
    if not accounts.verify_password(name, request.form["password"]):
        return render_template("sign_in.html", failed=True), 403
    session["customer"] = name
    return redirect(url_for(".account"), code=303)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    session.clear()
    return redirect(url_for(".products"), code=303)


@blueprint.get("/account")
def account() -> str:
    customer = accounts.signed_in_customer()
    return render_template(
        "account.html",
        full_name=accounts.full_name(customer),
        orders=orders.orders_of(customer),
    )


@blueprint.post("/orders")
def order_by_form() -> AnyResponse:
    """Order and redirect: the answer does not show the total, only the stored order does."""
    customer = accounts.signed_in_customer()
    sku, quantity = request.form["sku"], request.form.get("quantity", 0, type=int)
    if quantity < 1 or catalogue.find_product(sku) is None:
        abort(400, "An order names a product of ours and a quantity from 1.")
    try:
        order = orders.place_order(customer, sku, quantity)
    except orders.OutOfStock as error:
        abort(409, str(error))
    except prices.PriceUnavailable as error:
        abort(502, str(error))
    return redirect(url_for("api.v1.order", reference=order.reference), code=303)


@blueprint.get("/exports/orders.csv")
def export_orders() -> Response:
    """Stream all orders, reading the database page by page while the client receives them."""
    accounts.signed_in_customer()
    return Response(
        stream_with_context(_csv_pages()),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="orders.csv"'},
    )


def _csv_pages() -> Iterator[str]:
    yield "reference,customer,sku,quantity,total\r\n"
    after = 0
    while page := orders.orders_page(after, EXPORT_PAGE):
        text = io.StringIO()
        csv.writer(text).writerows(
            (order.reference, order.customer, order.sku, order.quantity, order.total)
            for _, order in page
        )
        yield text.getvalue()
        after = page[-1][0]


@blueprint.get("/reports/stock")
def stock_report() -> str:
    """Fail for a page without products: nobody has noticed yet that it divides by zero."""
    page = catalogue.products_page(request.args.get("page", 1, type=int))
    return f"{sum(product.stock for product in page) // len(page)} pieces on average\n"


@blueprint.errorhandler(401)
def sign_in_first(error: Unauthorized) -> AnyResponse:
    return redirect(url_for(".sign_in_form"))


def internal_error(error: InternalServerError) -> tuple[Response, int]:
    cause = type(error.original_exception or error).__name__
    return Response(f"Sorry, that is our fault ({cause}).\n", mimetype="text/plain"), 500
