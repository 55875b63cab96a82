"""What was computed with redacted values is told from what the code does otherwise."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, Playback, TapeRecorder
from playback_core.codec.redaction import Redactor
from playback_core.sandbox_options import SandboxOptions
from playback_core.studio import (
    CompareExecutionConfig,
    EqualityStatus,
    Equalizer,
    compare_outputs,
)
from playback_core.studio.comparison import Comparison
from playback_core.studio.summary import Comparisons

SECRET = "hunter2-the-secret-of-a-user"


class Desk:
    """An operation that is given a secret, and may make something of it."""

    def __init__(self, body: Callable[["Desk"], Any], *, password: str = SECRET) -> None:
        self.cassette = InMemoryTapeCassette()
        self.recorder = recorder = TapeRecorder(self.cassette)
        recorder.redaction = Redactor(key=b"a key of the tests, long enough")
        self.sandbox: SandboxOptions | None = SandboxOptions()
        self.replays = 0
        self.body = body
        self.form = recorder.intercept_input("form")(lambda: {"password": password, "name": "ann"})
        self.account = recorder.intercept_input("account")(lambda digest: 7)
        self.save = recorder.intercept_output("save")(lambda *values: None)
        self.execute = recorder.operation(category="desk")(lambda: self.body(self))
        with recorder.enabled_recording():
            self.execute()

    def play(self, recording_id: str) -> Playback:
        self.replays += 1
        return self.recorder.play(
            recording_id, lambda recording: self.execute(), sandbox=self.sandbox
        )

    def compare(self, body: Callable[["Desk"], Any] | None = None, **config: Any) -> Comparison:
        self.body = body or self.body
        ids = self.cassette.get_all_recording_ids()
        equalizer = Equalizer(
            ids,
            self.play,
            list,
            compare_outputs,
            compare_execution_config=CompareExecutionConfig(**config),
        )
        (comparison,) = equalizer.run_comparison()
        return comparison


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def told(comparison: Comparison) -> tuple[EqualityStatus, list[str]]:
    result = comparison.comparator_status
    by_rule = [each.path for each in result.diff.ignored if each.rule == "redacted value"]
    return result.equality_status, by_rule


def hashing(desk: Desk) -> str:
    desk.save(digest(desk.form()["password"]), "kept")
    return "saved"


@pytest.mark.parametrize(
    "made_of",
    [
        digest,
        lambda password: password[:3] + password[-3:],
        lambda password: f"Your password has {password.upper()}.",
        lambda password: password.encode().hex(),
        lambda password: {"strength": password.count("a"), "is_long": True}["strength"],
    ],
    ids=["digest", "part", "text around it", "encoded", "number"],
)
def test_what_was_made_of_a_redacted_value_is_not_verified_and_not_different(made_of: Any) -> None:
    def body(desk: Desk) -> str:
        desk.save(made_of(desk.form()["password"]), "kept")
        return "saved"

    comparison = Desk(body).compare()
    assert told(comparison) == (EqualityStatus.EqualizerFailure, ["output save #1 args[0]"])
    assert "not verified: 1 redacted value(s) (output save #1 args[0])" in str(comparison)


def test_it_is_so_in_the_result_and_at_any_depth() -> None:
    def body(desk: Desk) -> Any:
        return {"etag": [digest(desk.form()["password"])], "status": 200}

    status, places = told(Desk(body).compare())
    assert status is EqualityStatus.EqualizerFailure
    assert places == ["result['etag'][0]"]


def test_another_difference_is_different_all_the_same() -> None:
    def changed(desk: Desk) -> str:
        desk.save(digest(desk.form()["password"]), "lost")
        return "saved"

    comparison = Desk(hashing).compare(changed)
    assert told(comparison) == (EqualityStatus.Different, ["output save #1 args[0]"])
    message = comparison.comparator_status.message or ""
    assert message.startswith('output save #1 args[1]: "kept" -> "lost"')
    assert "[not verified: 1 redacted value(s)" in message


def test_a_value_that_does_not_depend_on_what_is_redacted_is_different() -> None:
    def changed(desk: Desk) -> str:
        desk.save(digest(desk.form()["name"]), "kept")
        return "saved"

    assert told(Desk(hashing).compare(changed)) == (EqualityStatus.Different, [])


def test_a_dropped_output_is_different() -> None:
    def changed(desk: Desk) -> str:
        desk.form()
        return "saved"

    assert told(Desk(hashing).compare(changed)) == (EqualityStatus.Different, [])


def test_what_differs_in_each_replay_is_different() -> None:
    desk = Desk(hashing)

    def changed(desk: Desk) -> str:
        desk.save(digest(desk.form()["password"] + str(desk.replays)), "kept")
        return "saved"

    assert told(desk.compare(changed)) == (EqualityStatus.Different, [])
    assert desk.replays == 3


def test_a_pseudonym_in_the_place_of_its_value_is_the_same_value_and_listed() -> None:
    def body(desk: Desk) -> str:
        form = desk.form()
        desk.save(f"INSERT {form['name']}, {form['password']};", form["password"].encode())
        return f"Your password is {form['password']}"

    comparison = Desk(body).compare()
    result = comparison.comparator_status
    assert result.equality_status is EqualityStatus.Equal
    assert result.diff.ignored_by_rule() == {"redacted in the replay": 3}
    assert "redacted in the replay: 3" in str(comparison)


def test_a_pseudonym_of_another_value_is_different_or_not_verified() -> None:
    def body(desk: Desk) -> str:
        desk.save(desk.form()["password"])
        return "saved"

    def changed(desk: Desk) -> str:
        form = desk.form()
        desk.save(f"{form['password']}{form['password']}")
        return "saved"

    assert told(Desk(body).compare(changed))[0] is EqualityStatus.EqualizerFailure
    desk = Desk(body)
    desk.recorder.redaction = Redactor(key=b"a key of another process, long enough")
    assert told(desk.compare())[0] is EqualityStatus.EqualizerFailure
    another = desk.recorder.redaction.pseudonym("another secret")
    assert told(desk.compare(lambda desk: desk.save(another)))[0] is EqualityStatus.Different


def test_without_a_difference_or_a_pseudonym_nothing_is_replayed_again() -> None:
    def plain(desk: Desk) -> str:
        desk.save(desk.form()["password"], desk.form()["name"])
        return "saved"

    desk = Desk(plain)
    assert told(desk.compare())[0] is EqualityStatus.Equal
    assert desk.replays == 1

    def changed(desk: Desk) -> str:
        desk.save(desk.form()["password"], "bob")
        return "saved"

    desk = Desk(plain, password="")
    assert told(desk.compare(changed)) == (EqualityStatus.Different, [])
    assert desk.replays == 1


@pytest.mark.parametrize("sandbox", [None, SandboxOptions(paths=("/nowhere",))])
def test_what_may_reach_the_world_is_not_replayed_again(sandbox: SandboxOptions | None) -> None:
    desk = Desk(hashing)
    desk.sandbox = sandbox
    runs: list[str] = []

    def noted(desk: Desk) -> str:
        runs.append("ran")
        return hashing(desk)

    assert told(desk.compare(noted)) == (EqualityStatus.Different, [])
    assert runs == ["ran"]


def test_code_that_goes_another_way_with_other_pseudonyms_keeps_its_verdict() -> None:
    def body(desk: Desk) -> str:
        desk.save(digest(desk.form()["password"]))
        return str(desk.account(digest("of the application")))

    def changed(desk: Desk) -> str:
        password = desk.form()["password"]
        desk.save(digest(password))
        # The digit it begins with decides what is looked up.
        known = (
            password[8:] == Redactor(key=b"a key of the tests, long enough").pseudonym(SECRET)[8:]
        )
        return str(desk.account(digest("of the application" if known else "another")))

    assert told(Desk(body).compare(changed)) == (EqualityStatus.Different, [])


def test_it_is_found_in_a_dedicated_process_and_counted() -> None:
    comparison = Desk(hashing).compare(compare_in_dedicated_process=True)
    assert told(comparison)[0] is EqualityStatus.EqualizerFailure
    comparisons = Comparisons({"desk": iter([comparison])}, 1)
    list(comparisons)
    assert "; not verified as redacted values: 1" in comparisons.counted()
