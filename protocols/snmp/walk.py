"""A walk of table columns by GetBulk (RFC 3416 section 4.2.3), all columns at once, as a machine without I/O."""

from __future__ import annotations

from protocols.errors import DecodeError
from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.snmp.request import Answer, Request, get_bulk

MAX_CELLS = 200_000  # of one walk: what a hostile device can make us keep


class Walk:
    """`rows[i]` maps the index (the bytes behind the column's OID) to the varbind of column i.

    Ask `request`, hand its answer to `take`, until `request` is None. `repetitions` may be lowered on the way.
    """

    def __init__(self, community: bytes, columns: tuple[bytes, ...], repetitions: int) -> None:
        self.community = community
        self.columns = columns
        self.repetitions = repetitions
        self.rows: list[dict[bytes, VarBind]] = [{} for _ in columns]
        self._last = dict(enumerate(columns))  # of the columns still going
        self._cells = 0

    @property
    def request(self) -> Request | None:
        """What to ask next; None at the end."""
        return get_bulk(self.community, tuple(self._last.values()), self.repetitions) if self._last else None

    def take(self, answer: Answer) -> None:
        """Add what came. Raises DecodeError: empty, not_increasing (it would go on for ever), too_many."""
        if not answer.varbinds:
            raise DecodeError("empty", "a GetBulk was answered with nothing")
        going = list(self._last)
        for position, bind in enumerate(answer.varbinds):
            column = going[position % len(going)]
            if column in self._last:
                self._add(column, bind)

    def _add(self, column: int, bind: VarBind) -> None:
        prefix, last = self.columns[column], self._last[column]
        if bind.tag == message.END_OF_MIB_VIEW or not bind.oid.startswith(prefix) or bind.oid == prefix:
            # A device that answers from before the column would otherwise look like one at its end.
            if bind.tag != message.END_OF_MIB_VIEW and oid.arcs(bind.oid) <= oid.arcs(last):
                raise DecodeError("not_increasing", f"{oid.dotted(bind.oid)} does not follow {oid.dotted(last)}")
            del self._last[column]
            return
        if oid.arcs(bind.oid) <= oid.arcs(last):
            raise DecodeError("not_increasing", f"{oid.dotted(bind.oid)} does not follow {oid.dotted(last)}")
        self._cells += 1
        if self._cells > MAX_CELLS:
            raise DecodeError("too_many", f"a walk of more than {MAX_CELLS} values")
        self._last[column] = bind.oid
        self.rows[column][bind.oid[len(prefix) :]] = bind
