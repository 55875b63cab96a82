"""Programs run once, when it is recorded; a replay starts none and has all that came of them."""

import asyncio
import signal
import subprocess
import sys
from subprocess import CalledProcessError, TimeoutExpired, check_output, run

import pytest

from playback_core.errors import RecordingKeyError, SideEffectBlocked
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from tests.interceptors.runs import Runs


@pytest.fixture(autouse=True)
def _chosen():
    install_interceptors(["subprocess"])
    yield
    uninstall_interceptors()


def program(code):
    """Return the command of a program that leaves a line in the file `ran` each time it runs."""
    return [sys.executable, "-c", f"open('ran', 'a').write('x')\n{code}"]


@pytest.fixture(autouse=True)
def runs_of_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda: len((tmp_path / "ran").read_text())


def test_a_program_runs_once_and_its_output_comes_again(runs_of_program):
    def work():
        completed = subprocess.run(
            program("print(input()[::-1])"), input="hello\n", capture_output=True, text=True
        )
        return completed.stdout, completed.stderr, completed.returncode, completed.args

    runs = Runs(work)
    assert runs.result[0] == "olleh\n"
    replay = runs.replayed()
    assert replay.result == runs.result
    assert replay.is_equal
    assert runs_of_program() == 1


def test_every_way_to_run_one(runs_of_program):
    def work():
        return [
            check_output(program("print('a')")),
            subprocess.getoutput("echo b; echo x >> ran"),
            subprocess.call(program("raise SystemExit(3)")),
            subprocess.check_call(program("")),
            run(["true"]).returncode,
            subprocess.run("exit 4", shell=True).returncode,
        ]

    runs = Runs(work)
    assert runs.result == [b"a\n", "b", 3, 0, 0, 4]
    count = runs_of_program()
    replay = runs.replayed()
    assert replay.result == runs.result
    assert replay.is_equal
    assert runs_of_program() == count


def test_its_errors_come_again():
    def error_of(*args, **kwargs):
        try:
            subprocess.run(*args, **kwargs)
        except (OSError, subprocess.SubprocessError) as error:
            attributes = ("returncode", "stdout", "stderr", "timeout", "filename", "errno")
            return type(error), str(error), [getattr(error, name, None) for name in attributes]

    failing = program("import sys; print('out'); sys.exit('err')")
    endless = program("import time; print('begun', flush=True); time.sleep(60)")

    def work():
        return [
            error_of(failing, check=True, capture_output=True),
            error_of(endless, timeout=1.0, capture_output=True),
            error_of(["/no/such/program"]),
        ]

    runs = Runs(work)
    assert [kind for kind, _, _ in runs.result] == [
        CalledProcessError,
        TimeoutExpired,
        FileNotFoundError,
    ]
    assert runs.replayed().result == runs.result


def test_another_command_is_a_different_output(runs_of_program):
    runs = Runs(lambda: subprocess.run(program("print(1)"), capture_output=True).stdout)
    replay = runs.replayed(lambda: subprocess.run(program("print(2)"), capture_output=True).stdout)
    assert replay.result == b"1\n"
    assert replay.playback.playback_outputs != replay.playback.recorded_outputs
    assert runs_of_program() == 1


def test_a_process_that_is_talked_to(runs_of_program):
    def work():
        with subprocess.Popen(
            program("print(input())"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            said = process.communicate(b"hello\n")
            return said, process.returncode, process.pid, process.poll(), process.wait()

    runs = Runs(work)
    assert runs.result[:2] == ((b"hello\n", None), 0)
    replay = runs.replayed()
    assert replay.result == runs.result
    assert replay.is_equal
    assert runs_of_program() == 1


def test_a_process_that_is_ended():
    def work():
        process = subprocess.Popen(["sleep", "60"])
        with pytest.raises(TimeoutExpired):
            process.wait(0.01)
        before = process.poll()
        process.terminate()
        return before, process.wait(), process.returncode

    runs = Runs(work)
    assert runs.result == (None, -signal.SIGTERM, -signal.SIGTERM)
    replay = runs.replayed()
    assert replay.result == runs.result
    assert replay.is_equal


def test_a_pipe_that_is_read_directly_is_a_miss_and_nothing_else():
    def work():
        with subprocess.Popen(["echo", "hello"], stdout=subprocess.PIPE) as process:
            return process.stdout.read()

    runs = Runs(work)
    assert runs.result == b"hello\n"
    with pytest.raises(RecordingKeyError, match=r"recorded by communicate\(\) alone"):
        runs.replayed()


def test_processes_of_asyncio_run_and_are_blocked_in_a_replay():
    async def echo():
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=subprocess.PIPE)
        return (await process.communicate())[0]

    runs = Runs(lambda: asyncio.run(echo()))
    assert runs.result == b"hello\n"
    with pytest.raises(SideEffectBlocked, match="start process"):
        runs.replayed()


def test_its_environment_is_not_stored():
    runs = Runs(lambda: subprocess.run(["true"], env={"API_SECRET": "hunter2"}).returncode)
    assert b"hunter2" not in b"".join(each.arguments or b"" for each in runs.recording.entries)
    assert runs.replayed().is_equal


def test_without_an_operation_it_is_the_library_alone():
    with subprocess.Popen(["echo", "hello"], stdout=subprocess.PIPE) as process:
        assert process.stdout.read() == b"hello\n"
    assert subprocess.run(["true"]).returncode == 0
