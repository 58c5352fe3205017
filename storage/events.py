"""Events: what devices said by themselves. They carry their tenant in `batch` and are read through the elements of the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from protocols.uplink.kinds import EVENT_KINDS
from storage.times import to_datetime
from storage.views import plain_row

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.kept import Kept, Write

COLUMNS = ("batch", "n", "element_id", "sensor_id", "ts", "kind", "severity", "source", "oid", "name", "detail")
DAYS = 90  # that events are kept
AT_ONCE = 10_000  # rows of one DELETE


class Event(NamedTuple):
    """One event; `ts` in µs, `severity` 0 to 7 (RFC 5424). `batch` and `n` name it."""

    batch: int
    n: int
    ts: int
    kind: str
    severity: int
    source: str
    oid: str
    name: str
    detail: str
    element_id: int
    element: str  # its external id
    element_name: str


class Wanted(NamedTuple):
    """Which events: of one element or service (external ids), at least this severe, with this text, before (ts, batch, n)."""

    element: str = ""
    service: str = ""
    severity: int = 7
    text: str = ""
    kind: str = ""
    since: int = 0
    before: tuple[int, int, int] | None = None


async def prepare(con: Connection, kept: Kept) -> Write:
    """The rows, written by binary COPY; the rules of alarms are told of them in the same transaction."""
    part = kept.part
    batch = await con.fetchval("select $1::bigint << 40 | nextval('event_serial')", kept.tenant_id)
    texts, details = np.array(part.texts, np.object_), np.array(part.details, np.object_)
    kinds = np.array(EVENT_KINDS, np.object_)[np.minimum(part.kind, len(EVENT_KINDS) - 1)]
    size = len(part.ts)
    columns = (
        [batch] * size,
        range(size),
        kept.element.tolist(),
        part.sensor.tolist(),
        [to_datetime(ts) for ts in part.ts.tolist()],
        kinds.tolist(),
        part.severity.tolist(),
        *(texts[column].tolist() for column in (part.source, part.oid, part.name)),
        details[part.detail].tolist(),
    )

    async def write(con: Connection) -> None:
        await con.copy_records_to_table("event", records=zip(*columns, strict=True), columns=COLUMNS)
        await con.execute("insert into event_pending (tenant_id, batch) values ($1, $2)", kept.tenant_id, batch)
        await con.execute("select pg_notify('lineside_dirty', ''), pg_notify('lineside_status', '')")

    return write


async def events(con: Connection, tenant_id: int, wanted: Wanted, limit: int) -> list[Event]:
    """The newest events that are `wanted` and that the caller of this transaction may see."""
    before = wanted.before or (0, 0, 0)
    rows = await con.fetch(
        """select v.batch, v.n, v.ts, v.kind, v.severity, v.source, v.oid, v.name, v.detail, v.element_id,
             e.external_id as element, e.name as element_name
           from event v join element e on e.tenant_id = $1 and e.id = v.element_id
           where v.batch >> 40 = $1 and v.severity <= $2 and v.ts >= $3
             and ($4 = '' or e.external_id = $4 or e.device_id in (select d.id from element d where d.external_id = $4))
             and ($5 = '' or e.id in (select unnest(array[p.element_id, q.device_id]) from service s
               join placement p on p.tenant_id = s.tenant_id and p.service_id = s.id
               join element q on q.tenant_id = p.tenant_id and q.id = p.element_id where s.external_id = $5))
             and ($6 = '' or strpos(lower(concat_ws(E'\\n', v.name, v.detail, v.source, v.oid, e.name)), lower($6)) > 0)
             and ($7 = '' or v.kind = $7)
             and ($8::bigint = 0 or (v.ts, v.batch, v.n) < ($9::timestamptz, $8::bigint, $10::int))
           order by v.ts desc, v.batch desc, v.n desc limit $11""",
        tenant_id,
        wanted.severity,
        to_datetime(wanted.since),
        wanted.element,
        wanted.service,
        wanted.text,
        wanted.kind,
        before[1],
        to_datetime(before[0]),
        before[2],
        limit,
    )
    return [Event(**plain_row(row)) for row in rows]


async def take_pending(con: Connection, tenant_id: int, batches: int) -> list[Event]:
    """The events of some batches that no rule has seen, in the order of time; nobody else takes them.

    In a transaction that also stores what follows from them.
    """
    taken = await con.fetch(
        """delete from event_pending where (tenant_id, batch) in (
             select tenant_id, batch from event_pending where tenant_id = $1 order by batch limit $2 for update skip locked)
           returning batch""",
        tenant_id,
        batches,
    )
    rows = await con.fetch(
        """select v.batch, v.n, v.ts, v.kind, v.severity, v.source, v.oid, v.name, v.detail, v.element_id,
             e.external_id as element, e.name as element_name
           from event v join element e on e.tenant_id = $1 and e.id = v.element_id
           where v.batch = any($2) order by v.ts, v.batch, v.n""",
        tenant_id,
        [row["batch"] for row in taken],
    )
    return [Event(**plain_row(row)) for row in rows]


async def drop_old(con: Connection, tenant_id: int, today: int) -> int:
    """Delete the tenant's events that are older than DAYS (`today`: days since the epoch), some at once; returns how many."""
    done = await con.execute(
        """delete from event where ctid in (select v.ctid from event v where v.batch >> 40 = $1 and v.ts < $2 limit $3)""",
        tenant_id,
        to_datetime((today - DAYS) * 86_400_000_000),
        AT_ONCE,
    )
    return int(done.split()[-1])
