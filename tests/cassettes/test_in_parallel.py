"""Several waits at once: results in order, one error for all, and no thread where none can be."""

from threading import Barrier, Thread, current_thread

import pytest

from playback_core.cassettes._in_parallel import AT_ONCE, in_parallel


def test_results_are_in_the_order_of_the_items():
    assert in_parallel(lambda item: item * 2, range(100)) == list(range(0, 200, 2))
    assert in_parallel(str, []) == []


def test_as_many_work_at_once_as_are_allowed():
    all_there = Barrier(AT_ONCE, timeout=30)
    threads = in_parallel(lambda _: (all_there.wait(), current_thread())[1], range(AT_ONCE))
    assert len(set(threads)) == AT_ONCE
    assert current_thread() in threads


def test_the_first_error_ends_the_rest_and_is_raised():
    done = []

    def work(item):
        if item == 3:
            raise KeyError(item)
        done.append(item)

    with pytest.raises(KeyError):
        in_parallel(work, range(10_000))
    assert len(done) < 10_000


def test_the_caller_does_it_all_where_no_thread_can_be_started(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(Thread, "start", refuse)
    assert set(in_parallel(lambda _: current_thread(), range(5))) == {current_thread()}
