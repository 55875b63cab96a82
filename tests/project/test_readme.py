"""The code in the README is what it says: it runs as printed."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLASK, DJANGO, CELERY, PLAIN = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
)

ONE_ORDER = """
import os, sqlite3, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

class Prices(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"3")

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Prices)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["PRICE_SERVICE"] = f"http://127.0.0.1:{server.server_port}"
sqlite3.connect("shop.db").execute("CREATE TABLE placed (sku, price)")

from shop import app
with app.test_client() as client:
    print(client.post("/orders/abc").get_json())
print(os.environ["PRICE_SERVICE"])
"""

COMPARE = """
from flask.cli import cli
cli(["--app", "shop", "playback", "compare", "order"])
"""

COMMANDS_OF_CELERY = """
import sys
from celery.__main__ import main
sys.argv = ["celery", "-A", "shop", "playback", "--help"]
main()
"""


def run(code: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        # It is off under pytest, and these are its children.
        env={**os.environ, "PLAYBACK_ENABLED": "1", "no_proxy": "127.0.0.1", **environment},
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


def test_the_flask_app_is_recorded_and_replayed_with_nothing_left_of_the_world(tmp_path):
    (tmp_path / "shop.py").write_text(FLASK, encoding="utf-8")
    answer, prices = run(ONE_ORDER, tmp_path).splitlines()
    assert answer == "{'price': 3}"
    (tmp_path / "shop.db").unlink()
    compared = run(COMPARE, tmp_path, PRICE_SERVICE=prices)
    assert compared.splitlines()[-1].startswith("1 compared: 1 Equal; sealed: ")
    assert not (tmp_path / "shop.db").exists()


def test_the_lines_for_django_name_what_there_is():
    lines: dict[str, list[object]] = {}
    exec(DJANGO, lines)
    (app, *_), (middleware, *_) = lines["INSTALLED_APPS"], lines["MIDDLEWARE"]
    module, _, name = str(middleware).rpartition(".")
    assert importlib.util.find_spec(str(app)) is not None
    assert hasattr(importlib.import_module(module), name)


def test_celery_finds_the_commands_of_its_app(tmp_path):
    (tmp_path / "shop.py").write_text(CELERY, encoding="utf-8")
    shown = run(COMMANDS_OF_CELERY, tmp_path)
    assert {"list", "show", "replay", "compare", "prune"} <= set(shown.split())
