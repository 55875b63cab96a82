"""The shop of the examples under load: its processes and its traffic, with figures of both."""

import sys

from benchmarks.runner import ROOT

# The modules of the example import each other by their bare names, as scripts do.
sys.path.append(str(ROOT / "examples" / "flask_shop"))
