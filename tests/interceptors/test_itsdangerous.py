"""A signed value that was redacted at rest is as valid in a replay as it was when recorded."""

import time

import pytest
import time_machine
from itsdangerous import (
    BadSignature,
    BadTimeSignature,
    SignatureExpired,
    Signer,
    TimestampSigner,
    URLSafeSerializer,
    URLSafeTimedSerializer,
)

from tests.interceptors.concealing import OTHER_REDACTOR, REDACTOR, stored
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

KEY = "a key that signs links"
TIMED = URLSafeTimedSerializer(KEY, salt="confirm")
PLAIN = URLSafeSerializer([KEY, "a newer key that signs links"])


def refusal(load, *args, **kwargs):
    with pytest.raises(BadSignature) as refused:
        load(*args, **kwargs)
    return type(refused.value), refused.value.args, refused.value.message


@pytest.mark.parametrize(
    ("load", "token", "value"),
    [
        (lambda token: TIMED.loads(token, max_age=3_000), TIMED.dumps({"id": 7}), {"id": 7}),
        (lambda token: PLAIN.loads(token), PLAIN.dumps(["a", 1]), ["a", 1]),
        (lambda token: PLAIN.loads_unsafe(token), PLAIN.dumps(1), (True, 1)),
        (lambda token: TIMED.loads_unsafe(token, max_age=3_000), TIMED.dumps("x"), (True, "x")),
        (lambda token: Signer(KEY).unsign(token), Signer(KEY).sign("value").decode(), b"value"),
        (
            lambda token: TimestampSigner(KEY).unsign(token),
            TimestampSigner(KEY).sign("value").decode(),
            b"value",
        ),
        (
            lambda token: TimestampSigner(KEY).validate(token),
            TimestampSigner(KEY).sign("value").decode(),
            True,
        ),
    ],
    # Not the values themselves, which are others each time.
    ids=["timed", "plain", "plain unsafe", "timed unsafe", "signer", "time unsigned", "time valid"],
)
def test_what_was_signed_comes_again_for_the_pseudonym(load, token, value):
    runs = Runs(lambda: load(token), REDACTOR)
    assert runs.result == value
    assert token.rpartition(".")[2].encode() not in stored(runs)
    assert KEY.encode() not in stored(runs)
    replay = runs.replayed(lambda: load(REDACTOR.pseudonym(token)))
    assert replay.result == value
    assert replay.is_equal


def test_what_was_refused_is_refused_again_without_being_stored():
    tokens = [TIMED.dumps(1)[:-2] + "xx", URLSafeTimedSerializer("other").dumps("secret text")]

    def work(tokens):
        return [refusal(TIMED.loads, token, max_age=3_000)[0] for token in tokens]

    runs = Runs(lambda: work(tokens), REDACTOR)
    assert runs.result == [BadTimeSignature, BadTimeSignature]
    kept = stored(runs)
    for token in tokens:
        for part in token.split("."):
            assert part.encode() not in kept
    replay = runs.replayed(lambda: work(map(REDACTOR.pseudonym, tokens)))
    assert replay.result == runs.result
    assert replay.is_equal


def test_what_had_expired_has_expired_again():
    with time_machine.travel(time.time() - 3_600):
        token = TIMED.dumps({"id": 7})

    def work(token):
        with pytest.raises(SignatureExpired) as refused:
            TIMED.loads(token, max_age=3_000)
        error = refused.value
        return error.args, error.date_signed, TIMED.load_payload(error.payload)

    runs = Runs(lambda: work(token), REDACTOR)
    assert runs.result[2] == {"id": 7}
    assert runs.replayed(lambda: work(REDACTOR.pseudonym(token))).result == runs.result


def test_a_value_that_was_not_redacted_is_verified_under_another_redaction_key():
    # It was in a path, say; the date of the replay is the recorded one.
    token = TIMED.dumps({"id": 7})
    runs = Runs(lambda: TIMED.loads(token, max_age=3_000), REDACTOR)
    runs.recorder.redaction = OTHER_REDACTOR
    with time_machine.travel(time.time() + 90 * 86400):
        assert runs.replayed().result == {"id": 7}


def test_another_age_is_judged_anew():
    token = TIMED.dumps({"id": 7})
    runs = Runs(lambda: TIMED.loads(token, max_age=3_000), REDACTOR)
    replay = runs.replayed(lambda: refusal(TIMED.loads, token, max_age=-1)[0])
    assert replay.result is SignatureExpired


def test_without_redaction_nothing_is_recorded_of_it():
    token = PLAIN.dumps(1)
    assert Runs(lambda: PLAIN.loads(token)).aliases == []
