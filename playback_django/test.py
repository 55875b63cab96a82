"""Recordings as tests of a project's suite: PlaybackTestCase, and `with_recordings`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partialmethod
from typing import ClassVar, Final, TypeVar

from django.test import SimpleTestCase

from playback_core.adapters import CommandTarget
from playback_core.commands import ListOptions, list_recordings, replay_recording, tuner_of
from playback_core.errors import SettingsError
from playback_core.settings import cassette_from_url
from playback_core.studio import Diff, EqualityStatus
from playback_core.tape_cassette import TapeCassette
from playback_django.command_target import open_project
from playback_django.project_playback import playback_of_project

_NO_NAME: Final = re.compile(r"\W+")


class PlaybackTestCase(SimpleTestCase):
    """Replays recorded requests on the code that is tested; it needs no database.

    `cassette` is where the recordings are: a cassette, or its URL, of which a relative path starts
    at BASE_DIR; None is the cassette of the settings.
    """

    cassette: ClassVar[str | TapeCassette | None] = None

    def assert_replays_equal(self, recording_id: str) -> None:
        """Replay a recorded request and fail where it does not come to the same.

        Nor may it fail to replay, or verify nothing. It is compared as the commands do it, by the
        tuner of the settings. Raise NoSuchRecording where there is none of this id.
        """
        recorder = playback_of_project().recorder
        with self._opened() as target:
            comparison = replay_recording(recorder, recording_id, tuner_of(target))
        result = comparison.comparator_status
        if result.equality_status is not EqualityStatus.Equal:
            details = result.diff.render() if isinstance(result.diff, Diff) else ""
            self.fail("\n".join(filter(None, (f"{recording_id}: {result}", details))))

    @classmethod
    @contextmanager
    def _opened(cls) -> Iterator[CommandTarget]:
        cassette = cls.cassette
        if not isinstance(cassette, str):
            with open_project(cassette, replays=True) as target:
                yield target
            return
        opened = cassette_from_url(cassette, playback_of_project().base, create=False)
        try:
            with open_project(opened, replays=True) as target:
                yield target
        finally:
            opened.close()


Case = TypeVar("Case", bound=type[PlaybackTestCase])


def with_recordings(
    *categories: str, recording_ids: Sequence[str] = (), limit: int | None = 20
) -> Callable[[Case], Case]:
    """Give a PlaybackTestCase a test for each of some recordings.

    Those are `recording_ids`, or the newest `limit` of each category, of all categories if none is
    named; None is no limit. Raise SettingsError where there are none of a category, or none at all:
    a test case without tests would pass.
    """

    def decorated(case: Case) -> Case:
        found = tuple(recording_ids) or _found(case, categories, limit)
        if not found:
            raise SettingsError(f"There are no recordings to make tests of for {case.__name__}.")
        for recording_id in found:
            name = f"test_{_NO_NAME.sub('_', recording_id)}"
            setattr(case, name, partialmethod(case.assert_replays_equal, recording_id))
        return case

    return decorated


def _found(
    case: type[PlaybackTestCase], categories: Sequence[str], limit: int | None
) -> tuple[str, ...]:
    options = ListOptions(categories=tuple(categories), limit=limit)
    with case._opened() as target:
        return tuple(row.recording_id for row in list_recordings(target.cassette, options))
