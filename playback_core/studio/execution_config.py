"""CompareExecutionConfig: in which process comparisons are made, and what they keep."""

from dataclasses import dataclass
from multiprocessing import get_all_start_methods

from playback_core.errors import SettingsError
from playback_core.sandbox_options import SEALED, SandboxOptions


@dataclass(frozen=True)
class CompareExecutionConfig:
    """How comparisons are run.

    `keep_results_in_comparison` keeps what was compared in `Comparison.expected` and `.actual`,
    and has the playback leave a dedicated process, too.

    With `compare_in_dedicated_process` each recording is replayed and compared in a process apart,
    which is replaced after `compare_process_recycle_rate` comparisons and stopped when one takes
    longer than `compare_process_timeout` seconds. `compare_process_start_method` is one of
    multiprocessing's, None for its default. `sandbox` is what the replays may reach, None for all;
    a player of one's own gets it in a dedicated process only. With `strict` calls of a replay are
    answered by the recorded ones in their own places alone. Raise SettingsError where a value has
    no meaning.
    """

    keep_results_in_comparison: bool = False
    compare_in_dedicated_process: bool = False
    compare_process_recycle_rate: int = 5
    compare_process_timeout: float = 600
    compare_process_start_method: str | None = None
    sandbox: SandboxOptions | None = SEALED
    strict: bool = False

    def __post_init__(self) -> None:
        rate, timeout = self.compare_process_recycle_rate, self.compare_process_timeout
        if type(rate) is not int or rate < 1:
            raise SettingsError(f"compare_process_recycle_rate must be 1 or more, not {rate!r}.")
        if not isinstance(timeout, (int, float)) or not timeout > 0:
            raise SettingsError(f"compare_process_timeout must be above 0, not {timeout!r}.")
        method, methods = self.compare_process_start_method, get_all_start_methods()
        if method is not None and method not in methods:
            raise SettingsError(
                f"compare_process_start_method must be {', '.join(methods)} or None, not"
                f" {method!r}."
            )
