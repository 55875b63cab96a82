"""Dedicated processes: comparisons in a process apart, which may crash, hang or be replaced.

`dedicated` decides which process compares a recording and what its end means; `worker` is one
process seen from the studio, `child` what runs in it; between them `pipe` carries what `wire`
makes of a comparison.
"""

from playback_core.studio.workers.dedicated import DedicatedProcesses

__all__ = ["DedicatedProcesses"]
