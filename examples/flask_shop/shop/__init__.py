"""A small shop: the Flask app that `demo.py` records, changes and replays."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from playback_flask import FlaskPlayback

from . import api, cache, database, seeding, site


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the shop; `SHOP_X` in the environment sets `X`, and `config` has the last word.

    `DATABASE_URL` is where the database is, unless it is a SQLite file in `DATA_FOLDER`; `flask
    --app shop seed` fills it. `PRICE_SERVICE` is the base URL of the service that knows today's
    prices, `REDIS_URL` the redis for what is kept for a second and for the audit log.
    """
    app = Flask(__name__)
    app.config.from_mapping(
        DATABASE_URL=None,
        DATA_FOLDER=app.instance_path,
        PRICE_SERVICE="http://127.0.0.1:8100",
        REDIS_URL="redis://127.0.0.1:6379/0",
        SECRET_KEY="an example needs no secret",
        MAX_CONTENT_LENGTH=1_000_000,
    )
    app.config.from_prefixed_env("SHOP")
    app.config.from_mapping(config or {})
    app.register_blueprint(site.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_error_handler(500, site.internal_error)
    app.cli.add_command(seeding.seed_command)
    FlaskPlayback(app)
    app.extensions["shop.database"] = database.database_of(app)
    app.extensions["shop.redis"] = cache.client_of(app)
    return app
