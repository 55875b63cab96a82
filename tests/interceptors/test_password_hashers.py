"""A password that was redacted at rest fits its hash in a replay, and makes the same one."""

import bcrypt
import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from werkzeug.security import check_password_hash, generate_password_hash

from tests.interceptors.concealing import OTHER_REDACTOR, REDACTOR, stored
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

PASSWORD = "correct horse battery"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def hash_by_werkzeug(password):
    return generate_password_hash(password, "pbkdf2:sha256:1")


def hash_by_bcrypt(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))


def checked_by_bcrypt(password, hashed):
    return bcrypt.checkpw(password.encode(), hashed)


def checked_by_argon2(password, hashed):
    try:
        return HASHER.verify(hashed, password)
    except VerifyMismatchError as error:
        return error.args


LIBRARIES = pytest.mark.parametrize(
    ("make", "check"),
    [
        (hash_by_werkzeug, lambda password, hashed: check_password_hash(hashed, password)),
        (hash_by_bcrypt, checked_by_bcrypt),
        (lambda password: HASHER.hash(password), checked_by_argon2),
    ],
    ids=["werkzeug", "bcrypt", "argon2"],
)


@LIBRARIES
@pytest.mark.parametrize("password", [PASSWORD, "a guess"])
def test_a_password_fits_its_hash_as_it_did(make, check, password):
    hashed = make(PASSWORD)
    runs = Runs(lambda: check(password, hashed), REDACTOR)
    assert (runs.result is True) is (password == PASSWORD)
    assert password.encode() not in stored(runs)
    replay = runs.replayed(lambda: check(REDACTOR.pseudonym(password), hashed))
    assert replay.result == runs.result
    assert replay.is_equal


@LIBRARIES
def test_the_same_hash_is_made_of_its_pseudonym(make, check):
    runs = Runs(lambda: make(PASSWORD), REDACTOR)
    assert PASSWORD.encode() not in stored(runs)
    replay = runs.replayed(lambda: make(REDACTOR.pseudonym(PASSWORD)))
    assert replay.result == runs.result
    assert replay.is_equal


@LIBRARIES
def test_it_is_so_under_another_redaction_key(make, check):
    hashed = make(PASSWORD)
    runs = Runs(lambda: check(PASSWORD, hashed), REDACTOR)
    runs.recorder.redaction = OTHER_REDACTOR
    assert runs.replayed(lambda: check(REDACTOR.pseudonym(PASSWORD), hashed)).result is True


@LIBRARIES
def test_another_password_is_checked(make, check):
    hashed = make(PASSWORD)
    runs = Runs(lambda: check(PASSWORD, hashed), REDACTOR)
    replay = runs.replayed(lambda: check("another", hashed))
    assert replay.result is not True
    assert replay.playback.missed == []
