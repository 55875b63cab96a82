"""PlaybackCelery: its settings, what it records, and what it leaves alone."""

from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from flask import Flask

from playback_celery import PlaybackCelery, players
from playback_core import TapeRecorder
from playback_core.errors import SettingsError
from playback_core.interceptors import uninstall_interceptors
from playback_flask import FlaskPlayback
from tests.celery.conftest import MakeApp, RecordedApp


def _app(**settings: Any) -> Celery:
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.playback = settings
    return app


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(SettingsError, match=r"Unknown setting SAMPLNG.*did you mean SAMPLING"):
        PlaybackCelery(_app(SAMPLNG=1), TapeRecorder())


def test_a_wrong_value_is_named_with_the_choices() -> None:
    with pytest.raises(SettingsError, match="SAMPLING in the configuration is 7"):
        PlaybackCelery(_app(SAMPLING=7), TapeRecorder())


@pytest.mark.parametrize("late", [{"EXCLUDE": ["a"]}, {"SAMPLNG": 1}])
def test_an_application_that_is_configured_after_its_playback_is_refused(
    shop: RecordedApp, late: dict[str, Any]
) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    shop.app.finalize()
    shop.app.conf.playback = late
    with pytest.raises(SettingsError):
        # As a worker does when it starts.
        build_tracer("add", add, app=shop.app)
    with pytest.raises(SettingsError):
        players(shop.app)
    assert add.apply((1, 2)).get() == 3


def test_a_configuration_that_is_changed_in_place_is_seen(shop: RecordedApp) -> None:
    shop.app.conf.playback["SAMPLING"] = 0.5
    with pytest.raises(SettingsError, match=r"'shop\d+' was changed after PlaybackCelery\(app\)"):
        players(shop.app)


def test_the_environment_goes_over_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYBACK_ENABLED", "0")
    recorder = TapeRecorder()
    playback = PlaybackCelery(_app(ENABLED=True, CASSETTE="memory://"), recorder)
    assert not recorder.recording_enabled
    assert playback.recorder is recorder


def test_nothing_is_recorded_under_pytest_unless_asked_for() -> None:
    recorder = TapeRecorder()
    PlaybackCelery(_app(), recorder)
    assert not recorder.recording_enabled
    assert recorder.tape_cassette is None


def test_an_application_without_playback_has_no_players() -> None:
    with pytest.raises(SettingsError, match=r"'shop' has no playback; add PlaybackCelery\(app\)"):
        players(_app())


def test_a_front_end_of_another_folder_is_told_where_recordings_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    recorder = TapeRecorder()
    web = Flask("web", instance_path=str(tmp_path / "instance"))
    web.config.update(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE="sqlite:///both.db")
    FlaskPlayback(web, recorder)
    relative, default = _app(ENABLED=True, CASSETTE="sqlite:///both.db"), _app(ENABLED=True)
    with pytest.raises(SettingsError, match=r"is relative: .*/instance, .*; make it absolute"):
        PlaybackCelery(relative, recorder)
    PlaybackCelery(default, recorder)
    assert "'shop' records to sqlite:///both.db in" in caplog.text
    recorder.disable_recording()
    recorder.readable_cassette().close()
    uninstall_interceptors()


def test_installing_twice_records_once(shop: RecordedApp) -> None:
    shop.playback.init_app(shop.app)
    PlaybackCelery(shop.app, shop.recorder)

    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    with shop.worker():
        shop.wait(add.delay(1, 2))
    assert len(shop.ids()) == 1


def test_tasks_are_left_out_by_patterns_of_their_names(make_app: MakeApp) -> None:
    shop = make_app(EXCLUDE=["health.*"])

    @shop.task("health.ping")
    def ping() -> None:
        """Do nothing."""

    @shop.task("orders.add")
    def add() -> None:
        """Do nothing."""

    with shop.worker():
        shop.wait(ping.delay())
        shop.wait(add.delay())
    assert [*shop.cassette.iter_categories()] == ["orders.add"]


def test_tasks_have_their_own_share_of_the_sampling(make_app: MakeApp) -> None:
    shop = make_app(SAMPLING={"rare": 0, "*": 1})

    @shop.task("rare")
    def rare() -> None:
        """Do nothing."""

    @shop.task("other")
    def other() -> None:
        """Do nothing."""

    with shop.worker():
        shop.wait(rare.delay())
        shop.wait(other.delay())
    assert [*shop.cassette.iter_categories()] == ["other"]
    assert shop.recorder.counters == {"recorded": 1, "sampled_out": 1}


def test_the_housekeeping_of_celery_is_recorded_only_where_it_is_named(make_app: MakeApp) -> None:
    shop, asked = make_app(), make_app(INCLUDE=["celery.*"])
    for each in (shop, asked):
        with each.worker():
            each.wait(each.app.tasks["celery.backend_cleanup"].delay())
    assert shop.ids() == []
    assert [*asked.cassette.iter_categories()] == ["celery.backend_cleanup"]


def test_arguments_over_the_limit_are_left_out_and_the_recording_says_so(
    make_app: MakeApp,
) -> None:
    shop = make_app(BODY_LIMIT=1000)

    @shop.task("length")
    def length(text: str) -> int:
        return len(text)

    with shop.worker():
        assert shop.wait(length.delay("x" * 5000)) == 5000
    recording = shop.recording("length")
    reason = recording.get_metadata()[TapeRecorder.NOT_REPLAYABLE]
    assert "BODY_LIMIT is 1000" in reason
    assert recording.get_data(TapeRecorder.OPERATION_REQUEST)["args"] == []
    (comparison,) = shop.compare()
    assert comparison.comparator_status.equality_status.name == "EqualizerFailure"


def test_two_applications_of_a_process_have_their_own_recordings(make_app: MakeApp) -> None:
    shops = make_app(), make_app()
    for number, shop in enumerate(shops):

        @shop.task("number")
        def which(number: int = number) -> int:
            return number

        with shop.worker():
            assert shop.wait(which.delay()) == number
    assert [len(shop.ids()) for shop in shops] == [1, 1]
    assert [shop.compare()[0].comparator_status.equality_status.name for shop in shops] == [
        "Equal",
        "Equal",
    ]


def test_a_task_decorates_its_own_inputs(shop: RecordedApp) -> None:
    prices = {"tea": 3}

    @shop.recorder.intercept_input("price")
    def price(name: str) -> int:
        return prices[name]

    @shop.task("charge")
    def charge(name: str) -> int:
        return price(name) * 2

    with shop.worker():
        assert shop.wait(charge.delay("tea")) == 6
    prices.clear()
    assert [each.comparator_status.equality_status.name for each in shop.compare()] == ["Equal"]
