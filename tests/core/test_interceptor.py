"""An interceptor replaces functions of a library, records their calls, and answers them again."""

import asyncio
import inspect
import logging
import sys
from types import ModuleType
from typing import ClassVar

import pytest

from playback_core import RecordingKeyError, SandboxOptions, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.interceptor import (
    CallTarget,
    InputTarget,
    Interceptor,
    OutputTarget,
    install,
    installed,
    uninstall,
)
from playback_core.library_interception import INPUT, UNRECORDED, Call
from playback_core.outcome import Outcome

LIBRARY = "shipping_library"


class Client:
    """A library as an application sees it: `calls` has what reached the world."""

    calls: ClassVar[list[str]] = []

    def rate(self, city):
        self.calls.append(f"rate {city}")
        if city == "Atlantis":
            raise LookupError(city)
        return {"city": city, "cents": 100 + len(self.calls)}

    async def rate_later(self, city):
        self.calls.append(f"rate {city}")
        return len(self.calls)

    def ship(self, order, note=None):
        self.calls.append(f"ship {order}")
        return f"parcel {order}"

    def rate_twice(self, city):
        return self.rate(city), self.rate(city)

    @classmethod
    def open(cls, url):
        cls.calls.append(f"open {url}")
        return "opened"


class FoldedCase(CallTarget):
    def describe(self, args, kwargs):
        return Call(INPUT, "shipping: rate", {"city": args[1]})

    def normalised(self, fields):
        return {"city": fields["city"].lower()}


class Unrecorded(CallTarget):
    answer = Outcome("not called")

    def describe(self, args, kwargs):
        return Call(UNRECORDED, "twice", {})

    def answer_missing(self, call):
        return self.answer


TARGETS = [
    FoldedCase(LIBRARY, "Client.rate"),
    InputTarget(LIBRARY, "Client.rate_later", alias="later", fields=lambda self, city: {"c": city}),
    OutputTarget(
        LIBRARY,
        "Client.ship",
        alias="ship",
        fields=lambda self, order, note=None: {"order": order, "note": note},
    ),
    InputTarget(LIBRARY, "Client.open", alias="open", fields=lambda cls, url: {"url": url}),
]


@pytest.fixture
def library():
    module = ModuleType(LIBRARY)
    module.Client = type("Client", (Client,), dict(vars(Client)) | {"calls": []})
    sys.modules[LIBRARY] = module
    yield module
    uninstall(LIBRARY)
    del sys.modules[LIBRARY]


def intercept(*targets):
    install(Interceptor(library=LIBRARY, targets=targets or TARGETS))


def recorded(operation):
    """Record one run of an operation; return the recorder, the recording's id and the decorated."""
    recorder = TapeRecorder(InMemoryTapeCassette())
    decorated = recorder.operation(category="work")(operation)
    with recorder.enabled_recording():
        result = decorated()
    (recording_id,) = recorder.tape_cassette.iter_recording_ids("work")
    return recorder, recording_id, result


def replayed(recorder, recording_id, operation):
    results = []
    decorated = recorder.operation(category="work")(operation)
    playback = recorder.play(recording_id, lambda recording: results.append(decorated()))
    return playback, results[0] if results else None


def test_calls_are_answered_from_the_recording_and_reach_nothing(library):
    intercept()
    client = library.Client()

    def work():
        return client.rate("Rome"), client.rate("Rome"), client.ship(7), client.open("x")

    recorder, recording_id, result = recorded(work)
    client.calls.clear()
    playback, again = replayed(recorder, recording_id, work)

    assert again == result
    assert client.calls == []
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs
    assert playback.playback_outputs[0].value == {"args": [], "kwargs": {"order": 7, "note": None}}


def test_an_exception_of_the_library_is_raised_again(library):
    intercept()
    client = library.Client()

    def work():
        try:
            client.rate("Atlantis")
        except LookupError as error:
            return error.args

    recorder, recording_id, result = recorded(work)
    client.calls.clear()
    assert replayed(recorder, recording_id, work)[1] == result == ("Atlantis",)
    assert client.calls == []


