"""Settings: the environment over code, wrong ones named, nothing silently ignored."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import (
    FileBasedTapeCassette,
    InMemoryTapeCassette,
    SettingsError,
    SQLiteTapeCassette,
)
from playback_core.errors import CassetteError
from playback_core.settings import Settings, cassette_from_url, load_settings


def load(code=None, **environ):
    return load_settings(code or {}, environ)


def test_with_nothing_set_the_defaults_hold():
    assert load() == Settings()
    assert load().cassette == "sqlite:///playback.db"


def test_the_environment_goes_over_code():
    code = {"PLAYBACK_SERVICE": "shop", "PLAYBACK_ENABLED": True, "SECRET_KEY": "not ours"}
    settings = load(code, PLAYBACK_ENABLED="off", PATH="not ours")
    assert settings.service == "shop"
    assert settings.enabled is False


def test_with_an_empty_prefix_every_key_is_ours():
    assert load_settings({"SERVICE": "shop"}, {}, prefix="").service == "shop"
    assert load_settings({"SERVICE": "a"}, {"PLAYBACK_SERVICE": "b"}, prefix="").service == "b"
    with pytest.raises(SettingsError, match="DEBUG"):
        load_settings({"DEBUG": True}, {}, prefix="")


def test_none_in_code_and_empty_text_in_the_environment_are_not_set():
    assert load({"PLAYBACK_SERVICE": None}) == Settings()
    assert load({"PLAYBACK_SERVICE": "shop"}, PLAYBACK_SERVICE="").service == "shop"


@pytest.mark.parametrize("name", ["PLAYBACK_ENABELD", "PLAYBACK_", "PLAYBACK_enabled"])
def test_an_unknown_key_is_named_wherever_it_stands(name):
    with pytest.raises(SettingsError, match=f"{name} in the configuration.*PLAYBACK_CASSETTE"):
        load({name: "1"})
    with pytest.raises(SettingsError, match=f"{name} in the environment"):
        load(**{name: "1"})


def test_a_likely_meaning_is_suggested():
    with pytest.raises(SettingsError, match="did you mean PLAYBACK_SAMPLING"):
        load(PLAYBACK_SAMPLNG="0.1")


def test_interceptors_are_chosen_by_name():
    assert load().interceptors == ("*",)
    assert load(PLAYBACK_INTERCEPTORS="*, -smtplib").interceptors == ("*", "-smtplib")
    assert load({"PLAYBACK_INTERCEPTORS": []}).interceptors == ()


def test_an_unknown_interceptor_is_refused_with_the_choices():
    told = "INTERCEPTORS in the environment is .*there is no 'postgres'; choose from .*smtplib"
    with pytest.raises(SettingsError, match=told):
        load(PLAYBACK_INTERCEPTORS="*,postgres")


def test_http_calls_are_inputs_or_outputs_by_pattern():
    given = {"POST https://search.example/*": "input", "* https://hooks.example/*": "Output"}
    pairs = (("POST https://search.example/*", "input"), ("* https://hooks.example/*", "output"))
    assert load({"PLAYBACK_HTTP_CALLS": given}).http_calls == pairs
    text = "POST https://search.example/*=input, * https://hooks.example/*=output"
    assert load(PLAYBACK_HTTP_CALLS=text).http_calls == pairs


@pytest.mark.parametrize(
    "text", ["input", "https://search.example/*=input", "POST https://a.example/=both", "post x=1"]
)
def test_http_calls_that_are_none_are_refused(text):
    with pytest.raises(SettingsError, match="HTTP_CALLS in the environment"):
        load(PLAYBACK_HTTP_CALLS=text)


def test_patterns_stand_among_the_names_of_redact():
    def codes_in(text):
        return []

    name, regex, card = load(PLAYBACK_REDACT=r"X-Token, code=/\d{2,3}/, value:card").redact
    assert (name, regex.name, card.name) == ("X-Token", "code", "card")
    assert regex.regex.pattern == rb"\d{2,3}"
    assert load({"PLAYBACK_REDACT": ["pin", codes_in]}).redact[1].find is codes_in
    assert [pattern.name for pattern in load(PLAYBACK_FORBID="/a,b/,value:jwt").forbid] == [
        *("pattern 1", "jwt"),
    ]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("PLAYBACK_REDACT", "pin,/(/", r"/\(/ is no regular expression: missing \)"),
        ("PLAYBACK_REDACT", "value:iban", "value:iban is not known; choose from value:card"),
        ("PLAYBACK_FORBID", "/a*/", r"/a\*/ matches where there is nothing"),
        ("PLAYBACK_FORBID", "password", "'password' is no pattern; write /password/"),
    ],
)
def test_a_wrong_pattern_is_named_with_its_key(key, value, told):
    with pytest.raises(SettingsError, match=f"{key} in the environment is .*: .*{told}"):
        load(**{key: value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("cassette", "memory://", "memory://"),
        ("enabled", "TRUE", True),
        ("enabled", "no", False),
        ("enabled", 1, True),
        ("service", " shop ", "shop"),
        ("sampling", "0.25", (("*", 0.25),)),
        ("sampling", 1, (("*", 1.0),)),
        ("sampling", "checkout*=1, *=0.1", (("checkout*", 1.0), ("*", 0.1))),
        ("sampling", {"checkout": 0.5}, (("checkout", 0.5),)),
        ("include", "a, b.*,", ("a", "b.*")),
        ("exclude", ["/health"], ("/health",)),
        ("body_limit", "512k", 512 * 1024),
        ("body_limit", 10, 10),
        ("max_bytes", "1.5 GiB", 3 * 1024**3 // 2),
        ("max_bytes", "100 MB", 100 * 1024**2),
        ("redact", ("X-Token", "pin"), ("X-Token", "pin")),
        ("redact_key", "0123456789abcdef", b"0123456789abcdef"),
        ("tuner", "shop.tuning:Tuner", "shop.tuning:Tuner"),
        ("response_header", "X-Recording-Id", "X-Recording-Id"),
    ],
)
def test_values_are_read_from_text_and_from_code(name, value, expected):
    key = f"PLAYBACK_{name.upper()}"
    assert getattr(load({key: value}), name) == expected
    if isinstance(value, str):
        assert getattr(load(**{key: value}), name) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CASSETTE", "playback.db"),
        ("CASSETTE", 5),
        ("ENABLED", "perhaps"),
        ("ENABLED", 2),
        ("SERVICE", " "),
        ("SERVICE", 5),
        ("SAMPLING", "1.5"),
        ("SAMPLING", "often"),
        ("SAMPLING", "nan"),
        ("SAMPLING", True),
        ("SAMPLING", {"a": -1}),
        ("INCLUDE", 5),
        ("INCLUDE", [5]),
        ("BODY_LIMIT", "5 apples"),
        ("BODY_LIMIT", -1),
        ("BODY_LIMIT", True),
        ("MAX_BYTES", "1k"),
        ("MAX_BYTES", 65_535),
        ("TUNER", "Tuner"),
        ("RESPONSE_HEADER", "X: y"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_the_choices(name, value):
    with pytest.raises(SettingsError) as caught:
        load({f"PLAYBACK_{name}": value})
    message = str(caught.value)
    assert f"PLAYBACK_{name} in the configuration" in message
    assert repr(value) in message
    assert "it must be " in message


def test_a_database_size_that_is_too_small_says_how_small_it_may_be():
    with pytest.raises(SettingsError, match=r"MAX_BYTES in the configuration.* 65536 or more"):
        load_settings({"MAX_BYTES": 1000}, {}, prefix="")
    assert load(PLAYBACK_MAX_BYTES="64k").max_bytes == 65_536


def test_a_wrong_secret_is_not_shown():
    with pytest.raises(SettingsError) as caught:
        load(PLAYBACK_REDACT_KEY="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(load(PLAYBACK_REDACT_KEY="hunter2" * 3))


@given(st.dictionaries(st.sampled_from(["CASSETTE", "SAMPLING", "MAX_BYTES"]), st.text()))
def test_any_text_is_a_setting_or_a_settings_error(environ):
    try:
        settings = load(**{f"PLAYBACK_{name}": value for name, value in environ.items()})
    except SettingsError:
        return
    assert settings.max_bytes >= 0
    assert all(0 <= rate <= 1 for _, rate in settings.sampling)


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().service = "other"


def test_recording_is_off_in_tests_unless_asked_for():
    settings = load()
    assert settings.is_enabled(environ={})
    assert not settings.is_enabled(environ={"PYTEST_VERSION": "8"})
    assert not settings.is_enabled(testing=True, environ={})
    asked = load(PLAYBACK_ENABLED="1")
    assert asked.is_enabled(testing=True, environ={"PYTEST_VERSION": "8"})
    assert not load(PLAYBACK_ENABLED="0").is_enabled(environ={})


def test_the_first_matching_pattern_gives_the_rate():
    settings = load(PLAYBACK_SAMPLING="checkout*=0.5,check*=0.1")
    assert settings.sampling_rate("checkout.pay") == 0.5
    assert settings.sampling_rate("check") == 0.1
    assert settings.sampling_rate("other") == 1.0


def test_include_and_exclude_select_by_any_of_the_names():
    settings = load(PLAYBACK_INCLUDE="api.*", PLAYBACK_EXCLUDE="/health*")
    assert settings.selects("api.users", "/users")
    assert not settings.selects("api.health", "/healthz")
    assert not settings.selects("static", "/static/x.css")
    assert load().selects("anything")


def test_a_cassette_may_be_given_as_an_object():
    cassette = InMemoryTapeCassette()
    assert load({"PLAYBACK_CASSETTE": cassette}).cassette is cassette


def test_a_relative_sqlite_url_starts_at_the_base(tmp_path, monkeypatch):
    with cassette_from_url("sqlite:///a/my%20playback.db", tmp_path) as cassette:
        assert isinstance(cassette, SQLiteTapeCassette)
        assert cassette.path == tmp_path / "a" / "my playback.db"
    monkeypatch.chdir(tmp_path)
    with cassette_from_url("sqlite:///b.db") as cassette:
        assert cassette.path == tmp_path / "b.db"


def test_an_sqlite_url_with_four_slashes_is_absolute(tmp_path):
    with cassette_from_url(f"sqlite:///{tmp_path}/playback.db", tmp_path / "other") as cassette:
        assert cassette.path == tmp_path / "playback.db"


def test_a_file_url_names_a_folder_relative_or_absolute(tmp_path):
    with cassette_from_url("file:///my%20recordings", tmp_path) as cassette:
        assert isinstance(cassette, FileBasedTapeCassette)
        assert cassette.directory == tmp_path / "my recordings"
    with cassette_from_url(f"file:///{tmp_path}/recordings", tmp_path / "other") as cassette:
        assert cassette.directory == tmp_path / "recordings"
    with pytest.raises(SettingsError, match="max_bytes"):
        cassette_from_url("file:///recordings", tmp_path, max_bytes=1)


@pytest.mark.parametrize("url", ["sqlite:///playback.db", "file:///recordings"])
def test_a_url_that_is_only_read_makes_no_file(tmp_path, url):
    with pytest.raises(CassetteError, match="record first"):
        cassette_from_url(url, tmp_path, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_memory_url_is_shared_by_name():
    assert cassette_from_url("memory://x") is cassette_from_url("memory://x")
    assert cassette_from_url("memory://x") is not cassette_from_url("memory://y")
    assert isinstance(cassette_from_url("memory://"), InMemoryTapeCassette)


@pytest.mark.parametrize(
    "url", ["files:///dir", "gs://bucket/prefix", "mysql://x", "playback.db", "", "memory://x/y"]
)
def test_a_url_of_another_kind_names_the_choices(url):
    with pytest.raises(SettingsError, match=r"sqlite:///playback\.db, file:.* and memory://"):
        cassette_from_url(url)


@pytest.mark.parametrize("rest", ["//", "///", "//playback.db", "///a.db?mode=ro"])
@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_a_url_without_a_path_says_how_to_write_one(scheme, rest):
    with pytest.raises(SettingsError, match=f"{scheme}:///relative"):
        cassette_from_url(f"{scheme}:{rest}")


def test_the_revision_is_named_in_the_environment_and_is_no_setting_of_the_code():
    assert load(PLAYBACK_REVISION="abc") == Settings()
    with pytest.raises(SettingsError, match=r"PLAYBACK_REVISION in the conf.* environment"):
        load({"PLAYBACK_REVISION": "abc"})


@pytest.mark.parametrize("prefix", ["", "PLAYBACK_"])
def test_a_key_that_is_no_text_is_named(prefix):
    with pytest.raises(SettingsError, match="The key 5 in the configuration"):
        load_settings({5: 1}, {}, prefix=prefix)


@pytest.mark.parametrize("code", [None, 5, ["PLAYBACK_SERVICE"]])
def test_a_configuration_that_maps_nothing_is_named(code):
    with pytest.raises(SettingsError, match="must map names to values"):
        load_settings(code, {})


@pytest.mark.parametrize("name", ["BODY_LIMIT", "MAX_BYTES", "SAMPLING"])
@pytest.mark.parametrize(
    "value", ["9" * 400, 10**400, 10**5000, f"{'9' * 400}k"], ids=["text", "int", "huge", "unit"]
)
def test_a_number_beyond_all_bounds_is_wrong_in_one_short_line(name, value):
    with pytest.raises(SettingsError, match=f"PLAYBACK_{name} in .*it must be") as caught:
        load({f"PLAYBACK_{name}": value})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "url", ["ftp://x", "file:///", "s3:///x", "sqlite:///", "file:///%00", "sqlite://[a"]
)
def test_a_cassette_that_cannot_be_opened_is_wrong_when_settings_are_read(url):
    with pytest.raises(SettingsError, match="PLAYBACK_CASSETTE in the environment"):
        load(PLAYBACK_CASSETTE=url)
    with pytest.raises(SettingsError, match="The cassette URL"):
        cassette_from_url(url)


@pytest.mark.parametrize("url", [5, None, b"memory://"])
def test_a_url_that_is_no_text_is_of_no_known_kind(url):
    with pytest.raises(SettingsError, match="no known kind"):
        cassette_from_url(url)


@pytest.mark.parametrize("path", ["a\0b", "\ud800", 5, None])
def test_a_path_no_file_can_have_is_named(path):
    with pytest.raises(SettingsError, match="path is"):
        SQLiteTapeCassette(path)


def test_a_tuner_is_what_can_tune():
    class Tuner:
        def create_category_tuning(self, category):
            return None

    tuner = Tuner()
    assert load({"PLAYBACK_TUNER": tuner}).tuner is tuner
    for wrong in (5, object(), Tuner, b"shop.tuning:Tuner"):
        with pytest.raises(SettingsError, match=r"PLAYBACK_TUNER .* an EqualizerTuner"):
            load({"PLAYBACK_TUNER": wrong})


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///prefix",
        "s3://bucket#x",
        "s3://key:secret@bucket",
        "s3://bucket?region=",
        "s3://bucket?region",
        "s3://bucket?read_only=1",
    ],
)
def test_an_s3_url_that_is_wrong_says_how_to_write_one(url):
    with pytest.raises(SettingsError, match=r"s3://bucket/prefix\?region=.* endpoint_url"):
        cassette_from_url(url)
    with pytest.raises(SettingsError, match="PLAYBACK_CASSETTE in the environment"):
        load(PLAYBACK_CASSETTE=url)


def test_an_s3_url_is_checked_without_boto3():
    assert load(PLAYBACK_CASSETTE="s3://bucket/a/b?region=eu-west-1&endpoint_url=http://x:9000")


@pytest.mark.parametrize(("value", "wanted"), [("shed", "shed"), ("Record", "record")])
def test_what_is_done_when_busy_is_chosen_by_name(value, wanted):
    assert load(PLAYBACK_WHEN_BUSY=value).when_busy == wanted


@pytest.mark.parametrize("value", ["drop", True, 1, ["shed"]])
def test_another_choice_of_what_is_done_when_busy_is_refused_with_the_choices(value):
    message = "PLAYBACK_WHEN_BUSY in the configuration.*must be one of record, shed"
    with pytest.raises(SettingsError, match=message):
        load({"PLAYBACK_WHEN_BUSY": value})
