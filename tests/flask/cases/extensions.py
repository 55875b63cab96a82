"""A factory of an application that uses what applications of Flask use; see test_extensions.py."""

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask_restx
import flask_smorest
from flask import Blueprint, Flask, Response, after_this_request, jsonify, request
from flask.views import MethodView
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
)
from flask_sock import Sock
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.exceptions import Conflict

from playback_core import recorder
from playback_flask import FlaskPlayback


class Base(DeclarativeBase):
    """The base of the models."""


db: SQLAlchemy = SQLAlchemy(model_class=Base)


class Account(db.Model):  # type: ignore[name-defined]
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


@dataclass
class User(UserMixin):
    """Who is logged in."""

    id: int
    name: str


@recorder.intercept_input("find account")
def find_account(name: str) -> User | None:
    row = db.session.execute(db.select(Account).filter_by(name=name)).scalar_one_or_none()
    return None if row is None else User(row.id, row.name)


@recorder.intercept_input("load user")
def load_user(user_id: str) -> User | None:
    row = db.session.get(Account, int(user_id))
    return None if row is None else User(row.id, row.name)


@recorder.intercept_input("add account")
def add_account(name: str) -> int:
    account = Account(name=name)
    db.session.add(account)
    db.session.commit()
    return account.id


class Accounts(MethodView):
    """One class for several methods."""

    def get(self) -> Any:
        user = find_account(request.args["who"])
        return jsonify(None if user is None else user.id)

    def post(self) -> Any:
        return {"id": add_account(request.args["who"])}, 201


def add_plain_views(app: Flask) -> None:
    @app.before_request
    def refuse() -> tuple[str, int] | None:
        return ("not today", 503) if "refuse" in request.args else None

    @app.get("/refused")
    def refused() -> str:
        return "never seen"

    @app.get("/stamped")
    def stamped() -> str:
        @after_this_request
        def stamp(response: Response) -> Response:
            response.headers["X-Stamp"] = request.args["who"]
            return response

        return "stamped"

    @app.post("/upload")
    def upload() -> dict[str, int]:
        size = 0
        while piece := request.stream.read(64 * 1024):
            size += len(piece)
        return {"size": size}

    @app.get("/peak")
    def peak() -> str:
        return str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

    @app.get("/hanging")
    def hanging() -> str:
        (Path(app.instance_path) / "hanging").touch()
        time.sleep(60)
        return "too late"


def add_login(app: Flask) -> None:
    manager = LoginManager(app)
    manager.user_loader(load_user)

    @app.post("/log-in")
    def log_in() -> str:
        login_user(find_account(request.args["who"]))
        return "welcome"

    @app.post("/remember-me")
    def remember_me() -> str:
        login_user(find_account(request.args["who"]), remember=True)
        return "welcome back"

    @app.get("/private")
    @login_required
    def private() -> str:
        return str(current_user.name)


def add_restx(app: Flask) -> None:
    blueprint = Blueprint("restx", "restx", url_prefix="/restx")
    api = flask_restx.Api(blueprint)

    @api.errorhandler(LookupError)
    def missing(error: LookupError) -> tuple[dict[str, str], int]:
        return {"message": f"no {error}"}, 404

    @api.route("/item/<name>")
    class Item(flask_restx.Resource):  # type: ignore[misc]
        def get(self, name: str) -> dict[str, str]:
            if name == "missing":
                raise LookupError(name)
            if name == "conflict":
                raise Conflict("taken")
            return {"name": name}

    app.register_blueprint(blueprint)


class ItemSchema(Schema):
    name = fields.String(required=True)


def add_smorest(app: Flask) -> None:
    app.config.update(API_TITLE="items", API_VERSION="1", OPENAPI_VERSION="3.0.2")
    blueprint = flask_smorest.Blueprint("smorest", "smorest", url_prefix="/smorest")

    @blueprint.route("/item")
    class Items(MethodView):
        @blueprint.arguments(ItemSchema)
        @blueprint.response(201, ItemSchema)
        def post(self, item: dict[str, str]) -> dict[str, str]:
            return item

    flask_smorest.Api(app).register_blueprint(blueprint)


def add_websocket(app: Flask) -> None:
    sock = Sock(app)

    @sock.route("/echo")
    def echo(connection: Any) -> None:
        while (text := connection.receive()) != "end":
            connection.send(f"{text} {find_account('websocket')}")


def create_app() -> Flask:
    """Make the application; the playback comes in the midst of the others."""
    folder = Path(os.environ["CASES_FOLDER"])
    app = Flask("extensions", instance_path=str(folder))
    app.config.update(
        SECRET_KEY="a secret of the tests",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'accounts.db'}",
        PLAYBACK_CASSETTE="sqlite:///extensions.db",
        PLAYBACK_EXCLUDE="peak",
        PLAYBACK_RESPONSE_HEADER="X-Recording",
    )
    db.init_app(app)
    add_restx(app)
    FlaskPlayback(app)
    add_login(app)
    add_smorest(app)
    add_websocket(app)
    add_plain_views(app)
    app.add_url_rule("/accounts", view_func=Accounts.as_view("accounts"))
    return app


def create_database() -> None:
    app = create_app()
    with app.app_context():
        db.create_all()
