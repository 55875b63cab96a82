"""The audit log: one line for everything a customer changed."""

from playback_core import recorder

from .database import data_folder


@recorder.intercept_output(alias="shop.audit.write_line")
def write_line(line: str) -> None:
    with (data_folder() / "audit.log").open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")
