"""SQLite and the background writer with many processes: forks, concurrent writers, kill -9."""

import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest

from playback_core import AsyncRecordOnlyTapeCassette, SQLiteTapeCassette
from playback_core.testing import save_new

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "playback.db"


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


def run_python(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, text=True, **options
    )


def stored_ids(path):
    with SQLiteTapeCassette(path, create=False) as cassette:
        ids = list(cassette.iter_recording_ids("Operation"))
        for recording_id in ids:
            assert cassette.get_recording(recording_id).get_data("key") == {"value": 1}
    return ids


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_writer_lives_again_in_each_forked_child(path):
    with AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(path)) as cassette:
        save_new(cassette)

        def work():
            for _ in range(20):
                save_new(cassette)
            assert cassette.flush(30)
            assert cassette.counters.saved == 20

        wait_for([in_child(work) for _ in range(3)])
    assert len(set(stored_ids(path))) == 61


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_what_is_queued_at_a_fork_is_stored_once(path):
    with AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(path), flush_interval=30) as cassette:
        for _ in range(10):
            save_new(cassette)
        wait_for([in_child(lambda: cassette.flush(30))])
        assert cassette.flush(30)
        assert len(stored_ids(path)) == 10


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_forking_while_other_threads_write_harms_neither_process(path):
    with SQLiteTapeCassette(path) as cassette:
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
    assert len(stored_ids(path)) == len(saved) + 50


def test_eight_processes_with_threads_write_one_new_file(path):
    code = """
import sys, threading
from playback_core import SQLiteTapeCassette
from playback_core.testing import save_new
sys.stdin.readline()
cassette = SQLiteTapeCassette(sys.argv[1], timeout=60)
def work():
    for _ in range(10):
        save_new(cassette, user=1)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
cassette.close()
"""
    processes = [run_python(code, path, stdin=subprocess.PIPE) for _ in range(8)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert len(set(stored_ids(path))) == 240


def test_a_killed_process_loses_only_what_was_not_flushed(path):
    code = """
import sys
from playback_core import AsyncRecordOnlyTapeCassette, SQLiteTapeCassette
from playback_core.testing import save_new
cassette = AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(sys.argv[1]), flush_interval=0.001)
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
    process = run_python(code, path, stdout=subprocess.PIPE)
    for _ in range(3):
        line = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    acknowledged = int((rest.splitlines() or [line])[-1])
    assert len(stored_ids(path)) >= acknowledged


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
def test_the_end_of_the_interpreter_stores_what_is_queued(path, ending):
    code = f"""
import os, signal, sys
from playback_core import AsyncRecordOnlyTapeCassette, SQLiteTapeCassette
from playback_core.testing import save_new
def broken(*args, **kwargs):
    raise RuntimeError("can't start new thread")
cassette = AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(sys.argv[1]), flush_interval=30)
if "broken" not in {ending!r}:
    save_new(cassette)
{ending}
"""
    run_python(code, path, stderr=subprocess.DEVNULL).communicate()
    assert len(stored_ids(path)) == 1


def test_a_forked_child_that_exits_normally_stores_what_is_queued(path):
    code = """
import os, sys
from playback_core import AsyncRecordOnlyTapeCassette, SQLiteTapeCassette
from playback_core.testing import save_new
cassette = AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(sys.argv[1]))
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
    process = run_python(code, path)
    process.communicate()
    assert process.returncode == 0
    assert len(stored_ids(path)) == 2
