"""Interceptors are found by their files and entry points, chosen by name, and loaded late."""

import subprocess
import sys

import pytest

from playback_core.interceptors import OPT_IN, available, chosen


def test_all_but_the_opt_in_ones_are_meant_by_a_star():
    assert set(chosen(["*"])) == set(available()) - OPT_IN


def test_a_name_with_a_minus_is_left_out_and_the_last_word_counts():
    assert "smtplib" not in chosen(["*", "-smtplib"])
    assert list(chosen(["smtplib"])) == ["smtplib"]
    assert list(chosen(["-smtplib", "smtplib"])) == ["smtplib"]


def test_a_name_that_there_is_none_of_is_an_error():
    with pytest.raises(KeyError, match="postgres"):
        chosen(["*", "-postgres"])


def test_an_interceptor_may_be_chosen_for_some_paths():
    names = ["files:/etc/shop/*.json", "smtplib", "files:./prices.csv"]
    assert chosen(names) == {"files": ["/etc/shop/*.json", "./prices.csv"], "smtplib": []}
    assert chosen([*names, "-files"]) == {"smtplib": []}


@pytest.mark.parametrize("name", ["files", "smtplib:x", "-files:x", "*:x"])
def test_what_needs_a_path_and_what_takes_none_are_errors(name):
    with pytest.raises(KeyError):
        chosen([name])


def run(code: str) -> str:
    program = [sys.executable, "-c", code]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout.strip()


def test_installing_imports_neither_a_library_nor_its_interceptor():
    loaded = run(
        "import sys; from playback_core.interceptors import install_interceptors, available\n"
        "before = set(sys.modules); install_interceptors(); new = set(sys.modules) - before\n"
        "print(*(each for each in new if each.startswith('playback_core.interceptors.')"
        " or each.partition('.')[0] in {*available()} - set(sys.stdlib_module_names)))"
    )
    allowed = {f"playback_core.interceptors.{name}" for name in sys.stdlib_module_names}
    assert {each for each in loaded.split() if each not in allowed and "._" not in each} == set()


def test_a_module_that_is_loaded_when_it_is_used_is_not_loaded_by_installing(tmp_path):
    (tmp_path / "parcels.py").write_text("print('loaded')\nfrom hmac import compare_digest\n")
    told = run(
        f"import hmac, sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from importlib import util\n"
        "spec = util.find_spec('parcels')\n"
        "spec.loader = util.LazyLoader(spec.loader)\n"
        "module = sys.modules['parcels'] = util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "from playback_core.interceptors import install_interceptors\n"
        "install_interceptors(['hmac'])\n"
        "print('installed')\n"
        "print(module.compare_digest is hmac.compare_digest)"
    )
    assert told.split() == ["installed", "loaded", "True"]


def test_an_interceptor_of_another_package_is_found_by_its_entry_point(tmp_path):
    (tmp_path / "parcels.py").write_text("def rate(city):\n    return city\n")
    (tmp_path / "parcels_playback.py").write_text(
        "from playback_core.interceptor import Interceptor, InputTarget\n"
        "fields = lambda city: {'city': city}\n"
        "target = InputTarget('parcels', 'rate', alias='parcels: rate', fields=fields)\n"
        "INTERCEPTOR = Interceptor(library='parcels', targets=[target])\n"
    )
    info = tmp_path / "parcels_playback-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parcels-playback\nVersion: 1\n")
    point = "parcels = parcels_playback:INTERCEPTOR"
    (info / "entry_points.txt").write_text(f"[playback.interceptors]\n{point}\n")
    told = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from playback_core.interceptors import install_interceptors\n"
        "from playback_core.interceptor import installed\n"
        "install_interceptors(['parcels'])\n"
        "assert 'parcels_playback' not in sys.modules\n"
        "import parcels\n"
        "print(installed(), parcels.rate('Rome'))"
    )
    assert told == "['parcels'] Rome"
