"""The shop's redis: pages that are a second old at most, and the audit log."""

import redis
from flask import Flask, current_app

AUDIT_LOG = "shop:audit"


def client_of(app: Flask) -> redis.Redis:
    """Return a client of the redis that `REDIS_URL` says; it connects when it is first used."""
    return redis.Redis.from_url(app.config["REDIS_URL"], decode_responses=True)


def client() -> redis.Redis:
    """Return the application's client."""
    found: redis.Redis = current_app.extensions["shop.redis"]
    return found
