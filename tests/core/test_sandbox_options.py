"""What a replay may reach is given as texts."""

import os
import pickle
from pathlib import Path

import pytest

from playback_core import SandboxOptions, SettingsError
from playback_core.sandbox_options import Host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("example.org", Host("example.org")),
        ("Example.org:443", Host("example.org", 443)),
        ("10.0.0.1:5432", Host("10.0.0.1", 5432)),
        ("::1", Host("::1")),
        ("[::1]:80", Host("::1", 80)),
        ("shop.db", Host("shop.db")),
    ],
)
def test_a_text_without_a_slash_is_a_host(text: str, host: Host) -> None:
    assert SandboxOptions.parse([text]) == SandboxOptions(hosts=(host,))


def test_a_text_with_a_slash_is_a_path_as_the_system_sees_it_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to("folder")
    monkeypatch.chdir(tmp_path)
    real = os.path.realpath(tmp_path)
    assert SandboxOptions.parse(["./link/x.db"]).paths == (f"{real}/folder/x.db",)
    assert SandboxOptions.parse(["~/x"]).paths == (os.path.realpath(Path.home() / "x"),)


def test_what_begins_with_alias_is_an_interception() -> None:
    assert SandboxOptions.parse(["alias:a/b", "alias:c"]).aliases == {"a/b", "c"}


@pytest.mark.parametrize(
    "text", ["", "alias:", "host:", "host:0", "host:70000", "a b", "host:80:x"]
)
def test_a_text_that_means_nothing_is_an_error(text: str) -> None:
    with pytest.raises(SettingsError):
        SandboxOptions.parse([text])


def test_options_can_be_sent_to_a_process() -> None:
    options = SandboxOptions.parse(["a:1", "/tmp/x", "alias:y"])
    assert pickle.loads(pickle.dumps(options)) == options
