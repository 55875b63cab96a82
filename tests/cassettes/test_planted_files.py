"""A folder of recordings from somebody else: links, pipes and bombs under the names we use."""

import os
import tracemalloc
from binascii import b2a_base64
from zlib import crc32

import ormsgpack
import pytest

from playback_core import CassetteError, DamagedRecordingError, EncodeError, FileBasedTapeCassette
from playback_core.cassettes._local_cache import LocalCache
from playback_core.cassettes._recording_file import file_content, read_recording_file
from playback_core.testing import save_new

SECRET = b"precious content of somebody else"
BOMB = b"\xdd" + (10**6).to_bytes(4, "big") + b"\x90" * 10**6


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "recordings"


@pytest.fixture
def cassette(directory):
    with FileBasedTapeCassette(directory) as cassette:
        yield cassette


@pytest.fixture
def victim(tmp_path):
    file = tmp_path / "victim"
    file.write_bytes(SECRET)
    return file


def day_of(directory):
    (day,) = directory.glob("Operation/*")
    return day


def plant(path, link_to):
    """Put a link, or a pipe where there is nothing to link to, in the place of a file."""
    path.unlink(missing_ok=True)
    if link_to is None:
        os.mkfifo(path)
    else:
        path.symlink_to(link_to)


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("name", [".index", ".index.new", ".any-date"])
def test_nothing_is_written_through_what_stands_for_the_index(
    cassette, directory, victim, name, kind
):
    first = save_new(cassette)
    planted = day_of(directory) / name
    plant(planted, victim if kind == "link" else None)
    second = save_new(cassette)
    assert cassette.prune(max_bytes=8192) == 1
    assert list(cassette.iter_recording_ids("Operation")) == [second]
    cassette.delete_recording(second)
    assert victim.read_bytes() == SECRET
    assert first != second


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_stands_for_the_lock_is_no_lock(cassette, directory, victim, kind):
    saved = save_new(cassette)
    plant(directory / ".lock", victim if kind == "link" else None)
    for write in (lambda: save_new(cassette), lambda: cassette.delete_recording(saved)):
        with pytest.raises(CassetteError, match="recordings"):
            write()
    assert victim.read_bytes() == SECRET
    assert list(cassette.iter_recording_ids("Operation")) == [saved]


def test_a_folder_elsewhere_is_not_cleared_of_old_files(cassette, directory, tmp_path):
    saved = save_new(cassette)
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis").write_text("long ago")
    os.utime(home / "thesis", (1, 1))
    (directory / ".incoming").rmdir()
    (directory / ".incoming").symlink_to(home)
    assert cassette.prune(max_bytes=0) == 1
    with pytest.raises(CassetteError, match=r"\.incoming"):
        save_new(cassette)
    assert [path.name for path in home.iterdir()] == ["thesis"]
    assert list(cassette.iter_recording_ids("Operation")) == []
    assert saved


@pytest.mark.parametrize("part", ["Operation", "day"])
def test_recordings_are_not_stored_elsewhere(cassette, directory, tmp_path, part):
    save_new(cassette)
    folder = day_of(directory) if part == "day" else directory / "Operation"
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    with pytest.raises(CassetteError, match="link"):
        save_new(cassette)
    assert sorted(elsewhere.rglob("*")) == before


def test_an_index_that_asks_for_much_memory_is_passed_over(cassette, directory):
    saved = save_new(cassette, user=1)
    body = b2a_base64(BOMB, newline=False)
    (day_of(directory) / ".index").write_bytes(b"%08x%b\n" % (crc32(body), body))
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == [saved]


@pytest.mark.parametrize(
    "header",
    [
        BOMB,
        ormsgpack.packb([[[]] * 100_000, 1, b"\x80"]),
        ormsgpack.packb(["a/b/c", "soon", b"\x80"]),
        ormsgpack.packb({"a": 1}),
        b"\xc1\x00" + ormsgpack.packb(ormsgpack.Ext(83, b"\x90")),
        b"",
    ],
    ids=["lists", "lists for an id", "a start that is text", "a map", "a typed value", "nothing"],
)
def test_a_header_of_other_parts_is_damaged(cassette, directory, header):
    bad, good = save_new(cassette), save_new(cassette)
    file = day_of(directory) / f"{bad.rpartition('/')[2]}.recording"
    payload = file_content(read_recording_file(file)).partition(b"PB\x01")[1:]
    head = b"PBR\x01" + b"".join(
        number.to_bytes(4, "big")
        for number in (len(header), crc32(header), crc32(b"".join(payload)))
    )
    file.write_bytes(head + header + b"".join(payload))
    (day_of(directory) / ".index").unlink()
    for read in (cassette.get_recording, cassette.get_recording_metadata):
        with pytest.raises(DamagedRecordingError, match="header"):
            read(bad)
    assert list(cassette.iter_recording_ids("Operation")) == [bad, good]


def test_a_file_that_says_it_is_huge_is_not_read(cassette, directory):
    bad, good = save_new(cassette), save_new(cassette)
    file = day_of(directory) / f"{bad.rpartition('/')[2]}.recording"
    file.write_bytes(b"PBR\x01" + b"\xff\xff\xff\xff" + bytes(8))
    os.truncate(file, 10 * 2**30)
    (day_of(directory) / ".index").unlink()
    for read in (cassette.get_recording, cassette.get_recording_metadata):
        tracemalloc.start()
        with pytest.raises(DamagedRecordingError, match="longer than any"):
            read(bad)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10**6
    assert list(cassette.iter_recording_ids("Operation")) == [bad, good]


def test_metadata_that_could_not_be_read_is_not_stored(cassette):
    with pytest.raises(EncodeError, match=r"metadata takes .* record it as data"):
        save_new(cassette, much="x" * 17 * 2**20)
    assert list(cassette.iter_recording_ids("Operation")) == []


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_stands_for_a_cached_file_is_no_hit(tmp_path, victim, kind):
    cache = LocalCache(tmp_path / "cache", 10**6)
    cache.put("name", b"content")
    (file,) = (tmp_path / "cache").rglob("*.cached")
    plant(file, victim if kind == "link" else None)
    assert cache.get("name", 100) is None
    cache.put("name", b"content")
    assert cache.get("name", 100) == b"content"
    assert victim.read_bytes() == SECRET
