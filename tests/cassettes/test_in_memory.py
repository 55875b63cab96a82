"""InMemoryTapeCassette: the contract, and what only it has."""

from threading import Thread

import pytest

from playback_core import InMemoryTapeCassette
from playback_core.testing import CassetteContract, save_new


class TestInMemoryTapeCassette(CassetteContract):
    @pytest.fixture
    def cassette(self):
        return InMemoryTapeCassette()


def test_it_tells_the_last_id_and_all_ids():
    cassette = InMemoryTapeCassette()
    assert cassette.get_last_recording_id() is None
    ids = [save_new(cassette, "B"), save_new(cassette, "A")]
    assert cassette.get_last_recording_id() == ids[-1]
    assert cassette.get_all_recording_ids() == sorted(ids)


def test_a_recording_changed_after_saving_is_stored_as_it_was():
    cassette = InMemoryTapeCassette()
    recording = cassette.create_new_recording("Operation")
    tags = ["a"]
    recording.add_metadata({"tags": tags})
    cassette.save_recording(recording)
    tags.append("b")
    assert cassette.get_recording_metadata(recording.id) == {"tags": ["a"]}


def test_threads_save_and_list_at_the_same_time():
    cassette = InMemoryTapeCassette()
    listed: list[int] = []

    def work():
        for _ in range(50):
            save_new(cassette)
            listed.append(len(list(cassette.iter_recording_ids("Operation"))))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cassette.get_all_recording_ids()) == 200
    assert len(listed) == 200
