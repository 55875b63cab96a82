"""Sessions: a logged-in request replays without its cookie, and what is saved is compared."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request, session
from flask.sessions import SecureCookieSession, SessionInterface, SessionMixin

from playback_core import TapeRecorder
from playback_flask import FlaskPlayback

KEY = TapeRecorder.OPERATION_REQUEST


def _shop(app: Flask) -> None:
    @app.post("/login")
    def login():
        session["user"] = request.form["name"]
        return "welcome"

    @app.get("/me")
    def me():
        return {"user": session.get("user")}

    @app.post("/logout")
    def logout():
        session.clear()
        return "bye"


def _visit(server: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    cookie = server.send("POST", "/login", "name=ann", form).headers["Set-Cookie"].split(";")[0]
    assert server.get("/me", {"Cookie": cookie}).body == b'{"user":"ann"}\n'
    server.send("POST", "/logout", headers={"Cookie": cookie})


def test_a_logged_in_request_replays_without_its_cookie(recorded):
    _shop(recorded.app)
    recorded.play_back()
    with recorded.serve() as server:
        _visit(server)
    me = next(each for each in recorded.recordings() if each.category == "me")
    cookie = me.get_data(KEY)["environ"]["HTTP_COOKIE"]
    assert cookie.startswith("session=psd_")
    assert recorded.verdicts() == ["Equal"] * 3


def test_it_replays_on_a_machine_without_the_secret_key(recorded):
    _shop(recorded.app)
    recorded.play_back()
    with recorded.serve() as server:
        _visit(server)
    elsewhere = Flask("elsewhere")
    _shop(elsewhere)
    FlaskPlayback(elsewhere, recorded.recorder)
    assert recorded.verdicts(app=elsewhere) == ["Equal"] * 3
    assert elsewhere.config["SECRET_KEY"] is None


def test_no_signed_text_is_stored(recorded, response_of):
    _shop(recorded.app)
    recorded.play_back()
    with recorded.serve() as server:
        _visit(server)
    login = next(each for each in recorded.recordings() if each.category == "login")
    cookies = [value for name, value in response_of(login)["headers"] if name == "Set-Cookie"]
    assert cookies == ["session=<session>; HttpOnly; Path=/"]
    assert "eyJ" not in repr([login.get_data(key) for key in login.get_all_keys()])


@pytest.mark.parametrize(
    "changed",
    [
        lambda: session.update(user="bob"),
        lambda: session.update(user="ann", role="admin"),
        lambda: None,
        lambda: (session.update(user="ann"), setattr(session, "permanent", True)),
    ],
)
def test_a_session_saved_otherwise_is_a_difference(recorded, changed):
    saves = [lambda: session.update(user="ann"), changed]
    recorded.app.add_url_rule("/", "login", lambda: (saves.pop(0)() and "") or "welcome")
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("Different")
    assert "flask.save_session" in verdict


def test_cookie_attributes_and_lifetime_are_compared(recorded):
    recorded.app.add_url_rule("/", "login", lambda: session.update(user="ann") or "welcome")
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    recorded.app.config["SESSION_COOKIE_SECURE"] = True
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("Different")
    assert "secure" in verdict


def test_a_permanent_session_is_equal_though_its_expiry_moves(recorded, response_of):
    def login() -> str:
        session.permanent = True
        session["user"] = "ann"
        return "welcome"

    recorded.app.permanent_session_lifetime = timedelta(days=3)
    recorded.app.add_url_rule("/", "login", login)
    recorded.play_back()
    with recorded.serve() as server:
        assert "Expires" in server.get("/").headers["Set-Cookie"]
    assert "Expires" not in str(response_of(recorded.recording())["headers"])
    assert recorded.verdicts() == ["Equal"]


def test_without_a_secret_key_it_works_as_without_us(recorded):
    recorded.app.config["SECRET_KEY"] = None
    recorded.app.logger.disabled = True
    recorded.app.add_url_rule("/read", "read", lambda: {"user": session.get("user")})
    recorded.app.add_url_rule("/write", "write", lambda: session.update(user="ann") or "no")
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/read", {"Cookie": "session=x.y.z"}).body == b'{"user":null}\n'
        assert server.get("/write").status == 500
    assert recorded.verdicts() == ["Equal"] * 2


class _StoredSession(SecureCookieSession):
    sid = ""


class _StoredSessions(SessionInterface):
    """Sessions on a server, as extensions have them: a store, and an id in the cookie."""

    session_class = _StoredSession

    def __init__(self) -> None:
        self.store: dict[str, dict[str, Any]] = {}
        self.writes = 0

    def open_session(self, app: Flask, request: Any) -> _StoredSession:
        sid = request.cookies.get("session") or "sid-of-ann"
        opened = _StoredSession(self.store.get(sid, {}))
        opened.sid = sid
        return opened

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        self.writes += 1
        self.store[session.sid] = dict(session)  # type: ignore[attr-defined]
        response.set_cookie("session", session.sid)  # type: ignore[attr-defined]


def test_a_session_store_is_neither_read_nor_written_by_a_replay(recorded):
    _shop(recorded.app)
    recorded.play_back()
    # Set after us, as extensions may be.
    sessions = recorded.app.session_interface = _StoredSessions()
    with recorded.serve() as server:
        _visit(server)
    assert sessions.writes == 3
    sessions.store.clear()
    me = next(each for each in recorded.recordings() if each.category == "me")
    assert "sid-of-ann" not in repr([me.get_data(key) for key in me.get_all_keys()])
    assert recorded.verdicts() == ["Equal"] * 3
    assert (sessions.store, sessions.writes) == ({}, 3)


def test_uninstalling_gives_the_session_interface_back(recorded):
    before = recorded.app.session_interface
    _shop(recorded.app)
    extension = recorded.play_back()
    with recorded.serve() as server:
        server.get("/me")
    assert recorded.app.session_interface is not before
    assert isinstance(recorded.app.session_interface, type(before))
    extension.uninstall(recorded.app)
    assert recorded.app.session_interface is before


def test_a_form_with_a_csrf_token_and_a_token_of_its_user_replays(recorded):
    app: Flask = recorded.app
    tokens = iter(("of-the-form", "of-the-api"))
    gives_token = recorded.recorder.intercept_input("new token")(lambda: next(tokens))

    @app.get("/form")
    def form():
        session["csrf_token"], session["token"] = gives_token(), gives_token()
        return f"<input name=csrf_token value={session['csrf_token']}>"

    @app.post("/form")
    def sent():
        same = (request.form[name] == session[name] for name in ("csrf_token", "token"))
        return {"token": session["token"]} if all(same) else ("forged", 403)

    recorded.play_back()
    with recorded.serve() as server:
        page = server.get("/form")
        cookie = page.headers["Set-Cookie"].split(";")[0]
        body = "csrf_token=of-the-form&token=of-the-api"
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        assert server.send("POST", "/form", body, headers).status == 200
    assert recorded.verdicts() == ["Equal"] * 2
    sent_form = next(each for each in recorded.recordings() if each.category == "sent")
    assert "of-the-api" not in repr([entry.decoded_result() for entry in sent_form.entries])
    assert "of-the-api" not in repr([entry.decoded_arguments() for entry in sent_form.entries])
