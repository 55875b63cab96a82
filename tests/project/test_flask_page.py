"""The page about Flask: its table of settings has each of them, and no other."""

import re
from pathlib import Path

from playback_core.settings.values import PARSERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "flask.md"


def test_each_setting_has_a_row() -> None:
    table = PAGE.read_text(encoding="utf-8").split("| setting |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(PARSERS)
