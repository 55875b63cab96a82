"""Extensions of Flask that keep sessions and cached views in Redis replay with it gone."""

import pytest
import redis
from flask import request, session
from flask_caching import Cache
from flask_session import Session

from playback_core.interceptors import uninstall_interceptors
from tests.interceptors.redis_server import redis_server


@pytest.fixture(autouse=True)
def _uninstalled():
    yield
    uninstall_interceptors()


def build(app, port, client):
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=client)
    app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_URL=f"redis://localhost:{port}")
    Session(app)
    cache = Cache(app)

    @app.post("/login")
    def login():
        session["user"] = request.form["name"]
        return {"rate": rate(3)}

    @app.get("/me")
    def me():
        with client.lock("me", timeout=5):
            return {"user": session.get("user")}

    @app.get("/prices")
    @cache.cached(timeout=50)
    def prices():
        return {"rate": rate(3), "user": session.get("user")}

    @cache.memoize(50)
    def rate(number):
        return number * 2


def test_sessions_and_cached_views_in_redis_replay_without_it(recorded):
    with redis_server() as port, redis.Redis(port=port) as client:
        build(recorded.app, port, client)
        recorded.play_back()
        with recorded.serve() as server:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = server.send("POST", "/login", "name=ann", form)
            cookie = answer.headers["Set-Cookie"].split(";")[0]
            for path in ("/me", "/prices", "/prices"):
                assert b'"user":"ann"' in server.get(path, {"Cookie": cookie}).body
    assert recorded.verdicts() == ["Equal"] * 4
    stored = [
        (entry.decoded_arguments(), entry.decoded_result())
        for recording in recorded.recordings()
        for entry in recording.entries
    ]
    assert cookie.partition("=")[2] not in repr(stored)
    # The second time the view was answered from the cache, when it was recorded and again.
    first, second = (each for each in recorded.recordings() if each.category == "prices")
    assert [entry.alias for entry in first.entries].count("redis SET") == 1
    assert [entry.alias for entry in second.entries].count("redis SET") == 0
