"""The `playback` command; it takes click, which is not among the requirements of the core."""

import sys


def main() -> None:
    """Run the `playback` command and end the process with its exit code."""
    try:
        from playback_core.cli.front import playback
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(
            "The command playback takes click: pip install 'playback-bundle[studio]'\n"
        )
        sys.exit(2)
    playback(prog_name="playback")
