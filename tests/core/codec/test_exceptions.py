"""Exceptions keep type, arguments, attributes, notes and cause."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from playback_core.codec import Opaque, UnknownException, decode, encode, encode_key
from playback_core.errors import NoSuchRecording
from tests.core.codec import samples


def caught(function: Any) -> BaseException:
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - any is a sample
        return error
    raise AssertionError("nothing was raised")


def test_attributes_arguments_and_notes_come_back() -> None:
    error = samples.ShopError(7, "sold out")
    error.add_note("while packing")
    back = decode(encode(error))
    assert type(back) is samples.ShopError
    assert (back.args, back.order, back.__notes__) == (error.args, 7, ["while packing"])


def test_cause_comes_back() -> None:
    def fail() -> None:
        try:
            {}["x"]
        except KeyError as missing:
            raise samples.ShopError(1, "none") from missing

    back = decode(encode(caught(fail)))
    assert repr(back.__cause__) == "KeyError('x')"
    assert back.__suppress_context__


def test_context_is_not_kept() -> None:
    def fail() -> None:
        try:
            {}["x"]
        except KeyError:
            raise ValueError("other") from None

    back = decode(encode(caught(fail)))
    assert back.__context__ is None
    assert back.__suppress_context__


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "gone", "/f"),
        OSError("plain"),
        caught(lambda: Path("/no/such/file").read_bytes()),
        caught(lambda: b"\xff".decode()),
        caught(lambda: "\ud800".encode()),
        caught(lambda: compile("a b", "f", "exec")),
        caught(lambda: __import__("no_such_module_here")),
        caught(lambda: undefined_name),  # type: ignore[name-defined]  # noqa: F821
        caught(lambda: (1).missing),  # type: ignore[attr-defined]
        StopIteration(4),
        SystemExit(3),
        KeyboardInterrupt(),
        KeyError("k"),
        NoSuchRecording("id"),
        samples.SpokenError("a", 1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_builtin_fields_and_text_come_back(error: BaseException) -> None:
    back = decode(encode(error))
    assert type(back) is type(error)
    assert (str(back), repr(back), back.args) == (str(error), repr(error), error.args)
    for name in ("errno", "filename", "reason", "start", "value", "code", "name", "lineno"):
        assert getattr(back, name, None) == getattr(error, name, None)


def test_exception_group_comes_back() -> None:
    group = ExceptionGroup("several", [ValueError(1), ExceptionGroup("in", [KeyError("k")])])
    group.add_note("noted")
    back = decode(encode(group))
    assert type(back) is ExceptionGroup
    assert back.message == "several"
    assert repr(back) == repr(group)
    assert back.__notes__ == ["noted"]


def test_exception_that_holds_itself_comes_back() -> None:
    error = samples.ShopError(1, "x")
    error.me = error  # type: ignore[attr-defined]
    back = decode(encode(error))
    assert back.me is back


def unknown(error: BaseException) -> tuple[bytes, Any]:
    """Encode an exception of a class that is gone when it is decoded."""
    blob = encode(error)
    return blob, decode(blob.replace(b"samples.", b"removed."))


def test_errors_of_ssl_come_back() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = 18
    again = decode(encode(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))
    assert (again.errno, again.verify_code) == (1, 18)


def test_exception_of_two_builtin_bases_comes_back() -> None:
    error = samples.BadKey(2, "gone", "/f")
    again = decode(encode(error))
    assert type(again) is samples.BadKey
    assert (again.errno, again.filename) == (2, "/f")


def test_unknown_exception_has_the_same_text_notes_and_cause() -> None:
    error = samples.SpokenError("a", 1)
    error.add_note("noted")
    error.__cause__ = KeyError("k")
    _, back = unknown(error)
    assert isinstance(back, UnknownException)
    assert str(back) == str(error)
    assert back.args == ("a", 1)
    assert back.__notes__ == ["noted"]
    assert repr(back.__cause__) == "KeyError('k')"
    assert back.type_path == "tests.core.codec.removed.SpokenError"


def test_unknown_exception_is_caught_as_its_builtin_base() -> None:
    _, back = unknown(samples.SpokenError("a"))
    with pytest.raises(ValueError, match="spoken"):
        raise back


def test_unknown_exception_encodes_verbatim() -> None:
    blob, back = unknown(samples.ShopError(1, "x"))
    assert encode(back) == blob.replace(b"samples.", b"removed.")


def test_unknown_exception_in_a_cycle_encodes_verbatim() -> None:
    error = samples.ShopError(1, "x")
    error.me = [error]  # type: ignore[attr-defined]
    _blob, back = unknown(error)
    assert str(back) == "order 1: x"
    again = decode(encode(back).replace(b"removed.", b"samples."))
    assert type(again) is samples.ShopError
    assert again.me[0] is again


def test_exception_without_text_is_still_stored() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert type(decode(encode(Mute(1)))) is Mute


def test_unstorable_attribute_is_opaque_by_itself() -> None:
    error = samples.ShopError(1, "x")
    error.stream = sys.stdout  # type: ignore[attr-defined]
    back = decode(encode(error))
    assert type(back.stream) is Opaque
    assert back.order == 1


def test_text_with_lone_surrogates_is_stored() -> None:
    error = samples.SpokenError("x\udc80")
    assert str(decode(encode(error))) == str(error)
    assert str(unknown(samples.SurrogateError("x\udc80"))[1]) == "x\udc80"


def test_exception_with_a_finaliser_is_replaced_by_its_stand_in() -> None:
    error = samples.ClosingError("open")
    back = decode(encode([error, ValueError(error)]))
    assert isinstance(back[0], UnknownException)
    assert isinstance(back[0], OSError)
    assert str(back[0]) == "open"
    assert isinstance(back[1].args[0], UnknownException)


def test_unknown_group_has_the_same_text() -> None:
    group = samples.SeveralErrors("many", [ValueError(1)])
    assert type(decode(encode(group))) is samples.SeveralErrors
    assert str(unknown(group)[1]) == str(group)


def test_equal_exceptions_have_equal_keys() -> None:
    assert encode_key(ValueError("a")) == encode_key(ValueError("a"))
    assert encode_key(ValueError("a")) != encode_key(ValueError("b"))
    assert encode_key(ValueError("a")) != encode_key(TypeError("a"))
