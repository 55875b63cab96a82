"""What a new database contains, and the command that makes one."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from werkzeug.security import generate_password_hash

from .database import Database, SQLite

# Few rounds: these passwords are no secrets.
PASSWORD_HASH = "pbkdf2:sha256:10000"
TABLES = (
    "CREATE TABLE product (sku TEXT PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL)",
    "CREATE TABLE picture (sku TEXT PRIMARY KEY REFERENCES product, content {binary} NOT NULL)",
    "CREATE TABLE customer ("
    " name TEXT PRIMARY KEY, full_name TEXT NOT NULL, password_hash TEXT NOT NULL)",
    "CREATE TABLE placed_order ("
    " number {numbered},"
    " reference TEXT NOT NULL UNIQUE,"
    " customer TEXT NOT NULL REFERENCES customer,"
    " sku TEXT NOT NULL REFERENCES product,"
    " quantity INTEGER NOT NULL,"
    " unit_price TEXT NOT NULL,"
    " total TEXT NOT NULL,"
    " placed_at TEXT NOT NULL)",
)
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


def seed(database: Database) -> None:
    """Make the tables with products and customers; raise FileExistsError if there is a file."""
    if isinstance(database, SQLite):
        _make_file(database.path)
    with database.transaction() as connection:
        for table in TABLES:
            connection.change(table.format(numbered=database.numbered, binary=database.binary))
        for sku, name, stock in PRODUCTS:
            connection.change(
                "INSERT INTO product VALUES (:sku, :name, :stock)", sku=sku, name=name, stock=stock
            )
        for name, full_name, password in CUSTOMERS:
            connection.change(
                "INSERT INTO customer VALUES (:name, :full_name, :password_hash)",
                name=name,
                full_name=full_name,
                password_hash=generate_password_hash(password, PASSWORD_HASH),
            )


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(exist_ok=False)
    database = SQLite(path)
    with database.transaction() as connection:
        connection.rows("PRAGMA journal_mode = WAL")


@click.command("seed")
@with_appcontext
def seed_command() -> None:
    """Make the shop's database."""
    try:
        seed(current_app.extensions["shop.database"])
    except FileExistsError as error:
        raise click.ClickException(f"There is a database already: {error.filename}") from None
    click.echo(f"{len(PRODUCTS)} products, {len(CUSTOMERS)} customers")
