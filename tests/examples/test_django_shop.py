"""The Django shop itself, over a real server, as it behaves without being recorded."""

import re
import sys
from collections.abc import Iterator

import pytest

from examples.django_shop.serving import HERE, ShopServing
from examples.django_shop.traffic import PASSWORDS, Customer
from examples.live_demo.processes import ChildFailed
from examples.live_demo.visitors import PNG, Exchange


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> ShopServing:
    return ShopServing(tmp_path_factory.mktemp("django_shop"))


@pytest.fixture(scope="module", params=["gunicorn", "uvicorn"])
def address(request: pytest.FixtureRequest, serving: ShopServing) -> Iterator[str]:
    """The shop with its database, by WSGI and by ASGI."""
    if not serving.data.exists():
        serving.seed(HERE)
    with serving.shop(request.param, HERE, recorded=False) as (_, found):
        yield found


@pytest.fixture
def ada(address: str) -> Iterator[Customer]:
    """A customer who has signed in and knows the prices."""
    customer = Customer(address, "ada", seed=1)
    customer.sign_in()
    customer.learn_prices()
    yield customer
    customer.leave()


@pytest.fixture
def stranger(address: str) -> Iterator[Customer]:
    customer = Customer(address, "bela", seed=1)
    yield customer
    customer.leave()


def mails(serving: ShopServing) -> str:
    folder = serving.data / "mail"
    return "".join(path.read_text() for path in folder.iterdir()) if folder.exists() else ""


def order(customer: Customer, sku: str, quantity: int) -> Exchange:
    return customer.send_json("/api/orders/", {"sku": sku, "quantity": quantity}, expect=201)


def stock_of(customer: Customer, sku: str) -> int:
    return int(customer.send("GET", f"/api/products/{sku}/").json()["stock"])


@pytest.mark.parametrize(
    ("page", "shown"), [(1, b"Felling axe"), (3, b"Claw hammer"), (4, b"Nothing here")]
)
def test_products_come_in_pages(stranger: Customer, page: int, shown: bytes) -> None:
    assert shown in stranger.send("GET", f"/products/?page={page}").body


@pytest.mark.parametrize("page", ["0", "-1", "two"])
def test_a_page_that_is_no_number_is_a_404(stranger: Customer, page: str) -> None:
    stranger.send("GET", f"/products/?page={page}", expect=404)


def test_every_script_of_a_customer_is_answered_as_it_expects(stranger: Customer) -> None:
    for script in stranger.scripts():
        script()
    assert len({exchange.path for exchange in stranger.traffic.exchanges}) > 20


def test_the_api_refuses_strangers(stranger: Customer) -> None:
    stranger.send_json("/api/orders/", {"sku": "axe", "quantity": 1}, expect=403)


def test_an_order_takes_stock_is_mailed_and_found_again(
    ada: Customer, serving: ShopServing
) -> None:
    before = stock_of(ada, "axe")
    placed = order(ada, "axe", 25).json()

    assert (placed["total"], placed["customer"]) == ("899.78", "ada")
    assert ada.send("GET", f"/api/orders/{placed['reference']}/").json() == placed
    assert stock_of(ada, "axe") == before - 25
    assert mails(serving).count(f"Your order {placed['reference']}") == 1


def test_an_order_that_is_too_large_leaves_nothing_behind(
    ada: Customer, serving: ShopServing
) -> None:
    orders = ada.send("GET", "/api/orders/").json()["count"]
    written = mails(serving)
    refused = ada.send_json("/api/orders/", {"sku": "hammer", "quantity": 13}, expect=409)

    assert refused.json() == {"detail": "There are no 13 pieces of hammer left."}
    assert ada.send("GET", "/api/orders/").json()["count"] == orders
    assert stock_of(ada, "hammer") == 12
    assert mails(serving) == written


def test_a_basket_becomes_an_order_and_is_empty_then(ada: Customer) -> None:
    ada.order_two_kinds()

    placed = ada.traffic.exchanges[-1]
    assert b"Thank you for your order" in placed.body
    assert b"<li>" not in ada.send("GET", "/basket/").body


def test_a_form_without_its_token_is_refused(ada: Customer) -> None:
    refused = ada.send_form("/checkout/", {"csrfmiddlewaretoken": "x" * 64}, expect=403)
    assert b"CSRF verification failed" in refused.body


def test_a_picture_is_stored_byte_by_byte(ada: Customer, serving: ShopServing) -> None:
    picture = PNG + bytes(range(256))
    uploaded = ada.send_picture("/products/glue/image", picture, expect=201)

    name = uploaded.body.decode().partition(":")[0]
    assert (serving.data / "media" / name).read_bytes() == picture
    assert uploaded.body.decode() == f"{name}: 264 bytes\n"


def test_the_export_streams_every_order(ada: Customer) -> None:
    references = [order(ada, "file", 1).json()["reference"] for _ in range(3)]

    head, *rows = ada.send("GET", "/exports/orders.csv").body.decode().splitlines()
    assert head == "reference,customer,sku,quantity,total"
    assert [row.split(",")[0] for row in rows[-3:]] == references


def test_the_async_view_shows_what_is_left_and_for_whom(ada: Customer) -> None:
    shown = ada.send("GET", "/stock/").json()
    assert (shown["left"]["hammer"], shown["for"]) == (12, "ada")


def test_passwords_are_no_part_of_what_is_kept(ada: Customer, serving: ShopServing) -> None:
    stored = (serving.data / "shop.db").read_bytes()
    assert b"ada@shop.example" in stored
    for password in PASSWORDS.values():
        assert not re.search(rb"\b" + re.escape(password.encode()) + rb"\b", stored)


def test_a_second_seed_keeps_the_database(ada: Customer, serving: ShopServing) -> None:
    with pytest.raises(ChildFailed, match="UNIQUE constraint failed"):
        serving.seed(HERE)
    assert stock_of(ada, "hammer") == 12


def test_the_settings_have_no_fault_that_django_can_see(serving: ShopServing) -> None:
    command = [sys.executable, "manage.py", "check", "--fail-level", "WARNING"]
    serving.run("check", command, HERE)
