"""Recording never hurts: signals, lazy values, broken logging and endless operations."""

import logging
import signal
from functools import partial

import pytest

from playback_core import InMemoryTapeCassette, InputInterceptionDataHandler, TapeRecorder
from playback_core import recording_session as bounds


class TimeLimit(Exception):
    """What a task queue raises from a signal handler."""


@pytest.fixture
def recorder():
    return TapeRecorder(InMemoryTapeCassette())


@pytest.fixture
def alarm():
    """Return a function in which the time limit is reached, as if a signal came just then."""

    def ring(number, frame):
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda *args, **kwargs: signal.raise_signal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)


def test_a_time_limit_reaches_the_application_when_a_key_is_made(recorder, alarm):
    @recorder.intercept_input("number {which}", alias_params_resolver=alarm)
    def read():
        return 1

    check_time_limit(recorder, read, {})


def test_a_time_limit_reaches_the_application_when_a_result_is_recorded(recorder, alarm):
    class Handler(InputInterceptionDataHandler):
        prepare_input_for_recording = alarm
        restore_input_from_recording = alarm

    @recorder.intercept_input("number", data_handler=Handler())
    def read():
        return 1

    check_time_limit(recorder, read, {})


def test_a_time_limit_reaches_the_application_when_an_operation_is_stored(recorder, alarm):
    check_time_limit(recorder, lambda: 1, {"metadata_extractor": alarm})


class Limit:
    """Handlers of a signal in the forms that libraries write them in."""

    def __call__(self, number, frame):
        raise TimeLimit

    def once(self, number, frame):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        raise TimeLimit

    def of_any_call(self, *args, seconds=1):
        raise TimeLimit


@pytest.mark.parametrize(
    "handler",
    [Limit(), Limit().once, partial(Limit.once, Limit()), Limit().of_any_call],
    ids=["object", "once", "partial", "any call"],
)
def test_a_time_limit_reaches_the_application_whatever_its_handler_is(recorder, alarm, handler):
    signal.signal(signal.SIGALRM, handler)

    @recorder.intercept_input("number {which}", alias_params_resolver=alarm)
    def read():
        return 1

    check_time_limit(recorder, read, {})


def check_time_limit(recorder, call, options):
    limited = recorder.operation(**options)(call)
    unlimited = recorder.operation()(lambda: 1)
    with recorder.enabled_recording():
        with pytest.raises(TimeLimit):
            limited()
        assert recorder.counters == {"failed": 1}
        unlimited()
    assert recorder.counters == {"failed": 1, "recorded": 1}


def test_a_raising_log_filter_costs_the_application_nothing(recorder):
    def refuse(record):
        raise RuntimeError("no logging today")

    logger = logging.getLogger("playback")
    logger.addFilter(refuse)
    try:

        @recorder.operation(metadata_extractor=lambda: 1 / 0)
        def operation():
            return 1

        with recorder.enabled_recording():
            assert operation() == 1
    finally:
        logger.removeFilter(refuse)
    assert recorder.counters["unlogged"] == 1
    assert recorder.counters["failed"] == 1


def test_a_lazy_value_is_not_evaluated(recorder):
    looked = []

    class Lazy:
        @property
        def __class__(self):
            looked.append("class")
            return list

        def __iter__(self):
            looked.append("iter")
            return iter(())

        def __reduce__(self):
            looked.append("reduce")
            return (list, ())

    @recorder.intercept_input("rows")
    def rows():
        return Lazy()

    @recorder.operation()
    def operation():
        rows()

    with recorder.enabled_recording():
        operation()
    assert looked == []


def test_what_one_operation_keeps_is_bounded(recorder, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_OPERATION_BYTES", 100_000)

    @recorder.intercept_input("page")
    def page(number):
        return "x" * 5_000

    with recorder.enabled_recording():
        with recorder.start_recording("endless", {}):
            for number in range(50):
                page(number)
            assert not recorder.in_recording_mode
        with recorder.start_recording("short", {}):
            page(1)
    assert recorder.counters == {"too_large": 1, "recorded": 1}
