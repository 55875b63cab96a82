"""Customers: who they are, and which of them is signed in."""

from flask import abort, session
from werkzeug.security import check_password_hash

from playback_core import CapturedArg, recorder

from .database import transaction


# Only the name is part of the key, so that no password gets into a recording.
@recorder.intercept_input(
    alias="shop.customers.verify_password", capture_args=[CapturedArg(0, "name")]
)
def verify_password(name: str, password: str) -> bool:
    with transaction() as connection:
        row = connection.execute(
            "SELECT password_hash FROM customer WHERE name = ?", (name,)
        ).fetchone()
    return row is not None and check_password_hash(row["password_hash"], password)


@recorder.intercept_input(alias="shop.customers.full_name")
def full_name(name: str) -> str:
    with transaction() as connection:
        row = connection.execute("SELECT full_name FROM customer WHERE name = ?", (name,))
        return str(row.fetchone()["full_name"])


def signed_in_customer() -> str:
    """Return the name of the customer who is signed in, or end the request with a 401."""
    name = session.get("customer")
    if name is None:
        abort(401)
    return str(name)
