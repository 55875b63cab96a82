"""Hostile and damaged recordings: named where they are wrong, running nothing, stopping nothing."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playback_core import SQLiteTapeCassette
from playback_core.codec import Opaque
from playback_core.errors import PlaybackError
from tests import hostile
from tests.hostile import CATEGORY, Planter

MUTANTS = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(params=hostile.PLANTERS, ids=lambda planter: planter.__name__)
def planter(request: pytest.FixtureRequest, tmp_path: Path) -> Planter:
    made: Planter = request.param(tmp_path)
    return made


class TestDamage:
    @pytest.mark.parametrize("name", hostile.damaged_payloads())
    def test_a_payload_that_no_writer_wrote_is_named(self, planter: Planter, name: str) -> None:
        ids = hostile.recorded(planter)
        planter.plant(ids[1], payload=hostile.damaged_payloads()[name])

        assert hostile.read_whole(planter.opened(), ids[1]) is not None
        hostile.check_that_the_others_are_not_touched(planter, ids)

    @pytest.mark.parametrize("name", hostile.DAMAGED_METADATA)
    def test_metadata_that_is_none_is_named_and_left_out_of_lists(
        self, planter: Planter, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        ids = hostile.recorded(planter)
        planter.plant(ids[1], metadata=hostile.DAMAGED_METADATA[name])

        assert len(list(planter.opened().iter_recordings_metadata(CATEGORY))) == 2
        (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
        assert ids[1] in record.getMessage()
        hostile.check_that_the_others_are_not_touched(planter, ids)

    def test_frames_are_named(self, planter: Planter) -> None:
        ids = hostile.recorded(planter)
        for name, make in hostile.FRAME_BOMBS.items() if planter.stores_frames else ():
            planter.plant_frame(ids[1], make())

            assert hostile.read_whole(planter.opened(), ids[1]) is not None, name
            hostile.check_that_the_others_are_not_touched(planter, ids)


class TestCode:
    def test_what_a_recording_names_is_neither_imported_nor_run(
        self, planter: Planter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "named_in_a_recording.py").write_text(
            "import pathlib\n"
            f"pathlib.Path({str(tmp_path / 'imported')!r}).touch()\n"
            "def run(*_):\n    raise SystemExit('run')\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(subprocess.Popen, "__init__", None)
        ids = hostile.recorded(planter)
        hostile.check_that_the_others_are_not_touched(planter, ids)
        loaded = set(sys.modules)

        for value in hostile.code_bearing_values("named_in_a_recording").values():
            for metadata in (None, b"\x81\xa1a" + value):
                planter.plant(ids[1], payload=hostile.columns(value), metadata=metadata)
                hostile.check_that_the_others_are_not_touched(planter, ids)

        assert set(sys.modules) == loaded
        assert not (tmp_path / "imported").exists()

    def test_a_type_that_is_not_loaded_is_a_stand_in(self, planter: Planter) -> None:
        ids = hostile.recorded(planter)
        planter.plant(ids[1], payload=hostile.columns(hostile.instance("no_such_module.Thing")))

        value = planter.opened().get_recording(ids[1]).get_data("a")

        assert isinstance(value, Opaque)


READ_ALL = """
import json, sys, tracemalloc
from pathlib import Path
from tests import hostile

planter = {planter}(Path(sys.argv[1]))
ids = hostile.recorded(planter)
outcomes = {{}}
for kind, made in (("payload", hostile.BOMBS), ("frame", hostile.FRAME_BOMBS)):
    for name, make in made.items():
        if kind == "payload":
            planter.plant(ids[1], payload=make())
        elif planter.stores_frames:
            planter.plant_frame(ids[1], make())
        cassette = planter.opened()
        tracemalloc.start()
        told = hostile.read_whole(cassette, ids[1])
        outcomes[name] = [told, tracemalloc.get_traced_memory()[1]]
        tracemalloc.stop()
