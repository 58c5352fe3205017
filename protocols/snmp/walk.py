"""A walk of table columns, all at once, as a machine without I/O: by GetBulk (RFC 3416 section 4.2.3), of v1 by GetNext."""

from __future__ import annotations

from protocols.errors import DecodeError
from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.snmp.request import Answer, Request, get_bulk, get_next

MAX_CELLS = 200_000  # of one walk: what a hostile device can make us keep


class Walk:
    """`rows[i]` maps the index (the bytes behind the column's OID) to the varbind of column i.

    Ask `request`, hand its answer to `take`, until `request` is None. `repetitions` may be lowered on the way.
    """

    def __init__(self, community: bytes, columns: tuple[bytes, ...], repetitions: int, version: int = message.V2C) -> None:
        self.community = community
        self.version = version
        self.columns = columns
        self.repetitions = repetitions
        self.rows: list[dict[bytes, VarBind]] = [{} for _ in columns]
        self._last = dict(enumerate(columns))  # of the columns still going
        self._cells = 0

    @property
    def request(self) -> Request | None:
        """What to ask next; None at the end."""
        if not self._last:
            return None
        names = tuple(self._last.values())
        if self.version == message.V1:
            return get_next(self.community, names, message.V1)
        return get_bulk(self.community, names, self.repetitions, self.version)

    def end(self, blamed: int) -> bool:
        """In v1 the end of all there is comes as noSuchName (RFC 1157 section 4.1.3): end column `blamed`, from 1.

        False: there is no such column.
        """
        going = list(self._last)
        if not 0 < blamed <= len(going):
            return False
        del self._last[going[blamed - 1]]
        return True

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
