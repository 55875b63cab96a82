"""AsyncRecordOnlyTapeCassette: nothing it does reaches the application, and nothing is lost."""

import logging
import threading
from datetime import UTC, datetime

import pytest

from playback_core import (
    AsyncRecordOnlyTapeCassette,
    CassetteError,
    FileBasedTapeCassette,
    InMemoryTapeCassette,
    SettingsError,
    SQLiteTapeCassette,
    TapeRecorder,
    TapeRecorderException,
)
from playback_core.testing import CassetteContract, save_new


class TestAsyncRecordOnlyTapeCassette(CassetteContract):
    @pytest.fixture(params=["memory", "sqlite", "files"])
    def cassette(self, request, tmp_path):
        wrapped = {
            "memory": InMemoryTapeCassette,
            "sqlite": lambda: SQLiteTapeCassette(tmp_path / "playback.db"),
            "files": lambda: FileBasedTapeCassette(tmp_path),
        }[request.param]()
        with AsyncRecordOnlyTapeCassette(wrapped, flush_interval=0) as cassette:
            yield cassette


class HeldCassette(InMemoryTapeCassette):
    """Saves only once it is let go."""

    def __init__(self):
        super().__init__()
        self.saving = threading.Event()
        self.let_go = threading.Event()
        self.batches = []
        self.threads = set()

    def _save_recordings(self, recordings):
        self.saving.set()
        self.let_go.wait(30)
        self.batches.append(len(recordings))
        self.threads.add(threading.current_thread().name)
        return super()._save_recordings(recordings)


class BrokenCassette(InMemoryTapeCassette):
    """Fails to save recordings whose metadata says so."""

    def _save_recording(self, recording):
        if recording.get_metadata().get("broken"):
            raise CassetteError("the disk is full")
        super()._save_recording(recording)


@pytest.fixture
def held():
    wrapped = HeldCassette()
    with AsyncRecordOnlyTapeCassette(wrapped, flush_interval=0) as cassette:
        yield cassette
        wrapped.let_go.set()


def test_saving_does_not_wait_for_the_storage(held):
    save_new(held)
    assert held.wrapped_tape_cassette.saving.wait(30)
    for _ in range(10):
        save_new(held)
    assert held.counters.queued == 11
    assert held.counters.saved == 0
    assert not held.flush(0.01)
    held.wrapped_tape_cassette.let_go.set()
    assert held.flush(30)
    assert held.counters.saved == 11
    assert held.wrapped_tape_cassette.batches == [1, 10]


def test_recordings_are_stored_by_a_thread_of_its_own_in_order(held):
    held.wrapped_tape_cassette.let_go.set()
    ids = [save_new(held) for _ in range(50)]
    held.flush()
    assert list(held.wrapped_tape_cassette.iter_recording_ids("Operation")) == ids
    assert held.wrapped_tape_cassette.threads == {"playback-writer"}


def test_no_thread_is_started_before_the_first_save():
    before = threading.active_count()
    with AsyncRecordOnlyTapeCassette(InMemoryTapeCassette()) as cassette:
        assert threading.active_count() == before
        cassette.start()
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_what_does_not_fit_is_dropped_whole_and_counted(caplog):
    wrapped = HeldCassette()
    cassette = AsyncRecordOnlyTapeCassette(wrapped, flush_interval=0, max_queue_bytes=20_000)
    kept = [save_new(cassette)]
    assert wrapped.saving.wait(30)
    with caplog.at_level(logging.WARNING, "playback"):
        while cassette.counters.dropped < 5:
            recording = cassette.create_new_recording("Operation")
            recording.set_data("key", b"x" * 3_000)
            before = cassette.counters.dropped
            cassette.save_recording(recording)
            if cassette.counters.dropped == before:
                kept.append(recording.id)
    wrapped.let_go.set()
    assert cassette.flush(30)
    later = save_new(cassette)
    cassette.close()
    assert 3 <= len(kept) <= 6
    assert wrapped.get_all_recording_ids() == sorted([*kept, later])
    assert cassette.counters.queued == cassette.counters.saved == len(kept) + 1
    assert sum("is full" in record.getMessage() for record in caplog.records) == 1


def test_large_values_kept_by_reference_count_in_full():
    cassette = AsyncRecordOnlyTapeCassette(InMemoryTapeCassette(), max_queue_bytes=50_000)
    recorder = TapeRecorder(cassette)
    read = recorder.intercept_input("read")(lambda size: b"x" * size)
    operation = recorder.operation()(lambda size: len(read(size)))
    with cassette, recorder.enabled_recording():
        operation(40_000)
        operation(60_000)
        assert (cassette.counters.queued, cassette.counters.dropped) == (1, 1)


def test_failing_saves_are_counted_and_logged_once(caplog):
    wrapped = BrokenCassette()
    logged = caplog.at_level(logging.WARNING, "playback")
    with logged, AsyncRecordOnlyTapeCassette(wrapped) as cassette:
        for number in range(20):
            save_new(cassette, broken=number % 2 == 0)
    assert cassette.counters.saved == cassette.counters.failed == 10
    assert len(wrapped.get_all_recording_ids()) == 10
    assert len(caplog.records) == 1
    assert "the disk is full" in caplog.text


