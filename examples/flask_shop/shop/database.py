"""The shop's SQLite file: where it is, how it is opened, what a new one contains."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from werkzeug.security import generate_password_hash

# Few rounds: these passwords are no secrets.
PASSWORD_HASH = "pbkdf2:sha256:10000"
SCHEMA = """
CREATE TABLE product (sku TEXT PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL);
CREATE TABLE customer (
    name TEXT PRIMARY KEY, full_name TEXT NOT NULL, password_hash TEXT NOT NULL
);
CREATE TABLE placed_order (
    number INTEGER PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL REFERENCES customer,
    sku TEXT NOT NULL REFERENCES product,
    quantity INTEGER NOT NULL,
    unit_price TEXT NOT NULL,
    total TEXT NOT NULL,
    placed_at TEXT NOT NULL
);
"""
PRODUCTS = [
    ("axe", "Felling axe", 100_000),
    ("broom", "Corn broom", 100_000),
    ("chisel", "Wood chisel", 100_000),
    ("drill", "Hand drill", 100_000),
    ("file", "Half-round file", 100_000),
    ("glue", "Hide glue", 100_000),
    ("hammer", "Claw hammer", 12),
    ("jig", "Dovetail jig (no longer made)", 3),
]
CUSTOMERS = [
    ("ada", "Ada Lovelace", "engine"),
    ("bela", "Béla Bartók", "mikrokosmos"),
    ("chen", "Chen Jingrun", "one plus two"),
    ("dora", "Dóra Maurer", "displacement"),
]


def data_folder() -> Path:
    """Return the folder of everything the shop stores."""
    return Path(current_app.config["DATA_FOLDER"])


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """Open the database for one transaction: committed on success, always closed."""
    uri = (data_folder() / "shop.db").absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=rw", uri=True, timeout=10)
    connection.row_factory = sqlite3.Row
    with closing(connection), connection:
        yield connection


def seed() -> None:
    """Make the database with its products and customers; raise FileExistsError if there is one."""
    data_folder().mkdir(parents=True, exist_ok=True)
    path = data_folder() / "shop.db"
    path.touch(exist_ok=False)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        connection.executemany("INSERT INTO product VALUES (?, ?, ?)", PRODUCTS)
        connection.executemany(
            "INSERT INTO customer VALUES (?, ?, ?)",
            [
                (name, full, generate_password_hash(password, PASSWORD_HASH))
                for name, full, password in CUSTOMERS
            ],
        )


@click.command("seed")
@with_appcontext
def seed_command() -> None:
    """Make the shop's database."""
    try:
        seed()
    except FileExistsError as error:
        raise click.ClickException(f"There is a database already: {error.filename}") from None
    click.echo(f"{len(PRODUCTS)} products, {len(CUSTOMERS)} customers")
