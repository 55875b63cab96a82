"""The audit log: one line for everything a customer changed."""

from . import cache


def write_line(line: str) -> None:
    cache.client().rpush(cache.AUDIT_LOG, line)