def test_a_cassette_that_raises_does_not_end_the_writer():
    class Raising(InMemoryTapeCassette):
        broken = True

        def _save_recordings(self, recordings):
            if self.broken:
                raise OSError("gone")
            return super()._save_recordings(recordings)

    with AsyncRecordOnlyTapeCassette(Raising()) as cassette:
        save_new(cassette)
        assert cassette.flush(30)
        cassette.wrapped_tape_cassette.broken = False
        save_new(cassette)
        assert cassette.flush(30)
        assert (cassette.counters.saved, cassette.counters.failed) == (1, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_died_is_started_again():
    class Deadly(InMemoryTapeCassette):
        deadly = True

        def _save_recordings(self, recordings):
            if self.deadly:
                raise SystemExit
            return super()._save_recordings(recordings)

    with AsyncRecordOnlyTapeCassette(Deadly()) as cassette:
        others = set(threading.enumerate())
        cassette.start()
        (writer,) = set(threading.enumerate()) - others
        save_new(cassette)
        assert cassette.flush(30)
        writer.join()
        cassette.wrapped_tape_cassette.deadly = False
        kept = save_new(cassette)
        assert cassette.flush(30)
        assert (cassette.counters.saved, cassette.counters.failed) == (1, 1)
        assert cassette.wrapped_tape_cassette.get_all_recording_ids() == [kept]


class Batches(InMemoryTapeCassette):
    """Notes the sizes of its batches, and stores none until it may."""

    def __init__(self):
        super().__init__()
        self.sizes: list[int] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def _save_recordings(self, recordings):
        self.sizes.append(len(recordings))
        self.begun.set()
        self.go_on.wait(30)
        return super()._save_recordings(recordings)


def test_a_batch_that_is_full_is_stored_at_once():
    wrapped = Batches()
    wrapped.go_on.set()
    with AsyncRecordOnlyTapeCassette(wrapped, flush_interval=300) as cassette:
        ids = [save_new(cassette) for _ in range(300)]
        assert wrapped.begun.wait(30)
    assert wrapped.get_all_recording_ids() == sorted(ids)


def test_what_comes_while_a_batch_is_stored_is_gathered_for_the_next():
    wrapped = Batches()
    with AsyncRecordOnlyTapeCassette(wrapped, flush_interval=300) as cassette:
        save_new(cassette)
        flushing = threading.Thread(target=cassette.flush)
        flushing.start()
        assert wrapped.begun.wait(30)
        save_new(cassette)
        wrapped.go_on.set()
        flushing.join()
        save_new(cassette)
        cassette.flush()
    assert wrapped.sizes == [1, 2]


def test_closing_stores_what_is_queued_and_closes_the_wrapped_cassette():
    class Closing(InMemoryTapeCassette):
        closed = 0

        def close(self):
            self.closed += 1

    wrapped = Closing()
    cassette = AsyncRecordOnlyTapeCassette(wrapped, flush_interval=30)
    ids = [save_new(cassette) for _ in range(5)]
    cassette.close()
    cassette.close()
    assert wrapped.get_all_recording_ids() == sorted(ids)
    assert wrapped.closed == 1


def test_saving_after_close_is_counted_and_does_not_raise():
    cassette = AsyncRecordOnlyTapeCassette(InMemoryTapeCassette())
    cassette.close()
    save_new(cassette)
    assert cassette.counters.dropped == 1
    assert cassette.wrapped_tape_cassette.get_all_recording_ids() == []


def test_closing_waits_no_longer_than_it_was_told(caplog):
    wrapped = HeldCassette()
    cassette = AsyncRecordOnlyTapeCassette(wrapped, flush_interval=0, timeout_on_close=0.05)
    save_new(cassette)
    assert wrapped.saving.wait(30)
    with caplog.at_level(logging.WARNING, "playback"):
        cassette.close()
    assert "1 recordings were not stored" in caplog.text
    wrapped.let_go.set()


def test_where_no_thread_can_be_started_flushing_stores(monkeypatch, caplog):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    with AsyncRecordOnlyTapeCassette(InMemoryTapeCassette()) as cassette:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        ids = [save_new(cassette) for _ in range(3)]
        assert cassette.wrapped_tape_cassette.get_all_recording_ids() == []
        assert cassette.flush(30)
        assert cassette.wrapped_tape_cassette.get_all_recording_ids() == sorted(ids)
    assert "can't start new thread" in caplog.text


def test_many_threads_lose_nothing():
    with AsyncRecordOnlyTapeCassette(InMemoryTapeCassette(), flush_interval=0.001) as cassette:
        threads = [
            threading.Thread(target=lambda: [save_new(cassette) for _ in range(100)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert cassette.counters.saved == cassette.counters.queued == 800
    assert len(cassette.wrapped_tape_cassette.get_all_recording_ids()) == 800


@pytest.mark.parametrize(
    "read",
    [
        lambda cassette: cassette.get_recording("a/b/c"),
        lambda cassette: cassette.get_recording_metadata("a/b/c"),
        lambda cassette: cassette.iter_recording_ids("a"),
        lambda cassette: cassette.iter_recordings_metadata("a"),
        lambda cassette: cassette.iter_categories(),
        lambda cassette: cassette.delete_recording("a/b/c"),
        lambda cassette: cassette.prune(datetime.now(UTC)),
    ],
)
def test_reading_through_it_is_an_error_that_names_the_wrapped_cassette(held, read):
    with pytest.raises(TapeRecorderException, match="wrapped_tape_cassette"):
        read(held)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((InMemoryTapeCassette(), -1), {}),
        ((InMemoryTapeCassette(), 0.1, "x"), {}),
        ((InMemoryTapeCassette(),), {"max_queue_bytes": -1}),
        (("playback.db",), {}),
        ((AsyncRecordOnlyTapeCassette(InMemoryTapeCassette()),), {}),
    ],
)
def test_wrong_arguments_are_refused(arguments, options):
    with pytest.raises(SettingsError):
        AsyncRecordOnlyTapeCassette(*arguments, **options)
