"""A token that was redacted at rest is as valid in a replay as it was when it was recorded."""

import datetime
from base64 import urlsafe_b64decode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.interceptors.concealing import OTHER_REDACTOR, REDACTOR, stored
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

KEY = "a key that only the issuer of tokens has"
TOKEN = jwt.encode({"sub": "ann", "aud": "shop"}, KEY)
PSEUDONYM = REDACTOR.pseudonym(TOKEN)


def claims(token=TOKEN, key=KEY, **options):
    return jwt.decode(token, key, algorithms=["HS256"], audience="shop", **options)


def test_the_claims_of_a_token_come_again_for_its_pseudonym():
    runs = Runs(claims, REDACTOR)
    replay = runs.replayed(lambda: claims(PSEUDONYM))
    assert replay.result == runs.result == {"sub": "ann", "aud": "shop"}
    assert replay.is_equal


def test_neither_the_token_nor_the_key_is_stored():
    def work():
        return jwt.decode_complete(TOKEN, KEY, algorithms=["HS256"], audience="shop")["header"]

    runs = Runs(work, REDACTOR)
    kept = stored(runs)
    for secret in (*TOKEN.split("."), KEY):
        assert secret.encode() not in kept
    signature = TOKEN.rpartition(".")[2]
    assert urlsafe_b64decode(signature + "=") not in kept
    assert runs.replayed().result == {"alg": "HS256", "typ": "JWT"}


def test_a_token_that_was_refused_is_refused_again():
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    expired = jwt.encode({"aud": "shop", "exp": yesterday}, KEY)
    tokens = [expired, jwt.encode({"aud": "shop"}, KEY[::-1]), jwt.encode({}, KEY), "none"]

    def refusals(tokens):
        found = []
        for token in tokens:
            with pytest.raises(jwt.InvalidTokenError) as refused:
                claims(token)
            found.append((refused.type, refused.value.args))
        return found

    runs = Runs(lambda: refusals(tokens), REDACTOR)
    assert [kind for kind, _ in runs.result] == [
        jwt.ExpiredSignatureError,
        jwt.InvalidSignatureError,
        jwt.MissingRequiredClaimError,
        jwt.DecodeError,
    ]
    replay = runs.replayed(lambda: refusals(map(REDACTOR.pseudonym, tokens)))
    assert replay.result == runs.result
    assert replay.is_equal


def test_the_header_of_a_token_and_a_public_key():
    private = rsa.generate_private_key(65537, 2048)
    token = jwt.encode({"sub": "ann"}, private, "RS256", headers={"kid": "7"})

    def work(token):
        kid = jwt.get_unverified_header(token)["kid"]
        return kid, jwt.decode(token, private.public_key(), algorithms=["RS256"])

    runs = Runs(lambda: work(token), REDACTOR)
    replay = runs.replayed(lambda: work(REDACTOR.pseudonym(token)))
    assert replay.result == ("7", {"sub": "ann"})
    assert replay.is_equal


def test_a_token_in_bytes_is_the_same_one():
    runs = Runs(claims, REDACTOR)
    replay = runs.replayed(lambda: claims(PSEUDONYM.encode()))
    assert replay.is_equal


def test_another_key_is_answered_as_recorded_and_listed():
    runs = Runs(claims, REDACTOR)
    replay = runs.replayed(
        lambda: claims(PSEUDONYM, "the key of another environment, not that one")
    )
    assert replay.result == runs.result
    assert [(each.alias, each.how) for each in replay.playback.moved] == [
        ("jwt decode", "normalised")
    ]


def test_a_replay_under_another_redaction_key_finds_the_verdict():
    runs = Runs(claims, REDACTOR)
    runs.recorder.redaction = OTHER_REDACTOR
    assert runs.replayed(lambda: claims(PSEUDONYM)).result == runs.result


def test_a_token_that_was_not_recorded_is_verified():
    runs = Runs(claims, REDACTOR)
    other = jwt.encode({"sub": "bob", "aud": "shop"}, KEY)
    assert runs.replayed(lambda: claims(other)).result == {"sub": "bob", "aud": "shop"}

    def refused():
        with pytest.raises(jwt.InvalidTokenError):
            claims(REDACTOR.pseudonym(other))

    assert runs.replayed(refused).playback.missed == []


def test_another_demand_on_the_token_is_no_recorded_one():
    runs = Runs(claims, REDACTOR)

    def stricter():
        with pytest.raises(jwt.InvalidTokenError):
            claims(PSEUDONYM, options={"require": ["exp"]})

    assert [entry.alias for entry in runs.replayed(stricter).playback.never_consumed] == [
        "jwt decode"
    ]


def test_without_redaction_nothing_is_recorded_of_it():
    runs = Runs(claims)
    assert runs.aliases == []
    assert runs.replayed().result == runs.result
