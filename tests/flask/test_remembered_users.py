"""A user whom Flask-Login remembers by a cookie is the same one in a replay, which has none."""

from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_user

from playback_core import TapeRecorder
from playback_core.studio import EqualityStatus
from playback_flask import FlaskPlayback

# Flask-Login asks for its moments by `utcnow`, of which Python warns from 3.12 on: in its name, or
# in ours once the process has replayed.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


class _User(UserMixin):
    def __init__(self, name: str) -> None:
        self.id = name


def _shop(app: Flask) -> None:
    manager = LoginManager(app)
    manager.user_loader(_User)

    @app.post("/login")
    def login() -> str:
        login_user(_User("ann"), remember=True)
        return "welcome"

    @app.get("/me")
    def me() -> Any:
        return {"user": current_user.id if current_user.is_authenticated else None}


@pytest.fixture
def visited(recorded):
    _shop(recorded.app)
    recorded.play_back(REDACT_KEY="a key of these tests, which is long enough")
    with recorded.serve() as server:
        cookies = server.send("POST", "/login").headers["Set-Cookie"]
        remembered = cookies.split(";")[0]
        assert remembered.startswith("remember_token=ann|")
        # As of a browser that was closed meanwhile; and one that guesses.
        assert server.get("/me", {"Cookie": remembered}).body == b'{"user":"ann"}\n'
        guessed = remembered[:-4] + "0000"
        assert server.get("/me", {"Cookie": guessed}).body == b'{"user":null}\n'
    return recorded


def test_a_remembered_user_is_that_user_again(visited):
    assert visited.verdicts() == ["Equal"] * 3


def test_the_cookie_is_not_stored(visited):
    recordings = visited.recordings()
    assert "ann|" not in repr([[r.get_data(key) for key in r.get_all_keys()] for r in recordings])


def test_it_is_so_on_a_machine_without_the_secret_key(visited):
    elsewhere = Flask("elsewhere")
    _shop(elsewhere)
    elsewhere.config["PLAYBACK_ENABLED"] = False
    recorder = TapeRecorder(visited.recorder.readable_cassette())
    FlaskPlayback(elsewhere, recorder)
    visited.recorder = recorder
    comparisons = visited.compare(app=elsewhere)
    assert [each.comparator_status.equality_status for each in comparisons] == [
        EqualityStatus.Equal
    ] * 3
