"""`python -m playback_core.cli`, where the script `playback` is not on the path."""

from playback_core.cli import main

if __name__ == "__main__":
    main()
