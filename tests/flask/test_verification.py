"""Who was logged in when a request was recorded is logged in when it is replayed."""

import hmac
import secrets
from hashlib import sha256
from typing import Any

import jwt
import pytest
from flask import Flask, abort, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.security import check_password_hash, generate_password_hash

from playback_core import TapeRecorder
from playback_core.studio import EqualityStatus
from playback_flask import FlaskPlayback

SIGNING_KEY = "a key that only this application has"
API_KEY = "live-0a8f-the-key-of-a-client"
LINKS = URLSafeTimedSerializer(SIGNING_KEY, salt="unsubscribe")
USERS = {"ann": generate_password_hash("correct horse", "pbkdf2:sha256:1")}


def _shop(app: Flask, signing_key: str = SIGNING_KEY, api_key: str = API_KEY) -> None:
    @app.post("/login")
    def login() -> Any:
        if not check_password_hash(USERS["ann"], request.form["password"]):
            abort(401)
        return {"access_token": jwt.encode({"sub": "ann"}, signing_key)}

    @app.get("/me")
    def me() -> Any:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        try:
            return {"user": jwt.decode(token, signing_key, algorithms=["HS256"])["sub"]}
        except jwt.InvalidTokenError:
            abort(401)

    @app.get("/unsubscribe")
    def unsubscribe() -> Any:
        try:
            return {"address": LINKS.loads(request.args["token"], max_age=3600)}
        except BadSignature:
            abort(403)

    _stock(app, api_key)


def _stock(app: Flask, api_key: str) -> None:
    @app.get("/stock")
    def stock() -> Any:
        if not hmac.compare_digest(request.headers["X-Api-Key"], api_key):
            abort(403)
        return {"stock": 3}

    @app.get("/stock/by/name")
    def stock_by_another_name() -> Any:
        if not secrets.compare_digest(request.headers["X-Api-Key"].encode(), api_key.encode()):
            abort(403)
        return {"stock": 3}


def _visit(server: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = server.send("POST", "/login", "password=correct+horse", form)
    assert answer.status == 200
    token = jwt.encode({"sub": "ann"}, SIGNING_KEY)
    answers = [
        server.get("/me", {"Authorization": f"Bearer {token}"}),
        server.get(f"/unsubscribe?token={LINKS.dumps('ann@example.com')}"),
        server.get("/stock", {"X-Api-Key": API_KEY}),
        server.get("/stock/by/name", {"X-Api-Key": API_KEY}),
    ]
    assert [each.status for each in answers] == [200] * 4
    refused = [
        server.send("POST", "/login", "password=guessed", form),
        server.get("/me", {"Authorization": f"Bearer {token[::-1]}"}),
        server.get("/unsubscribe?token=guessed"),
        server.get("/stock", {"X-Api-Key": "guessed"}),
    ]
    assert [each.status for each in refused] == [401, 401, 403, 403]


@pytest.fixture
def visited(recorded):
    """The shop as it was recorded: no recording has a secret."""
    _shop(recorded.app)
    recorded.play_back(REDACT_KEY="a key of these tests, which is long enough")
    with recorded.serve() as server:
        _visit(server)
    return recorded


def test_every_answer_is_equal(visited):
    assert visited.verdicts() == ["Equal"] * 9


def test_no_secret_is_stored(visited):
    stored = repr(
        [[each.get_data(key) for key in each.get_all_keys()] for each in visited.recordings()]
    )
    for secret in ("correct horse", "guessed", API_KEY, SIGNING_KEY, "eyJ"):
        assert secret not in stored


def test_every_answer_is_equal_in_an_environment_with_other_keys(visited):
    elsewhere = Flask("elsewhere")
    recorder = TapeRecorder(visited.recorder.readable_cassette())
    elsewhere.config["PLAYBACK_ENABLED"] = False
    _shop(elsewhere, "a key of the environment of tests", "the key of a client in tests")
    FlaskPlayback(elsewhere, recorder)
    visited.recorder = recorder
    comparisons = visited.compare(app=elsewhere)
    assert [each.comparator_status.equality_status for each in comparisons] == [
        EqualityStatus.Equal
    ] * 9
    assert all("normalised" in str(each.comparator_status.message) for each in comparisons)


def test_a_digest_of_a_redacted_field_is_not_verified(recorded):
    @recorded.app.post("/digest")
    def digest() -> Any:
        password = request.form["password"]
        return {"digest": sha256(password.encode()).hexdigest(), "user": request.form["user"]}

    recorded.play_back()
    with recorded.serve() as server:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        server.send("POST", "/digest", "password=correct+horse&user=ann", form)
    (comparison,) = recorded.compare()
    assert "not verified: 1 redacted value(s) (response body $.digest)" in str(comparison)
    assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure


def test_code_that_lets_everybody_in_is_different(visited):
    careless = Flask("careless")

    @careless.get("/stock")
    def stock() -> Any:
        return {"stock": 3}

    FlaskPlayback(careless, visited.recorder)
    stocks = [each for each in visited.recordings() if each.category == "stock"]
    verdicts = visited.verdicts(*stocks, app=careless)
    assert sorted(each.partition(" ")[0] for each in verdicts) == ["Different", "Equal"]
