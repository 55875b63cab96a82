"""Two secrets that were the same when it was recorded are the same in a replay."""

import hashlib
import hmac
import secrets
import subprocess
import sys
from hmac import compare_digest

import pytest

from tests.interceptors.concealing import OTHER_REDACTOR, REDACTOR, stored
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

API_KEY = "live-0a8f-the-key-of-a-client"
SENT = REDACTOR.pseudonym(API_KEY)


@pytest.mark.parametrize("module", [hmac, secrets])
def test_a_key_is_the_right_one_also_where_it_was_redacted(module):
    def compare(a, b):
        return module.compare_digest(a, b)

    runs = Runs(
        lambda: (compare(API_KEY, API_KEY), compare(b"guessed", API_KEY.encode())), REDACTOR
    )
    assert runs.result == (True, False)
    assert API_KEY.encode() not in stored(runs)
    guessed = REDACTOR.pseudonym("guessed").encode()
    replay = runs.replayed(lambda: (compare(SENT, API_KEY), compare(guessed, API_KEY.encode())))
    assert replay.result == (True, False)
    assert replay.is_equal


def test_who_has_it_by_name_is_recorded_too():
    # This module has, and was imported before anything was intercepted.
    runs = Runs(lambda: compare_digest(API_KEY, API_KEY), REDACTOR)
    assert runs.aliases == ["hmac compare_digest"]


def test_a_signature_over_what_was_redacted_is_as_valid_as_it_was():
    def verify(body, signature):
        expected = hmac.new(b"shared", body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, signature)

    body = b'{"card": "4242"}'
    signature = hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    runs = Runs(lambda: verify(body, signature), REDACTOR)
    replay = runs.replayed(lambda: verify(b'{"card": "psd_00001111"}', signature))
    assert replay.result is True
    # It is not what was compared then, and the report says so.
    assert [(each.alias, each.how) for each in replay.playback.moved] == [
        ("hmac compare_digest", "normalised")
    ]


def test_under_another_redaction_key_the_verdicts_come_in_their_order():
    runs = Runs(lambda: [hmac.compare_digest(each, "b") for each in "abc"], REDACTOR)
    runs.recorder.redaction = OTHER_REDACTOR
    assert runs.replayed().result == [False, True, False]


def test_a_comparison_that_was_not_recorded_is_made():
    runs = Runs(lambda: None, REDACTOR)
    replay = runs.replayed(lambda: (hmac.compare_digest("a", "a"), hmac.compare_digest("a", "b")))
    assert replay.result == (True, False)
    assert replay.playback.missed == []


def test_what_it_does_not_compare_is_an_error_as_ever():
    def work():
        with pytest.raises(TypeError):
            hmac.compare_digest("ä", "ä")
        with pytest.raises(TypeError):
            hmac.compare_digest(1, 1)

    runs = Runs(work, REDACTOR)
    assert runs.replayed().is_equal


def test_it_is_the_function_it_was_where_nothing_is_recorded():
    assert hmac.compare_digest(bytearray(b"x"), memoryview(b"x"))
    program = (
        "import hmac, pickle; before = [hmac.compare_digest]\n"
        "from playback_core.interceptors import install_interceptors; install_interceptors()\n"
        "assert hmac.compare_digest is not before[0]\n"
        "assert pickle.loads(pickle.dumps(hmac.compare_digest)) is before[0]"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
