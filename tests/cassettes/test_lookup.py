"""Looking recordings up: odd recorded values never raise, wrong questions always do."""

import sys
from collections import UserDict
from decimal import Decimal
from threading import Lock

import pytest

from playback_core import (
    FileBasedTapeCassette,
    InMemoryTapeCassette,
    NoSuchRecording,
    Recording,
    SettingsError,
    SQLiteTapeCassette,
    TapeCassette,
)
from playback_core.testing import save_new


class Uncomparable:
    """Refuses every comparison, as an array does whose truth is ambiguous."""

    def __eq__(self, other):
        raise RuntimeError("no")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = None


@pytest.fixture(params=["memory", "sqlite", "files"])
def cassette(request, tmp_path):
    if request.param == "memory":
        yield InMemoryTapeCassette()
    elif request.param == "files":
        yield FileBasedTapeCassette(tmp_path)
    else:
        with SQLiteTapeCassette(tmp_path / "playback.db") as opened:
            yield opened


def comparing(operator, value=1):
    return {"operator": operator, "value": value}


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("odd", [Lock(), Decimal("sNaN"), Uncomparable(), [1], {"a": Lock()}])
def test_what_cannot_be_compared_does_not_match(cassette, odd, operator):
    save_new(cassette, odd=odd)
    found = save_new(cassette, odd=1)
    wanted = {"odd": [comparing("=", 1), comparing(operator, 1)]}
    assert list(cassette.iter_recording_ids("Operation", metadata=wanted)) == [found]
    for value in (1, "text", 0.5, Decimal("sNaN"), Decimal(1), Uncomparable()):
        list(cassette.iter_recording_ids("Operation", metadata={"odd": value}))
        list(cassette.iter_recording_ids("Operation", metadata={"odd": comparing("=", value)}))


@pytest.mark.parametrize("operator", ["~", "", None, 1, [], {}, ("=",)])
@pytest.mark.parametrize("within", [lambda one: one, lambda one: [None, one], lambda one: [[one]]])
def test_an_unknown_operator_is_an_error_wherever_it_stands(cassette, operator, within):
    save_new(cassette)
    save_new(cassette, user=1)
    with pytest.raises(SettingsError, match="Unknown operator"):
        cassette.iter_recording_ids("Operation", metadata={"user": within(comparing(operator))})
    with pytest.raises(SettingsError, match="Unknown operator"):
        TapeCassette.match_against_recorded_metadata({"user": comparing(operator)}, {"user": 1})


def test_any_mapping_may_be_a_comparison(cassette):
    found = save_new(cassette, user=1)
    wanted = {"user": UserDict(comparing("<", 2))}
    assert list(cassette.iter_recording_ids("Operation", metadata=wanted)) == [found]


@pytest.mark.parametrize("limit", [2**70, sys.maxsize + 1, -1, 0.5, "1"])
def test_a_limit_that_is_none_is_named(cassette, limit):
    with pytest.raises(SettingsError, match="limit is"):
        cassette.iter_recording_ids("Operation", limit=limit)


@pytest.mark.parametrize("category", [None, 5, b"Operation", object()])
def test_a_category_that_is_no_text_is_named(cassette, category):
    with pytest.raises(SettingsError, match="category is"):
        cassette.iter_recording_ids(category)


@pytest.mark.parametrize("category", ["a\udcff", "\ud800", "\ud83d\ude00", "\U0001f600"])
def test_a_category_may_have_lone_surrogates(cassette, category):
    saved, other = save_new(cassette, category), save_new(cassette, "Operation")
    assert list(cassette.iter_recording_ids(category)) == [saved]
    assert list(cassette.iter_categories()) == sorted([category, "Operation"])
    assert cassette.get_recording(saved).category == category
    cassette.delete_recording(saved)
    assert list(cassette.iter_recording_ids(category)) == []
    assert list(cassette.iter_recording_ids("Operation")) == [other]


def test_an_id_with_lone_surrogates_is_unknown_until_it_is_saved(cassette):
    odd = "a\udcff/20260101/b"
    for read in (
        cassette.get_recording,
        cassette.get_recording_metadata,
        cassette.delete_recording,
    ):
        with pytest.raises(NoSuchRecording):
            read(odd)
    cassette.save_recording(Recording(odd, started_at=0, metadata={"user": 1}))
    assert list(cassette.iter_recording_ids("a\udcff", metadata={"user": 1})) == [odd]
    assert cassette.get_recording_metadata(odd) == {"user": 1}
    cassette.delete_recording(odd)
    assert list(cassette.iter_categories()) == []


@pytest.mark.parametrize("wrong", ["no id", "/20260101/x", ""])
def test_what_has_no_category_is_not_stored_and_in_nobodys_way(cassette, wrong):
    sound = cassette.create_new_recording("Operation")
    [(refused, error)] = cassette._save_recordings([sound, Recording(wrong, started_at=0)])
    assert (refused.id, type(error)) == (wrong, SettingsError)
    assert list(cassette.iter_recording_ids("Operation")) == [sound.id]


def test_categories_of_handmade_ids_are_not_mixed_up(cassette):
    for recording_id in ("a/b/20260101/x", "a/20260101/y"):
        cassette.save_recording(Recording(recording_id, started_at=0))
    assert list(cassette.iter_categories()) == ["a", "a/b"]
