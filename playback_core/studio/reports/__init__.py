"""Formats of the commands' output: plain text, JSON, tables on a terminal."""

from typing import TextIO

from playback_core.studio.reports.json import JsonReport
from playback_core.studio.reports.plain import PlainReport
from playback_core.studio.reports.report import Report, printable

__all__ = ["JsonReport", "PlainReport", "Report", "choose_report", "printable"]


def choose_report(out: TextIO, *, as_json: bool = False) -> Report:
    """Return the report for a stream: JSON if asked for, tables on a terminal, else plain text.

    Plain text serves on a terminal, too, where rich is not installed.
    """
    if as_json:
        return JsonReport(out)
    if out.isatty():
        try:
            from playback_core.studio.reports.rich import RichReport
        except ImportError:
            return PlainReport(out)
        return RichReport(out)
    return PlainReport(out)
