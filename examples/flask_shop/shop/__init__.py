"""A small shop: the Flask app that `demo.py` records, changes and replays."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from playback_flask import FlaskPlayback

from . import api, database, site


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the shop; `SHOP_X` in the environment sets `X`, and `config` has the last word.

    `DATA_FOLDER` holds the database, the uploads and the audit log; `flask --app shop seed`
    fills it. `PRICE_SERVICE` is the base URL of the service that knows today's prices.
    """
    app = Flask(__name__)
    app.config.from_mapping(
        DATA_FOLDER=app.instance_path,
        PRICE_SERVICE="http://127.0.0.1:8100",
        SECRET_KEY="an example needs no secret",
        MAX_CONTENT_LENGTH=1_000_000,
    )
    app.config.from_prefixed_env("SHOP")
    app.config.from_mapping(config or {})
    app.register_blueprint(site.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_error_handler(500, site.internal_error)
    app.cli.add_command(database.seed_command)
    FlaskPlayback(app)
    return app
