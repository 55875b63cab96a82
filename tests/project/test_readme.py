"""The code in the README is what it says: it runs as printed."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLAIN, FLASK, DJANGO = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
)

# What the README's Flask app calls and does not define.
ELSEWHERE = """
def ask_the_price_service(sku):
    return len(sku)

def insert_into_the_database(sku, price):
    print("inserted", sku, price)
"""

ONE_ORDER = """
with app.test_client() as client:
    print(client.post("/orders/abc").get_json())
"""

COMPARE = """
from flask.cli import cli
cli(["--app", "shop", "playback", "compare", "order"])
"""


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        # It is off under pytest, and these are its children.
        env={**os.environ, "PLAYBACK_ENABLED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plain_class_is_recorded_and_replayed(tmp_path):
    stored, recorded, replayed = run(PLAIN, tmp_path).splitlines()
    assert stored.startswith("stored ")
    assert recorded == replayed
    assert "output: store #1.output" in recorded


def test_the_flask_app_serves_and_is_recorded(tmp_path):
    (tmp_path / "shop.py").write_text(f"{ELSEWHERE}\n{FLASK}", encoding="utf-8")
    answer = run(f"from shop import app\n{ONE_ORDER}", tmp_path)
    assert answer.splitlines() == ["inserted abc 3", "{'price': 3}"]
    compared = run(COMPARE, tmp_path)
    assert compared.splitlines()[-1].startswith("1 compared: 1 Equal; sealed: ")


def test_the_lines_for_django_name_what_there_is():
    lines: dict[str, list[object]] = {}
    exec(DJANGO, lines)
    (app, *_), (middleware, *_) = lines["INSTALLED_APPS"], lines["MIDDLEWARE"]
    module, _, name = str(middleware).rpartition(".")
    assert importlib.util.find_spec(str(app)) is not None
    assert hasattr(importlib.import_module(module), name)