def test_coroutine_functions_stay_what_they_are_and_are_answered_by_awaiting(library):
    intercept()
    client = library.Client()
    assert inspect.iscoroutinefunction(client.rate_later)

    def work():
        return asyncio.run(client.rate_later("Rome"))

    recorder, recording_id, result = recorded(work)
    client.calls.clear()
    assert replayed(recorder, recording_id, work)[1] == result
    assert client.calls == []


def test_a_call_that_means_the_same_is_served_and_listed_as_normalised(library):
    intercept()
    client = library.Client()
    recorder, recording_id, result = recorded(lambda: client.rate("Rome"))
    playback, again = replayed(recorder, recording_id, lambda: client.rate("ROME"))
    assert again == result
    assert [(each.alias, each.how) for each in playback.moved] == [("shipping: rate", "normalised")]


def test_a_call_that_was_not_recorded_names_the_nearest_and_what_differs(library):
    intercept()
    client = library.Client()
    recorder, recording_id, _ = recorded(lambda: client.rate("Rome"))
    with pytest.raises(RecordingKeyError, match='was "Rome", is "Oslo"'):
        replayed(recorder, recording_id, lambda: client.rate("Oslo"))
    assert client.calls == ["rate Rome"]


def test_an_unrecorded_call_leaves_no_entry_and_a_replay_answers_it(library):
    intercept(*TARGETS, Unrecorded(LIBRARY, "Client.rate_twice"))
    client = library.Client()
    recorder, recording_id, result = recorded(lambda: client.rate_twice("Rome")[0]["city"])
    assert result == "Rome"
    recording = recorder.tape_cassette.get_recording(recording_id)
    assert {"twice", "shipping: rate"}.isdisjoint(entry.alias for entry in recording.entries)
    client.calls.clear()
    assert replayed(recorder, recording_id, lambda: client.rate_twice("Rome"))[1] == "not called"
    assert client.calls == []


def test_an_unrecorded_call_that_raises_does_so_and_costs_no_recording(library):
    intercept(*TARGETS, Unrecorded(LIBRARY, "Client.rate_twice"))
    client = library.Client()

    def work():
        with pytest.raises(LookupError):
            client.rate_twice("Atlantis")

    assert recorded(work)[0].counters == {"recorded": 1}


def test_an_unrecorded_call_without_an_answer_runs_in_a_replay(library):
    target = Unrecorded(LIBRARY, "Client.rate_twice")
    target.answer = None
    intercept(target)
    client = library.Client()
    recorder, recording_id, _ = recorded(lambda: client.rate_twice("Rome"))
    replayed(recorder, recording_id, lambda: client.rate_twice("Rome"))
    assert client.calls == ["rate Rome"] * 4


def test_a_call_that_is_allowed_runs_with_all_it_calls(library):
    twice = InputTarget(LIBRARY, "Client.rate_twice", alias="twice", fields=lambda self, city: {})
    intercept(*TARGETS, twice)
    client = library.Client()
    recorder, recording_id, _ = recorded(lambda: None)
    decorated = recorder.operation(category="work")(lambda: client.rate_twice("Rome"))
    allowed = SandboxOptions.parse(["alias:twice"])
    playback = recorder.play(recording_id, lambda recording: decorated(), sandbox=allowed)
    assert client.calls == ["rate Rome", "rate Rome"]
    assert playback.missed == []


def test_outputs_that_swap_places_keep_their_own_results(library):
    intercept()
    client = library.Client()
    recorder, recording_id, _ = recorded(lambda: (client.ship(1), client.ship(2)))
    _, again = replayed(recorder, recording_id, lambda: (client.ship(2), client.ship(1)))
    assert again == ("parcel 2", "parcel 1")


def test_an_output_that_sends_something_else_gets_the_next_result(library):
    intercept()
    client = library.Client()
    recorder, recording_id, _ = recorded(lambda: (client.ship(1), client.ship(2)))
    _, again = replayed(recorder, recording_id, lambda: (client.ship(1, "fragile"), client.ship(2)))
    assert again == ("parcel 1", "parcel 2")


def test_without_an_operation_the_library_is_as_it_was(library):
    client = library.Client()
    intercept()
    assert client.ship(1) == "parcel 1"
    assert library.Client.open("x") == "opened"
    assert client.calls == ["ship 1", "open x"]


def test_uninstalling_puts_the_very_functions_back(library):
    before = dict(vars(library.Client))
    intercept()
    assert vars(library.Client)["ship"] is not before["ship"]
    uninstall(LIBRARY)
    assert dict(vars(library.Client)) == before


