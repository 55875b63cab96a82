"""Cassettes and the background writer with many processes: forks, concurrent writers, kill -9."""

import os
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

from playback_core import (
    AsyncRecordOnlyTapeCassette,
    FileBasedTapeCassette,
    SQLiteTapeCassette,
    TapeCassette,
)
from playback_core.cassettes._file_lock import WriterLock
from playback_core.testing import save_new

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Storage:
    """A place that several processes store in, and the cassette that does."""

    cassette_class: type[TapeCassette]
    path: Path

    def open(self, **options):
        return self.cassette_class(self.path, **options)


@pytest.fixture(params=[SQLiteTapeCassette, FileBasedTapeCassette])
def storage(request, tmp_path):
    return Storage(request.param, tmp_path / "recordings")


def in_child(work):
    """Fork, run `work` in the child and return the child's process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - printed; the child must not run the tests after it
        traceback.print_exc()
    finally:
        os._exit(status)


def wait_for(children):
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [
        0 for _ in children
    ]


def run_python(code, storage, **options):
    """Run code that opens the storage as `Cassette(path)`."""
    prepared = f"from playback_core import {storage.cassette_class.__name__} as Cassette\n{code}"
    command = [sys.executable, "-c", prepared, str(storage.path)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)


def stored_ids(storage):
    with storage.open(create=False) as cassette:
        ids = list(cassette.iter_recording_ids("Operation"))
        for recording_id in ids:
            assert cassette.get_recording(recording_id).get_data("key") == {"value": 1}
    return ids


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_writer_lives_again_in_each_forked_child(storage):
    with AsyncRecordOnlyTapeCassette(storage.open()) as cassette:
        save_new(cassette)

        def work():
            for _ in range(20):
                save_new(cassette)
            assert cassette.flush(30)
            assert cassette.counters.saved == 20

        wait_for([in_child(work) for _ in range(3)])
    assert len(set(stored_ids(storage))) == 61


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_what_is_queued_at_a_fork_is_stored_once(storage):
    with AsyncRecordOnlyTapeCassette(storage.open(), flush_interval=30) as cassette:
        for _ in range(10):
            save_new(cassette)
        wait_for([in_child(lambda: cassette.flush(30))])
        assert cassette.flush(30)
        assert len(stored_ids(storage)) == 10


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_forking_while_other_threads_write_harms_neither_process(storage):
    with storage.open() as cassette:
        done = threading.Event()
        saved = []

        def write():
            while not done.is_set():
                saved.append(save_new(cassette))

        writers = [threading.Thread(target=write) for _ in range(2)]
        for writer in writers:
            writer.start()
        children = [in_child(lambda: [save_new(cassette) for _ in range(5)]) for _ in range(10)]
        wait_for(children)
        done.set()
        for writer in writers:
            writer.join()
    assert len(stored_ids(storage)) == len(saved) + 50


def test_eight_processes_with_threads_write_one_new_file(storage):
    code = """
import sys, threading
from playback_core.cassettes._file_lock import WriterLock
from playback_core.testing import save_new
sys.stdin.readline()
cassette = Cassette(sys.argv[1], timeout=60)
def work():
    for _ in range(10):
        save_new(cassette, user=1)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
cassette.close()
"""
    processes = [run_python(code, storage, stdin=subprocess.PIPE) for _ in range(8)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert len(set(stored_ids(storage))) == 240


def test_a_killed_process_loses_only_what_was_not_flushed(storage):
    code = """
import sys
from playback_core import AsyncRecordOnlyTapeCassette
from playback_core.cassettes._file_lock import WriterLock
from playback_core.testing import save_new
cassette = AsyncRecordOnlyTapeCassette(Cassette(sys.argv[1]), flush_interval=0.001)
flushed = 0
while True:
    for _ in range(20):
        save_new(cassette)
    cassette.flush()
    flushed += 20
    print(flushed, flush=True)
    for _ in range(200):
        save_new(cassette)
        flushed += 1
"""
    process = run_python(code, storage, stdout=subprocess.PIPE)
    for _ in range(3):
        line = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    acknowledged = int((rest.splitlines() or [line])[-1])
    assert len(stored_ids(storage)) >= acknowledged


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "sys.exit(3)",
        "raise RuntimeError('the application failed')",
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); os.kill(os.getpid(), 15)",
        # No thread can be started any more: stored by whoever closes.
        "import _thread, threading; threading._start_new_thread = threading._start_joinable_thread"
        " = broken; save_new(cassette)",
    ],
)
def test_the_end_of_the_interpreter_stores_what_is_queued(storage, ending):
    code = f"""
import os, signal, sys
from playback_core import AsyncRecordOnlyTapeCassette
from playback_core.cassettes._file_lock import WriterLock
from playback_core.testing import save_new
def broken(*args, **kwargs):
    raise RuntimeError("can't start new thread")
cassette = AsyncRecordOnlyTapeCassette(Cassette(sys.argv[1]), flush_interval=30)
if "broken" not in {ending!r}:
    save_new(cassette)
{ending}
"""
    run_python(code, storage, stderr=subprocess.DEVNULL).communicate()
    assert len(stored_ids(storage)) == 1


def test_a_forked_child_that_exits_normally_stores_what_is_queued(storage):
    code = """
import os, sys
from playback_core import AsyncRecordOnlyTapeCassette
from playback_core.cassettes._file_lock import WriterLock
from playback_core.testing import save_new
cassette = AsyncRecordOnlyTapeCassette(Cassette(sys.argv[1]))
children = []
for _ in range(2):
    child = os.fork()
    if not child:
        save_new(cassette)
        sys.exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""
    process = run_python(code, storage)
    process.communicate()
    assert process.returncode == 0
    assert len(stored_ids(storage)) == 2


def test_a_lock_held_at_a_fork_is_not_kept_by_the_child(tmp_path):
    code = """
import os, signal, sys, threading
from playback_core.cassettes._file_lock import WriterLock
from pathlib import Path
lock = WriterLock(Path(sys.argv[1]), 0)
with lock.held():
    child = os.fork()
    if not child:
        print(flush=True)
        sys.stdin.read()
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    storage = Storage(FileBasedTapeCassette, tmp_path / "lock")
    process = run_python(code, storage, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    assert process.wait() == -signal.SIGKILL
    with WriterLock(storage.path, 0).held() as usage:
        assert usage.taken is None
    process.communicate()
