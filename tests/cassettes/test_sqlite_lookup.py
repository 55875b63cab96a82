"""Metadata filters of SQLiteTapeCassette agree with the reference matcher, and need no scan."""

import sqlite3
from collections import OrderedDict
from contextlib import closing
from datetime import datetime
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import Recording, SQLiteTapeCassette, TapeCassette
from playback_core.codec.redaction import Redactor
from playback_core.metadata import KIND
from playback_core.testing import save_new


class Level(IntEnum):
    LOW = 1


# The last one is not indexed, whatever its values.
NAMES = st.sampled_from(["a", "b", "ä", KIND])
# Few letters, so that patterns match; lengths about the part of a text that is indexed.
TEXTS = st.one_of(
    st.text("ab*?[]\x00\ud800\ue000\U0010ffff", max_size=4),
    st.builds(lambda length, end: "a" * length + end, st.integers(30, 34), st.sampled_from("ab*")),
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), 2**70, 0.5, 1.0, float("nan"), float("inf")]),
    st.booleans(),
)
SCALARS = st.one_of(st.none(), NUMBERS, TEXTS)
RECORDED = st.one_of(
    SCALARS,
    st.sampled_from([Level.LOW, b"a", datetime(2026, 1, 1)]),
    st.lists(SCALARS, max_size=2),
)
WANTED = st.recursive(
    st.one_of(
        RECORDED,
        st.fixed_dictionaries(
            {"operator": st.sampled_from(["=", "<", "<=", ">", ">="]), "value": SCALARS}
        ),
        st.just(OrderedDict(a=1)),
    ),
    lambda wanted: st.lists(wanted, max_size=3),
    max_leaves=4,
)


@given(
    st.lists(st.dictionaries(NAMES, RECORDED, max_size=3), min_size=1, max_size=6),
    st.lists(st.dictionaries(NAMES, WANTED, max_size=2), min_size=1, max_size=6),
)
def test_a_filter_finds_exactly_what_the_reference_matcher_accepts(
    tmp_path_factory, recorded, filters
):
    path = tmp_path_factory.mktemp("lookup") / "playback.db"
    with SQLiteTapeCassette(path) as cassette:
        stored = {save_new(cassette, **metadata): metadata for metadata in recorded}
        for wanted in filters:
            expected = [
                recording_id
                for recording_id, metadata in stored.items()
                if TapeCassette.match_against_recorded_metadata(wanted, metadata)
            ]
            found = list(cassette.iter_recording_ids("Operation", metadata=wanted))
            assert found == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"user": 77}, 1),
        ({"name": "user-7?"}, 10),
        ({"user": {"operator": "<", "value": 3}}, 3),
        ({"user": [1, 2], "kind": "function"}, 2),
        ({"never": 1}, 0),
    ],
)
def test_a_filter_reads_only_what_it_finds(tmp_path, wanted, expected, monkeypatch):
    with SQLiteTapeCassette(tmp_path / "playback.db") as cassette:
        for number in range(200):
            save_new(cassette, user=number, name=f"user-{number}", kind="function", took=0.5)
        looked_at = []
        original = SQLiteTapeCassette._look_at

        def look_at(self, seqs):
            looked_at.extend(seqs)
            return original(self, seqs)

        monkeypatch.setattr(SQLiteTapeCassette, "_look_at", look_at)
        assert len(list(cassette.iter_recording_ids("Operation", metadata=wanted))) == expected
        # The SQL may let the neighbours of a range through.
        assert len(looked_at) <= expected + 1


def test_a_lookup_looks_no_further_than_its_limit(tmp_path, monkeypatch):
    with SQLiteTapeCassette(tmp_path / "playback.db") as cassette:
        for _ in range(100):
            save_new(cassette, took=0.5)
        looked_at = []
        original = SQLiteTapeCassette._look_at

        def look_at(self, seqs):
            looked_at.extend(seqs)
            return original(self, seqs)

        monkeypatch.setattr(SQLiteTapeCassette, "_look_at", look_at)
        assert len(list(cassette.iter_recording_ids("Operation", limit=3))) == 3
        assert len(looked_at) == 3
        list(cassette.iter_recording_ids("Operation", metadata={"took": 0.5}, limit=3))
        assert len(looked_at) < 3 + 20


def test_a_name_stays_searched_one_by_one_once_it_had_another_value(tmp_path):
    path = tmp_path / "playback.db"
    with SQLiteTapeCassette(path) as cassette, SQLiteTapeCassette(path) as other:
        first = save_new(cassette, size=1)
        second = save_new(other, size=1.0)
        third = save_new(cassette, size=1)
        assert list(cassette.iter_recording_ids("Operation", metadata={"size": 1})) == [
            first,
            second,
            third,
        ]


def test_the_recorders_own_names_are_found_without_an_index(tmp_path):
    path = tmp_path / "playback.db"
    with SQLiteTapeCassette(path) as cassette:
        flask = save_new(cassette, **{KIND: "flask", "user": 1})
        celery = save_new(cassette, **{KIND: "celery", "user": 2})
        for wanted, expected in [
            ({KIND: "flask"}, [flask]),
            ({KIND: "c*", "user": 2}, [celery]),
            ({KIND: "flask", "user": 2}, []),
            ({KIND: None}, []),
        ]:
            assert list(cassette.iter_recording_ids("Operation", metadata=wanted)) == expected
    with closing(sqlite3.connect(path)) as connection:
        (indexed,) = connection.execute("SELECT count(*) FROM metadata_values").fetchone()
    assert indexed == 2


def test_secrets_in_metadata_are_indexed_as_they_are_stored(tmp_path):
    path = tmp_path / "playback.db"
    recording = Recording.new("Operation")
    recording.add_metadata({"password": "sesame", "user": "ann"})
    recording.redaction = Redactor(key=b"key")
    with SQLiteTapeCassette(path) as cassette:
        cassette.save_recording(recording)
        pseudonym = cassette.get_recording_metadata(recording.id)["password"]
        for wanted, found in (("sesame", []), (pseudonym, [recording.id])):
            filters = {"password": wanted}
            assert list(cassette.iter_recording_ids("Operation", metadata=filters)) == found
    with closing(sqlite3.connect(path)) as connection:
        values = {value for (value,) in connection.execute("SELECT value FROM metadata_values")}
    assert values == {"ann", pseudonym}
