"""Databases have numbers, by which a replay's stand for the recorded ones; others are told."""

import pytest

from playback_core import OtherDatabase
from playback_core.databases import ReplayedDatabases, UsedDatabases
from playback_core.entry import Entry, EntryKind

PROD = "postgresql://prod:5432/"
LAPTOP = "postgresql://localhost:5432/"


def recorded(*addresses, path=()):
    used = UsedDatabases()
    assert [used.number(path, "psycopg", each) for each in addresses] == [
        *range(1, len(addresses) + 1)
    ]
    return list(used.entries())


def replayed(entries, *addresses, path=()):
    """Return the numbers that a replay's databases get as they come, and those it lists."""
    databases = ReplayedDatabases(entries)
    numbers = [databases.number(path, "psycopg", each) for each in addresses]
    assert numbers == [databases.number(path, "psycopg", each) for each in addresses]
    return numbers, [(each.recorded, each.replayed) for each in databases.others()]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [(("shop", "archive"), [1, 2]), (("archive", "shop"), [2, 1]), (("archive",), [2])],
)
def test_a_recorded_address_has_its_recorded_number(asked, numbers):
    entries = recorded(f"{PROD}shop", f"{PROD}archive")
    assert replayed(entries, *(f"{PROD}{each}" for each in asked)) == (numbers, [])


def test_one_too_many_is_none_of_them():
    entries = recorded(f"{PROD}shop")
    numbers, others = replayed(entries, f"{PROD}shop", f"{PROD}log")
    assert (numbers, others) == ([1, 2], [(f"{PROD}shop", f"{PROD}log")])


def test_elsewhere_a_database_stands_for_the_one_of_its_name():
    entries = recorded(f"{PROD}shop?user=app", f"{PROD}archive?user=app")
    numbers, others = replayed(entries, f"{LAPTOP}archive?user=me", f"{LAPTOP}shop?user=me")
    assert numbers == [2, 1]
    assert others == [
        (f"{PROD}archive?user=app", f"{LAPTOP}archive?user=me"),
        (f"{PROD}shop?user=app", f"{LAPTOP}shop?user=me"),
    ]


def test_by_another_name_it_stands_for_the_next_one():
    entries = recorded(f"{PROD}shop", f"{PROD}archive")
    numbers, others = replayed(entries, f"{LAPTOP}dev", f"{LAPTOP}test")
    assert numbers == [1, 2]
    assert [new for _, new in others] == [f"{LAPTOP}dev", f"{LAPTOP}test"]


def test_a_recorded_one_never_stands_for_another_one():
    entries = recorded(f"{PROD}shop", f"{PROD}archive")
    numbers, others = replayed(entries, f"{LAPTOP}dev", f"{PROD}shop", f"{PROD}archive")
    assert numbers == [1, 3, 2]
    assert others == [(f"{PROD}shop", f"{LAPTOP}dev")]


def test_in_a_branch_that_used_none_it_may_be_any_that_was_used():
    entries = recorded(f"{PROD}shop", f"{PROD}archive", path=(0,))
    assert replayed(entries, f"{PROD}archive") == ([1], [])
    known = f"{PROD}shop, {PROD}archive"
    assert replayed(entries, f"{PROD}log") == ([1], [(known, f"{PROD}log")])


@pytest.mark.parametrize("stored", [b"\x90", b"\x81\xa7psycopg\x01", b"\x81\xa7psycopg\x91\x01"])
def test_without_addresses_in_the_recording_they_have_their_order(stored):
    damaged = [Entry(EntryKind.DATA, "_tape_recorder_databases", (), None, stored)]
    for entries in ([], damaged):
        assert replayed(entries, "a", "b") == ([1, 2], [])


def test_other_databases_are_told_once_and_by_library():
    databases = ReplayedDatabases([*recorded("a"), *recorded("a", path=(0,))])
    for path in ((), (0,)):
        databases.number(path, "psycopg", "b")
    databases.number((), "sqlite3", "b")
    assert databases.others() == [OtherDatabase("psycopg", "a", "b")]
