"""Customers: who they are, and which of them is signed in."""

from flask import abort, session
from werkzeug.security import check_password_hash

from .database import transaction


def verify_password(name: str, password: str) -> bool:
    with transaction() as connection:
        rows = connection.rows("SELECT password_hash FROM customer WHERE name = :name", name=name)
    return bool(rows) and check_password_hash(rows[0]["password_hash"], password)


def full_name(name: str) -> str:
    with transaction() as connection:
        (row,) = connection.rows("SELECT full_name FROM customer WHERE name = :name", name=name)
    return str(row["full_name"])


def signed_in_customer() -> str:
    """Return the name of the customer who is signed in, or end the request with a 401."""
    name = session.get("customer")
    if name is None:
        abort(401)
    return str(name)
