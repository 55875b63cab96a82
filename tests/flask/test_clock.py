"""Requests replay equal under another date: tokens, cookies, ids, jitter, moments of now."""

import random
import secrets
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, request, session
from itsdangerous import URLSafeTimedSerializer

from playback_core import clock
from playback_core.metadata import CLOCK_READS, RANDOM_READS

DAYS = 90
SERIALIZER = URLSafeTimedSerializer("a key of the tests")


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that moves the date below what is wrapped to record it."""

    def move() -> None:
        clock.uninstall()
        real, real_ns = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: real() + DAYS * 86_400)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + DAYS * 86_400 * 10**9)

    yield move
    clock.uninstall()


def _confirmations(app: Flask) -> None:
    @app.post("/sign")
    def sign():
        session["seen"] = time.time()
        return {
            "confirm": SERIALIZER.dumps({"user": "ann"}),
            "reference": str(uuid.uuid4()),
            "code": secrets.token_hex(4),
            "created_at": datetime.now(UTC).isoformat(),
            "expires": (datetime.now(UTC) + timedelta(hours=1)).timestamp(),
            "retry_in": random.uniform(1, 2),
        }

    @app.post("/confirm")
    def confirm():
        loaded, signed = SERIALIZER.loads(request.get_data(), max_age=60, return_timestamp=True)
        answer = app.make_response({"user": loaded["user"], "signed": signed.isoformat()})
        answer.set_cookie("confirmed", "yes", expires=datetime.now(UTC) + timedelta(days=7))
        answer.last_modified = datetime.now(UTC)
        return answer


def test_a_request_is_equal_under_another_date(recorded, days_later):
    _confirmations(recorded.app)
    recorded.play_back()
    with recorded.serve() as server:
        signed = server.send("POST", "/sign")
        assert signed.status == 200
        token = signed.body.split(b'"confirm":"')[1].split(b'"')[0]
        assert server.send("POST", "/confirm", token).status == 200
    days_later()
    with pytest.raises(Exception, match="Signature age"):
        SERIALIZER.loads(token, max_age=60)

    verdicts = recorded.verdicts()
    assert [verdict.split(" ")[0] for verdict in verdicts] == ["Equal", "Equal"], verdicts
    assert all("made up" not in verdict for verdict in verdicts)


def test_a_token_that_had_expired_is_still_refused(recorded, days_later):
    _confirmations(recorded.app)
    recorded.play_back()
    recorded.app.config["PROPAGATE_EXCEPTIONS"] = False
    real = time.time
    time.time = lambda: real() - 3_600
    token = SERIALIZER.dumps({"user": "ann"})
    time.time = real
    with recorded.serve() as server:
        assert server.send("POST", "/confirm", token).status == 500
    days_later()
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("Equal")


def test_a_wrong_expiry_shows(recorded, days_later):
    _confirmations(recorded.app)
    recorded.play_back()
    with recorded.serve() as server:
        server.send("POST", "/sign")
    changed = Flask("changed")
    changed.config["SECRET_KEY"] = "a secret of the tests"

    @changed.post("/sign", endpoint="sign")
    def sign():
        session["seen"] = time.time()
        return {
            "confirm": SERIALIZER.dumps({"user": "ann"}),
            "reference": str(uuid.uuid4()),
            "code": secrets.token_hex(4),
            "created_at": datetime.now(UTC).isoformat(),
            "expires": (datetime.now(UTC) + timedelta(hours=2)).timestamp(),
            "retry_in": random.uniform(1, 2),
        }

    from playback_flask import FlaskPlayback

    FlaskPlayback(changed, recorded.recorder)
    days_later()
    (comparison,) = recorded.compare(app=changed)
    status = comparison.comparator_status
    assert str(status).startswith("Different")
    assert [each.path for each in status.diff.found] == ["response body $.expires"]


def test_a_request_that_reads_no_clock_has_no_entry_of_it(recorded):
    recorded.app.add_url_rule("/", "home", lambda: "home")
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    aliases = {entry.alias for entry in recorded.recording().entries}
    assert not aliases & {CLOCK_READS, RANDOM_READS}
