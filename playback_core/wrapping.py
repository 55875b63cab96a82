"""What recording and replaying wrap of the standard library, imported when it is first needed."""


def wrap_for_recording(*, clock: bool) -> None:
    """Carry branches into threads and tasks, and record the clock; idempotent."""
    from playback_core.propagation import install

    install()
    if clock:
        from playback_core.clock import install as install_clock

        install_clock()


def wrap_for_replay(*, clock: bool) -> None:
    """Wrap what recording needs, and make the clock virtual; idempotent."""
    wrap_for_recording(clock=clock)
    if clock:
        from playback_core.clock import install_virtual

        install_virtual()
