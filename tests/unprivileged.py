"""Gives up root's right to read and write any file, so that tests can run as root."""

from typing import Final

# Of a file it owns root then may do what the mode says, as everybody else.
PRELUDE: Final = """
import ctypes, os
if os.geteuid() == 0:
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    assert libc.capget(header, sets) == 0
    for number in (0, 1):  # what is effective, and what is permitted
        sets[number] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0
"""
"""Code to begin a process with."""