def test_installing_twice_replaces_once(library):
    intercept()
    ours = vars(library.Client)["ship"]
    intercept()
    assert vars(library.Client)["ship"] is ours


def test_what_somebody_else_has_wrapped_since_is_left_alone(library):
    intercept()
    theirs = library.Client.ship = lambda self, order: "theirs"
    uninstall(LIBRARY)
    assert vars(library.Client)["ship"] is theirs


class ByName(InputTarget):
    by_name = True


def test_who_has_imported_a_function_by_its_name_is_given_ours_and_the_original_again(
    library, monkeypatch
):
    def rate(city):
        return len(library.Client.calls)

    application = ModuleType("shipping_application")
    library.rate = application.rate_of = rate
    monkeypatch.setitem(sys.modules, "shipping_application", application)
    intercept(ByName(LIBRARY, "rate", alias="rate", fields=lambda city: {"city": city}))

    recorder, recording_id, _ = recorded(lambda: application.rate_of("Rome"))
    library.Client.calls.append("another")
    assert replayed(recorder, recording_id, lambda: application.rate_of("Rome"))[1] == 0
    uninstall(LIBRARY)
    assert application.rate_of is rate


class Computed(FoldedCase):
    computes = True


def test_what_only_computes_runs_where_it_was_not_recorded_and_is_no_miss(library):
    intercept(Computed(LIBRARY, "Client.rate"))
    client = library.Client()
    recorder, recording_id, _ = recorded(lambda: client.rate("Rome"))
    playback, again = replayed(recorder, recording_id, lambda: client.rate("Oslo"))
    assert again["city"] == "Oslo"
    assert playback.missed == []


def test_a_missing_place_switches_the_interceptor_off_with_one_line(library, caplog):
    before = dict(vars(library.Client))
    with caplog.at_level(logging.WARNING, logger="playback"):
        intercept(*TARGETS, FoldedCase(LIBRARY, "Client.quote"), FoldedCase(LIBRARY, "Server.x"))
    (line,) = caplog.messages
    assert f"{LIBRARY} of unknown version has no {LIBRARY}:Client.quote" in line
    assert dict(vars(library.Client)) == before
    assert LIBRARY not in installed()


def test_an_optional_place_may_be_missing(library, caplog):
    intercept(*TARGETS, FoldedCase(LIBRARY, "Client.quote", optional=True))
    assert caplog.messages == []
    assert LIBRARY in installed()


def test_a_submodule_that_is_gone_switches_the_interceptor_off(library, caplog):
    library.__path__ = []
    with caplog.at_level(logging.WARNING, logger="playback"):
        intercept(*TARGETS, FoldedCase(f"{LIBRARY}.cluster", "Cluster.rate"))
    assert f"has no {LIBRARY}.cluster:Cluster.rate" in caplog.text
    assert LIBRARY not in installed()


def test_a_library_that_is_imported_later_is_intercepted_then(tmp_path, monkeypatch):
    code = "calls = []\ndef read():\n    calls.append(1)\n    return len(calls)\n"
    (tmp_path / "late_library.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    target = InputTarget("late_library", "read", alias="read", fields=dict)
    install(Interceptor(library="late_library", targets=[target]))
    try:
        assert "late_library" not in sys.modules
        import late_library

        recorder, recording_id, _ = recorded(late_library.read)
        assert replayed(recorder, recording_id, late_library.read)[1] == 1
        assert late_library.calls == [1]
    finally:
        uninstall("late_library")
        sys.modules.pop("late_library", None)


def test_a_fault_of_an_interceptor_loses_the_recording_and_not_the_call(library, caplog):
    def broken(*args):
        raise ZeroDivisionError("in fields")

    intercept(InputTarget(LIBRARY, "Client.rate", alias="rate", fields=broken))
    recorder = TapeRecorder(InMemoryTapeCassette())
    client = library.Client()
    with recorder.enabled_recording():
        result = recorder.operation(category="work")(lambda: client.rate("Rome"))()
    assert result["city"] == "Rome"
    assert recorder.counters == {"failed": 1}
    assert f"Beginning library call '{LIBRARY}:Client.rate'" in caplog.text
