"""Hostile and damaged bytes give a clear error or an Opaque, and never run anything."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import Any

import ormsgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ormsgpack import Ext

from playback_core.codec import Limits, Opaque, decode, encode, encode_key, snapshot
from playback_core.codec.kinds import LEAVES, NODES
from playback_core.errors import DecodeError, PlaybackError
from tests.core.codec import samples
from tests.core.codec.test_round_trips import VALUES


def tree(body: Any) -> bytes:
    return b"\xc1\x00" + ormsgpack.packb(body)


def graph(*rows: Any) -> bytes:
    return b"\xc1\x02" + ormsgpack.packb([ref(0), *rows])


def ref(number: int) -> Ext:
    return Ext(1, number.to_bytes(4, "little"))


def node(code: int, header: Any, *children: Any) -> Ext:
    return Ext(code, ormsgpack.packb([header, *children]))


SAMPLES = "tests.core.codec.samples"
CODES = sorted({*LEAVES, *NODES})


@pytest.mark.parametrize("code", [code for code in CODES if code >= 60])
@pytest.mark.parametrize(
    "path",
    [
        *("subprocess.Popen", "os.system", "builtins.object", "builtins.type", "builtins.list"),
        *(f"{SAMPLES}.Resource", f"{SAMPLES}.Lazy", "tempfile._TemporaryFileCloser", "os"),
        *("threading.Lock", "types.FunctionType", "types.CodeType", "no.such.thing"),
    ],
)
def test_no_other_class_is_ever_built(path: str, code: int) -> None:
    for header in (path, [path, "list", None], [path, "Exception", False]):
        for children in (
            [],
            [{"args": "ls"}],
            [[], {"a": 1}],
            [Ext(31, b"\x91\xc0"), None, {}, None, {"a": 1}],
        ):
            body = ormsgpack.packb([header, *children])
            try:
                value = decode(tree(Ext(code, body)))
            except DecodeError:
                continue
            assert type(value) is Opaque or value.type_path == path


@pytest.mark.parametrize(
    ("code", "path"),
    [
        (81, f"{SAMPLES}.Order"),
        (83, f"{SAMPLES}.Order"),
        (80, f"{SAMPLES}.Plain"),
        (83, f"{SAMPLES}.Color"),
        (82, f"{SAMPLES}.Slotted"),
        (61, f"{SAMPLES}.Pair"),
        (83, f"{SAMPLES}.ShopError"),
    ],
)
def test_an_encoding_is_accepted_only_for_its_kind_of_class(code: int, path: str) -> None:
    assert type(decode(tree(node(code, path, {})))) is Opaque


def test_exception_encoding_is_refused_for_other_classes() -> None:
    header = [f"{SAMPLES}.Plain", "Exception", False]
    back = decode(tree(node(70, header, Ext(31, ormsgpack.packb([None])), None, {}, "text", {})))
    assert isinstance(back, Exception)
    assert str(back) == "text"


def test_enum_encoding_is_refused_for_other_classes() -> None:
    body = ormsgpack.packb([f"{SAMPLES}.Plain", "RED", None])
    assert type(decode(tree(Ext(52, body)))) is Opaque


def test_functions_of_the_standard_library_are_not_given_out() -> None:
    for path in (b"os.system", b"posix.system", b"subprocess.run", b"builtins.exec"):
        assert type(decode(tree(Ext(51, path)))) is Opaque


def test_default_factory_of_the_standard_library_is_not_called() -> None:
    for factory in (Ext(50, b"subprocess.Popen"), Ext(51, b"os.abort"), Ext(50, b"os.PathLike")):
        back = decode(tree(node(37, None, factory, {})))
        with pytest.raises(PlaybackError):
            back["new"]
    with pytest.raises(DecodeError):
        decode(tree(node(37, None, "text", {})))


def test_undeclared_names_are_not_set_on_a_slotted_object() -> None:
    names = {"__class__": 1, "__init__": 2, "gone": 3, "x": 4}
    for state in ([names, {}], [{}, names]):
        back = decode(tree(node(81, f"{SAMPLES}.Slotted", *state)))
        assert type(back) is samples.Slotted
        assert back.x == 4
        assert not hasattr(back, "gone")


def test_attributes_set_by_data_stay_on_the_instance() -> None:
    back = decode(tree(node(83, f"{SAMPLES}.Plain", {"__class__": 1, "__init__": 2})))
    assert type(back) is samples.Plain
    assert vars(back) == {"__class__": 1, "__init__": 2}
    assert callable(samples.Plain.__init__)


def test_flag_combination_runs_no_user_code() -> None:
    body = ormsgpack.packb([f"{SAMPLES}.Color", None, 1])
    assert type(decode(tree(Ext(52, body)))) is Opaque


@pytest.mark.parametrize(
    "blob",
    [
        *(b"", b"\xc1", b"\xc1\x00", b"\xc1\xff\x01", b"\xc1\x10\x01", b"\xc1\x02\x01"),
        *(b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xa1\xff"),
        *(b"\xc9\xff\xff\xff\xff\x01", b"\x81\x01\x01", b"\x91" * 100_000, b"\xd4\x05a"),
        *(b"\xc1\x02\x90", graph([30, None, ref(7)]), graph([99, None]), graph([31, None, ref(0)])),
        *(graph([30]), graph(1), graph([34, None, 1]), tree(Ext(99, b"")), tree(node(34, None, 1))),
        *(tree(node(38, "x")), tree(node(39, None, "a", 1, 1)), tree(node(32, None, [1]))),
        *(tree(Ext(15, b"1/0")), tree(Ext(14, b"x")), tree(Ext(16, b"1")), tree(Ext(21, b"0Nx"))),
        *(tree(Ext(21, b"0Z2026-01-01 ../../etc/passwd")), tree(Ext(23, b"\x7f" * 12))),
        *(tree(Ext(31, b"")), tree(Ext(31, b"\x01")), tree(Ext(17, b"?")), tree(Ext(24, b"N"))),
        *(tree(Ext(2, b"\x92\x01\x02")), tree(node(83, 5)), tree(node(80, f"{SAMPLES}.Order", 1))),
    ],
)  # fmt: skip
def test_damage_gives_a_clear_error(blob: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(blob)


def test_deeply_nested_extensions_are_refused() -> None:
    body = ormsgpack.packb(1)
    for _ in range(2_000):
        body = ormsgpack.packb(Ext(31, b"\x92\xc0" + body))
    with pytest.raises(DecodeError):
        decode(b"\xc1\x00" + body)


def test_keys_that_hash_forever_are_refused() -> None:
    rows = [[31, None, ref(number + 1), ref(number + 1)] for number in range(1, 60)]
    with pytest.raises(DecodeError, match="hashed"):
        decode(graph([32, None, ref(1)], *rows, [31, None]))


@pytest.mark.parametrize("code", CODES)
@given(header=VALUES, children=st.lists(VALUES, max_size=4))
# There are many codes.
@settings(max_examples=settings.default.max_examples // 12)
def test_any_parts_give_a_value_or_a_decode_error(
    code: int, header: Any, children: list[Any]
) -> None:
    body = encode([header, *children])
    inner = body[2:] if body[:1] == b"\xc1" else body
    for blob in (tree(Ext(code, inner)), tree(Ext(code, encode(header)))):
        with contextlib.suppress(DecodeError):
            decode(blob)


@given(VALUES, st.data())
def test_flipped_bytes_give_a_value_or_a_decode_error(value: Any, data: Any) -> None:
    blob = bytearray(encode((value, [samples.Order(1)])))
    position = data.draw(st.integers(0, len(blob) - 1))
    blob[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DecodeError):
        decode(bytes(blob), Limits(max_nodes=10_000))


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xc1\x00", b"\xc1\x02\x92\xd6\x01"]))
def test_any_bytes_give_a_value_or_a_decode_error(noise: bytes, prefix: bytes) -> None:
    with contextlib.suppress(DecodeError):
        decode(prefix + noise)


def test_nothing_is_started_by_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("started")

    monkeypatch.setattr(subprocess.Popen, "__init__", fail)
    monkeypatch.setattr(os, "system", fail)
    for value in (subprocess.Popen, sys.exit, print):
        decode(encode([value]))
        decode(encode_key([value]))
        assert snapshot([value])
