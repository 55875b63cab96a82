"""Redaction of what a request and its answer carry, before anything is stored."""

import json

import pytest
from flask import make_response, request

from playback_core import TapeRecorder
from playback_core.http_exchange import marked_cookie

KEY = TapeRecorder.OPERATION_REQUEST
SECRETS = ("s3cr3t", "t0k3n", "c00kie", "p4ssw0rd", "k3y")


def _everything_stored(recording) -> str:
    stored = [recording.get_data(key) for key in recording.get_all_keys()]
    return repr((stored, recording.get_metadata()))


def test_secrets_in_headers_cookies_queries_and_bodies_are_stored_as_pseudonyms(recorded):
    @recorded.app.post("/")
    def view():
        response = make_response({"access_token": "t0k3n-out", "name": request.json["name"]})
        response.set_cookie("tracking", "c00kie-out", httponly=True)
        return response

    recorded.play_back(REDACT="X-Signature,pin", REDACT_KEY="a key of the tests")
    headers = {
        "Authorization": "Bearer s3cr3t",
        "Cookie": "tracking=c00kie-in; other=c00kie-2",
        "Proxy-Authorization": "Basic s3cr3t",
        "X-Signature": "s3cr3t-signature",
        "Content-Type": "application/json",
        "Referer": "http://shop/?api_key=k3y-1",
    }
    body = json.dumps({"password": "p4ssw0rd", "name": "ann", "pin": "k3y-2"}).encode()
    with recorded.serve() as server:
        answer = server.send("POST", "/?api_key=k3y-3&page=2", body, headers)
    assert json.loads(answer.body)["access_token"] == "t0k3n-out"

    recording = recorded.recording()
    stored = _everything_stored(recording)
    assert [secret for secret in SECRETS if secret in stored] == []
    environ = recording.get_data(KEY)["environ"]
    assert environ["HTTP_AUTHORIZATION"].startswith("Bearer psd_")
    assert environ["HTTP_COOKIE"].startswith("tracking=psd_")
    assert "page=2" in environ["QUERY_STRING"]
    assert int(environ["CONTENT_LENGTH"]) == len(recording.get_data(KEY)["body"])
    assert recorded.verdicts() == ["Equal"]


@pytest.mark.parametrize("name", ["Server_Software", "has_secret_key", "message"])
def test_a_named_field_is_hidden_also_where_the_recorder_has_named_it(recorded, response_of, name):
    @recorded.app.errorhandler(ValueError)
    def refuse(error):
        return "refused", 400

    @recorded.app.get("/")
    def view():
        raise ValueError("why not")

    recorded.play_back(REDACT=name)
    with recorded.serve() as server:
        assert server.get("/").status == 400

    recording = recorded.recording()
    request, (caught,) = recording.get_data(KEY), response_of(recording)["exceptions"]
    shown = {
        "Server_Software": request["environ"]["SERVER_SOFTWARE"],
        "has_secret_key": request["app"]["has_secret_key"],
        "message": caught["message"],
    }
    hidden = [field for field, value in shown.items() if str(value).startswith("psd_")]
    # Booleans tell nothing and stay.
    assert hidden == ([] if name == "has_secret_key" else [name])


def test_a_form_field_is_redacted_and_the_form_still_replays(recorded):
    @recorded.recorder.intercept_input("verify", capture_args=[])
    def verify(password: str) -> bool:
        return password == "p4ssw0rd"

    recorded.app.add_url_rule(
        "/", "login", lambda: str(verify(request.form["password"])), methods=["POST"]
    )
    recorded.play_back()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with recorded.serve() as server:
        assert server.send("POST", "/", "password=p4ssw0rd&x=1", form).body == b"True"
    assert "p4ssw0rd" not in _everything_stored(recorded.recording())
    assert recorded.verdicts() == ["Equal"]


@pytest.mark.parametrize(
    ("cookie", "marked"),
    [
        ("session=eyJ.a.b; HttpOnly; Path=/", "session=<session>; HttpOnly; Path=/"),
        (
            "session=eyJ.a.b; Expires=Wed, 25 Nov 2026 00:00:00 GMT; Path=/",
            "session=<session>; Path=/",
        ),
        (
            "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/",
            "session=; Max-Age=0; Path=/",
        ),
    ],
)
def test_the_session_cookie_keeps_its_attributes_but_for_value_and_expiry(cookie, marked):
    assert marked_cookie(cookie) == marked


def test_what_patterns_match_is_hidden_in_all_parts_of_an_exchange_and_it_still_replays(recorded):
    @recorded.recorder.intercept_input("find")
    def find(statement: str) -> str:
        return f"a row with {statement[-8:]}"

    @recorded.app.post("/<who>")
    def view(who):
        row = find(f"SELECT * FROM t WHERE t = {request.json['ids'][0]}")
        response = make_response(f"{who} {row} {request.args['mail']}")
        response.headers["X-Seen"] = request.headers["X-Seen"]
        return response

    recorded.play_back(REDACT=r"/\btok_\w{4}\b/, value:email", REDACT_KEY="a key of the tests")
    with recorded.serve() as server:
        answer = server.send(
            "POST",
            "/to%6B_p4th?mail=ann%40example.org",
            json.dumps({"ids": ["tok_b0dy"]}).encode(),
            {"Content-Type": "application/json", "X-Seen": "tok_h34d"},
        )
    assert answer.body == b"tok_p4th a row with tok_b0dy ann@example.org"

    recording = recorded.recording()
    stored = _everything_stored(recording)
    assert [part for part in ("p4th", "b0dy", "h34d", "ann%", "ann@") if part in stored] == []
    environ = recording.get_data(KEY)["environ"]
    assert int(environ["CONTENT_LENGTH"]) == len(recording.get_data(KEY)["body"])
    assert environ["QUERY_STRING"].endswith("%40example.org")
    assert recorded.verdicts() == ["Equal"]


def test_a_request_that_holds_what_is_forbidden_is_answered_and_not_stored(recorded):
    recorded.app.add_url_rule("/", "home", lambda: request.args["q"])
    recorded.play_back(FORBID="marker=/top-s3cr3t/")
    with recorded.serve() as server:
        assert server.send("GET", "/?q=top-s3cr3t").body == b"top-s3cr3t"
        assert server.send("GET", "/?q=top%2Ds3cr3t").body == b"top-s3cr3t"
        assert server.send("GET", "/?q=fine").body == b"fine"

    assert "q=fine" in _everything_stored(recorded.recording())
