"""Results of MySQL by PyMySQL: kept as they are read, and given again."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.session import Session

_KEPT: Final = "_playback_rows"


class _Field(NamedTuple):
    name: str
    table_name: str


def result_kept(session: Session, connection: Any, **facts: Any) -> KeptRows:
    """Return what keeps the result a connection has now, and the rows that are still to be read."""
    result = connection._result
    described = result.description is not None
    about = facts | {
        "affected": result.affected_rows,
        "inserted": result.insert_id,
        "warnings": result.warning_count,
        "message": result.message,
        "more": bool(result.has_next),
        "status": connection.server_status,
    }
    if described:
        about["description"] = [list(each) for each in result.description]
        about["tables"] = [field.table_name for field in result.fields]
    kept = KeptRows(session, [each[0] for each in result.description] if described else None, about)
    if result.unbuffered_active:
        vars(result)[_KEPT] = kept
    elif described:
        kept.add(result.rows)
        kept.end()
    return kept


def keep_row(result: Any, row: Any) -> None:
    """Keep a row that was read by itself; None: there was none."""
    kept: KeptRows | None = vars(result).get(_KEPT)
    if kept is None:
        return
    if row is not None:
        kept.add([row])
    elif not result.unbuffered_active:
        kept.tell(warnings=result.warning_count, more=bool(result.has_next))
        kept.end()
        del vars(result)[_KEPT]


class ReplayedResult:
    """What stands for a result of PyMySQL in a replay."""

    connection = None

    def __init__(self, recorded: RecordedRows, *, unbuffered: bool) -> None:
        about = recorded.about
        self._recorded = recorded
        self._more = about.get("more", False)
        self.affected_rows = about["affected"]
        self.insert_id = about["inserted"]
        self.warning_count = about["warnings"]
        self.message = about["message"]
        self.server_status = about["status"]
        self.description: Any = None
        self.fields: list[_Field] = []
        self.rows: Any = None
        self.unbuffered_active = False
        if recorded.names is not None:
            self.description = tuple(map(tuple, about["description"]))
            self.fields = [*map(_Field, recorded.names, about["tables"])]
            self.unbuffered_active = unbuffered
            if not unbuffered:
                self.rows = tuple(recorded.fetch(None))
                self.affected_rows = len(self.rows)
        self.field_count = len(self.fields)

    @property
    def has_next(self) -> bool:
        """Whether there is another result, as long as its replay runs."""
        return bool(self._more and self._recorded.session.open)

    def _read_rowdata_packet_unbuffered(self) -> Any:
        if not self.unbuffered_active:
            return None
        if self._recorded.done:
            self._finish_unbuffered_query()
            self.rows = None
            return None
        self.rows = (self._recorded.fetch(1)[0],)
        return self.rows[0]

    def _finish_unbuffered_query(self) -> None:
        self.unbuffered_active = False
