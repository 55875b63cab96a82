"""The shop itself, endpoint by endpoint, as it behaves without being recorded."""

import io
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def order(customer: FlaskClient, sku: str = "axe", quantity: object = 2) -> TestResponse:
    return customer.post("/api/v1/orders", json={"sku": sku, "quantity": quantity})


def upload(customer: FlaskClient, content: bytes, sku: str = "axe") -> TestResponse:
    return customer.post(f"/products/{sku}/image", data={"image": (io.BytesIO(content), "axe.png")})


def test_home_leads_to_the_products(client: FlaskClient) -> None:
    answer = client.get("/")

    assert (answer.status_code, answer.location) == (302, "/products")


@pytest.mark.parametrize(
    ("page", "shown"), [(1, "Felling axe"), (3, "Claw hammer"), (4, "Nothing here")]
)
def test_products_come_in_pages(client: FlaskClient, page: int, shown: str) -> None:
    assert shown in client.get(f"/products?page={page}").text


def test_a_product_shows_the_price_of_the_price_service(client: FlaskClient) -> None:
    quoted = client.get("/api/v1/quotes/broom").json
    shown = client.get("/products/broom").text

    assert quoted is not None
    assert str(Decimal(quoted["unit_price"]) + Decimal("0.10")) in shown


def test_a_product_without_a_price_is_shown_without_one(client: FlaskClient) -> None:
    assert "No price today" in client.get("/products/jig").text


@pytest.mark.parametrize("path", ["/products/unicorn", "/no/such/page", "/api/v1/products/x"])
def test_what_does_not_exist_is_a_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_pages_for_customers_lead_others_to_the_sign_in_form(client: FlaskClient) -> None:
    answer = client.get("/account", follow_redirects=True)

    assert answer.request.path == "/sign-in"
    assert 'name="password"' in answer.text


def test_the_api_refuses_strangers(client: FlaskClient) -> None:
    answer = order(client)

    assert answer.status_code == 401
    assert answer.is_json


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", "engine")])
def test_a_wrong_name_or_password_signs_nobody_in(
    client: FlaskClient, name: str, password: str
) -> None:
    answer = client.post("/sign-in", data={"name": name, "password": password})

    assert answer.status_code == 403
    assert client.get("/account").status_code == 302


def test_signing_out_ends_the_session(customer: FlaskClient) -> None:
    assert "Ada Lovelace" in customer.get("/account").text

    customer.post("/sign-out")

    assert customer.get("/account").status_code == 302


def test_an_order_takes_stock_and_is_found_again(customer: FlaskClient) -> None:
    placed = order(customer, "hammer", 5).json

    assert placed is not None
    assert customer.get(f"/api/v1/orders/{placed['reference']}").json == placed
    assert placed["reference"] in customer.get("/account").text
    product = customer.get("/api/v1/products/hammer").json
    assert product == {"sku": "hammer", "name": "Claw hammer", "stock": 7}


def test_an_order_by_form_redirects_to_the_order(shop: Flask, customer: FlaskClient) -> None:
    answer = customer.post("/orders", data={"sku": "glue", "quantity": "1"}, follow_redirects=True)

    assert answer.json is not None
    assert (answer.json["sku"], answer.json["customer"]) == ("glue", "ada")
    (line,) = shop.extensions["shop.redis"].lrange("shop:audit", 0, -1)
    assert line.endswith(f"ada ordered {answer.json['reference']}")


def test_orders_of_others_are_not_shown(customer: FlaskClient) -> None:
    placed = order(customer).json
    customer.post("/sign-in", data={"name": "bela", "password": "mikrokosmos"})

    assert placed is not None
    assert customer.get(f"/api/v1/orders/{placed['reference']}").status_code == 404


@pytest.mark.parametrize("quantity", [0, -1, "two", None, 1.5, True])
def test_a_wrong_quantity_is_a_400(customer: FlaskClient, quantity: object) -> None:
    answer = order(customer, quantity=quantity)

    assert answer.status_code == 400
    assert answer.json == {"error": "The quantity is a whole number from 1."}


def test_an_order_that_is_no_json_object_is_a_400(customer: FlaskClient) -> None:
    assert customer.post("/api/v1/orders", json=["axe"]).status_code == 400


def test_an_order_over_the_stock_is_a_409_and_takes_nothing(customer: FlaskClient) -> None:
    assert order(customer, "hammer", 13).status_code == 409

    assert order(customer, "hammer", 12).status_code == 201


@pytest.mark.parametrize("sku", ["jig", "glue"])
def test_without_a_price_there_is_no_order(shop: Flask, customer: FlaskClient, sku: str) -> None:
    if sku == "glue":
        shop.config["PRICE_SERVICE"] += "/moved"

    assert order(customer, sku, 1).status_code == 502
    assert customer.post("/orders", data={"sku": sku, "quantity": "1"}).status_code == 502


def pictures(shop: Flask) -> dict[str, bytes]:
    with shop.extensions["shop.database"].transaction() as connection:
        return {row["sku"]: row["content"] for row in connection.rows("SELECT * FROM picture")}


def test_a_picture_is_stored_byte_by_byte(shop: Flask, customer: FlaskClient) -> None:
    upload(customer, PICTURE + b"first")
    answer = upload(customer, PICTURE)

    assert (answer.status_code, answer.text) == (201, "axe.png: 264 bytes\n")
    assert pictures(shop) == {"axe": PICTURE}


def test_what_is_no_picture_is_refused(shop: Flask, customer: FlaskClient) -> None:
    assert upload(customer, b"GIF89a").status_code == 415
    assert upload(customer, PICTURE, sku="unicorn").status_code == 404
    assert customer.post("/products/axe/image").status_code == 400
    assert pictures(shop) == {}


def test_the_export_streams_every_order_over_several_pages(customer: FlaskClient) -> None:
    references = [order(customer, quantity=1).get_json()["reference"] for _ in range(30)]

    answer = customer.get("/exports/orders.csv")

    assert answer.is_streamed
    head, *rows = answer.text.splitlines()
    assert head == "reference,customer,sku,quantity,total"
    assert [row.split(",")[0] for row in rows] == references


def test_a_failing_report_is_a_500_that_names_the_fault(client: FlaskClient) -> None:
    assert client.get("/reports/stock").text == "100000 pieces on average\n"

    answer = client.get("/reports/stock?page=99")

    assert (answer.status_code, answer.text) == (
        500,
        "Sorry, that is our fault (ZeroDivisionError).\n",
    )


def test_a_second_seed_keeps_the_database(shop: Flask, customer: FlaskClient) -> None:
    order(customer, "hammer", 12)

    seeded = shop.test_cli_runner().invoke(args=["seed"])

    assert seeded.exit_code == 1
    assert "There is a database already" in seeded.output
    assert order(customer, "hammer", 1).status_code == 409
