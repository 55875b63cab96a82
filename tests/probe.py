"""A probe of the pressure on a process that wakes up when a test says so."""

from collections.abc import Callable

from playback_core import pressure, shedding


class ProbeByHand:
    """Stands where a thread would be started; `put` it there before the first operation."""

    def __init__(self) -> None:
        self.started = 0
        self._takes: list[Callable[[float], bool]] = []

    def put(self, setattr: Callable[[object, str, object], None] = setattr) -> "ProbeByHand":  # noqa: A002 - it is the built-in, or monkeypatch's
        """Put this where the thread is started, and let the share of what is recorded fall to 0."""
        setattr(shedding, "start_probe", self._start)
        setattr(pressure, "LEAST_SHARE", 0.0)
        return self

    def wake_up(self, times: int, *, late: bool) -> None:
        """Wake up a number of times, each time 1 s late or not at all."""
        for _ in range(times):
            self._takes = [take for take in self._takes if take(1.0 if late else 0.0)]

    def press(self) -> None:
        """Wake up late until, as good as, nothing is recorded any more."""
        # Not so often that it would end, as no operation begins meanwhile.
        self.wake_up(380, late=True)

    def forget(self) -> None:
        """Be without threads, as a child that was forked is."""
        self._takes.clear()

    @property
    def running(self) -> int:
        """How many would run."""
        return len(self._takes)

    def _start(self, take: Callable[[float], bool]) -> None:
        self.started += 1
        self._takes.append(take)