print(json.dumps([ids[1], outcomes]))
"""


@pytest.mark.parametrize(
    "planter_class", [hostile.SQLitePlanter, hostile.FilePlanter, hostile.S3Planter]
)
def test_a_bomb_takes_no_more_than_200_megabytes_and_is_named(
    planter_class: type[Planter], tmp_path: Path
) -> None:
    script = READ_ALL.format(planter=f"hostile.{planter_class.__name__}")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        timeout=300,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    recording_id, outcomes = json.loads(done.stdout)

    assert set(outcomes) == {*hostile.BOMBS, *hostile.FRAME_BOMBS}
    for name, (told, peak) in outcomes.items():
        assert told is not None, name
        assert recording_id in told, name
        assert peak < 200 * hostile.MEGABYTE, name


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw a function that flips, cuts, repeats or replaces some bytes."""
    cuts = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), edits), min_size=1))
    tail = draw(st.floats(0.5, 1))
    is_cut = draw(st.integers(0, 9)) == 0

    def mutate(raw: bytes) -> bytes:
        data = bytearray(raw)
        for place, removed, inserted in cuts:
            at = int(place * len(data))
            data[at : at + removed] = inserted
        return bytes(data[: int(tail * len(data))] if is_cut else data)

    return mutate


edits = st.binary(max_size=3) | st.sampled_from(
    [b"\xdd\xff\xff\xff\xff", b"\xc1", b"\x9f", b"\xdb\x00\x00\x00\x09", b"\xd6\x1e", b"\x00", b""]
)


@pytest.fixture
def ids(planter: Planter) -> list[str]:
    return hostile.recorded(planter)


def stored(planter: Planter, recording_id: str) -> Any:
    return planter.opened().get_recording(recording_id).pack(compressed=planter.stores_frames)


class TestMutants:
    @given(mutate=mutations())
    @MUTANTS
    def test_of_a_payload(
        self, planter: Planter, ids: list[str], mutate: Callable[[bytes], bytes]
    ) -> None:
        original = planter.opened().get_recording(ids[0]).pack(compressed=False).payload
        planter.plant(ids[1], payload=mutate(original))
        hostile.check_that_the_others_are_not_touched(planter, ids)

    @given(mutate=mutations(), number=st.integers(0, 9))
    @MUTANTS
    def test_of_a_value(
        self, planter: Planter, ids: list[str], mutate: Callable[[bytes], bytes], number: int
    ) -> None:
        original = planter.opened().get_recording(ids[0]).pack(compressed=False).payload
        parts = ormsgpack.unpackb(original)
        values = [(part, at) for part in parts[8:] for at, blob in enumerate(part) if blob]
        part, at = values[number % len(values)]
        part[at] = mutate(part[at])
        planter.plant(ids[1], payload=ormsgpack.packb(parts))
        hostile.check_that_the_others_are_not_touched(planter, ids)

    @given(mutate=mutations())
    @MUTANTS
    def test_of_metadata(
        self, planter: Planter, ids: list[str], mutate: Callable[[bytes], bytes]
    ) -> None:
        planter.plant(ids[1], metadata=mutate(stored(planter, ids[0]).metadata))
        hostile.check_that_the_others_are_not_touched(planter, ids)

    @given(mutate=mutations())
    @MUTANTS
    def test_of_a_frame(
        self, planter: Planter, ids: list[str], mutate: Callable[[bytes], bytes]
    ) -> None:
        if planter.stores_frames:
            planter.plant_frame(ids[1], mutate(stored(planter, ids[0]).payload))
            hostile.check_that_the_others_are_not_touched(planter, ids)


@given(mutate=mutations(), page=st.integers(0, 40))
@MUTANTS
def test_mutants_of_the_database_file_give_an_error_that_names_it(
    tmp_path: Path, mutate: Callable[[bytes], bytes], page: int
) -> None:
    original = tmp_path / "original.db"
    if not original.exists():
        planter = hostile.SQLitePlanter(tmp_path)
        hostile.recorded(planter)
        planter._cassette.close()
        planter.path.rename(original)
    raw = original.read_bytes()
    start = page * 2048 % len(raw)
    path = tmp_path / "mutant.db"
    path.write_bytes(raw[:start] + mutate(raw[start : start + 2048]) + raw[start + 2048 :])

    told = error_of_reading(path)

    # An index may list what is not there, as where another process has just deleted it.
    assert told is None or str(path) in told or told.startswith("No such recording: ")


def error_of_reading(path: Path) -> str | None:
    try:
        with SQLiteTapeCassette(path, create=False) as cassette:
            for recording_id in cassette.iter_recording_ids(CATEGORY):
                told = hostile.read_whole(cassette, recording_id)
                if told is not None:
                    return told
            list(cassette.iter_categories())
            list(cassette.iter_recordings_metadata(CATEGORY))
    except PlaybackError as error:
        return str(error)
    return None
