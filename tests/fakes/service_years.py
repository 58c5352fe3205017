"""Many services with a year of timelines each, in a real database: an incident a week, rows in the order in which time made them."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from storage.database import Connection

WEEKS = 52
WEEK_US = 7 * 86_400_000_000
ZONES = ("Europe/Warsaw", "America/New_York", "UTC", "Asia/Kathmandu", "America/Havana", "Europe/London", "Asia/Tokyo")
SMALL, LARGE = 20, 200  # services of an account; one account of a hundred is large
_EPOCH_2000 = 946_684_800_000_000
_CAUSE = (
    b'\x01[{"placement_id":1,"element_id":1,"name":"router","status":"Down","reason":"no_answer","implied_by":"","evidence":'
    b'[{"sensor_id":1,"sensor_name":"ping","metric":"reachable","instance":"","ts":1790000000000000,"value":0.0,'
    b'"reason":"timeout"}]}]'
)
_NO_FLAGS = b"\0\0\0\0" + b"\0\0\0\0" + (25).to_bytes(4, "big")
_MAINTENANCE = b"\0\0\0\1" + b"\0\0\0\0" + (25).to_bytes(4, "big") + b"\0\0\0\1" + b"\0\0\0\1" + b"\0\0\0\x0bmaintenance"


class Kind(NamedTuple):
    """How a span reads, and how many incidents of a hundred are such."""

    status: bytes
    reason: bytes
    flags: bytes
    cause: bytes
    share: int


WELL = Kind(b"Up", b"", _NO_FLAGS, b"\x01[]", 0)
INCIDENTS = (
    Kind(b"Down", b"no_answer", _NO_FLAGS, _CAUSE, 40),
    Kind(b"Has Issues", b"redundancy_lost", _NO_FLAGS, _CAUSE, 30),
    Kind(b"No Data", b"stale", _NO_FLAGS, _CAUSE, 20),
    Kind(b"Up", b"", _MAINTENANCE, b"\x01[]", 10),
)


async def seed(con: Connection, services: int, now: int) -> int:
    """A tenant with so many services and their year up to `now` (µs); returns the tenant's id. `con` is a superuser's."""
    tenant = int(await con.fetchval("insert into tenant (external_id, name) values ('years', 'Years') returning id"))
    small = services // SMALL
    await con.execute(
        """insert into account (tenant_id, external_id, owner, name, timezone)
           select $1, 'a' || n, 'api', 'a' || n, ($3::text[])[1 + n % cardinality($3::text[])] from generate_series(0, $2::int) n""",
        tenant,
        small,
        list(ZONES),
    )
    await con.execute(
        """insert into product (tenant_id, external_id, owner, name, maintenance_policy, sla_percent)
           values ($1, 'p0', 'api', 'p0', 'exclude', 99.9), ($1, 'p1', 'api', 'p1', 'honor_up', 99), ($1, 'p2', 'api', 'p2', 'ignore', null)""",
        tenant,
    )
    await con.execute(
        """insert into service (tenant_id, external_id, owner, name, account_id, product_id, fulfilment_status, mrr)
           select $1, 's' || n, 'api', 's' || n, a.first + x.n / $3, p.first + n % 3, 'In Service', 10 + n % 90
           from generate_series(0, $2::int - 1) x (n), (select min(id) as first from account where tenant_id = $1) a,
             (select min(id) as first from product where tenant_id = $1) p order by n""",
        tenant,
        services,
        SMALL,
    )
    await _large_accounts(con, tenant, small)
    first = await con.fetchval("select min(id) from service where tenant_id = $1", tenant)
    await con.execute("set session_replication_role = replica")  # every row is known to have its service
    await _spans(con, tenant, np.arange(first, first + services), now)
    await con.execute("set session_replication_role = origin")
    await con.execute("vacuum analyze service_span")
    await con.execute("analyze")
    return tenant


async def _large_accounts(con: Connection, tenant: int, accounts: int) -> None:
    """The first account of each hundred takes the services of the nine after it."""
    await con.execute(
        """update service s set account_id = s.account_id - (s.account_id - a.first) % 100 from
             (select min(id) as first from account where tenant_id = $1) a
           where s.tenant_id = $1 and (s.account_id - a.first) % 100 < $2""",
        tenant,
        LARGE // SMALL,
    )
    await con.execute(
        "delete from account a where a.tenant_id = $1 and not exists (select from service s where s.account_id = a.id)", tenant
    )


async def _spans(con: Connection, tenant: int, ids: NDArray[np.int64], now: int) -> None:
    random = np.random.default_rng(1)
    begin = np.full(len(ids), now - WEEKS * WEEK_US - WEEK_US // 2)
    shares = np.array([kind.share for kind in INCIDENTS]) / 100
    for week in range(WEEKS):
        start = now - (WEEKS - week) * WEEK_US + random.integers(0, WEEK_US * 3 // 4, len(ids))
        end = start + 60_000_000 + random.exponential(30 * 60_000_000, len(ids)).astype(np.int64).clip(0, WEEK_US // 8)
        await _copy(con, tenant, WELL, ids, begin, start)
        kinds = random.choice(len(INCIDENTS), len(ids), p=shares)
        for number, kind in enumerate(INCIDENTS):
            mine = kinds == number
            await _copy(con, tenant, kind, ids[mine], start[mine], end[mine])
        begin = end
    await _copy(con, tenant, WELL, ids, begin, None)


async def _copy(
    con: Connection, tenant: int, kind: Kind, ids: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64] | None
) -> None:
    """Rows of one kind by binary COPY: each column with its length before it."""
    texts = {"raw": kind.status, "shown": kind.status, "reason": kind.reason, "flags": kind.flags}
    columns = [("tenant", ">i8"), ("service", ">i8"), ("start", ">i8"), ("end", "V0" if end is None else ">i8")]
    columns += [(name, f"V{len(text)}") for name, text in texts.items()]
    columns += [("since", ">i8"), ("cause", f"V{len(kind.cause)}")]
    dtype = np.dtype([("n", ">i2"), *(part for name, form in columns for part in ((f"{name}_n", ">i4"), (name, form)))])
    rows = np.zeros(len(ids), dtype)
    rows["n"] = len(columns)
    for name, form in columns:
        rows[f"{name}_n"] = np.dtype(form).itemsize
    rows["tenant"], rows["service"], rows["start"], rows["since"] = tenant, ids, start - _EPOCH_2000, start - _EPOCH_2000
    if end is None:
        rows["end_n"] = -1
    else:
        rows["end"] = end - _EPOCH_2000
    for name, text in (*texts.items(), ("cause", kind.cause)):
        rows[name] = np.void(text) if text else rows[name]
    stream = BytesIO(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff")
    await con.copy_to_table("service_span", source=stream, format="binary")
