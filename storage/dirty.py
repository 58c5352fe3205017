"""Which elements must have their status decided again, and from when on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.database import Connection

DECIDER = 0x64656369  # "deci": the lock's own number space


async def mark(con: Connection, tenant_id: int, element_ids: Sequence[int], from_us: Sequence[int]) -> None:
    """Note that element_ids[i] has news from the instant from_us[i] (µs) on, and wake the job. One row, whatever the number."""
    await _mark(con, tenant_id, "element", element_ids, from_us)


async def mark_services(con: Connection, tenant_id: int, service_ids: Sequence[int], from_us: Sequence[int]) -> None:
    """The same for services whose tree, fulfilment or product changed."""
    await _mark(con, tenant_id, "service", service_ids, from_us)


async def mark_site(con: Connection, tenant_id: int, site_id: int, from_us: int) -> None:
    """All elements that the site's agents measure have news: the agent fell silent or was heard again."""
    rows = await con.fetch(
        """select e.id from element e left join element d on d.tenant_id = e.tenant_id and d.id = e.device_id
           where e.tenant_id = $1 and coalesce(d.site_id, e.site_id) = $2""",
        tenant_id,
        site_id,
    )
    await mark(con, tenant_id, [row["id"] for row in rows], [from_us] * len(rows))


async def _mark(con: Connection, tenant_id: int, what: str, ids: Sequence[int], from_us: Sequence[int]) -> None:
    if ids:
        await con.execute(
            """with marked as (insert into status_dirty (tenant_id, what, ids, from_ts) values ($1, $2, $3, $4))
               select pg_notify('lineside_dirty', '')""",
            tenant_id,
            what,
            ids,
            [to_datetime(us) for us in from_us],
        )


async def claim(con: Connection, tenant_id: int, rows: int = 50) -> tuple[dict[int, int], dict[int, int]]:
    """Take up to `rows` marks: elements and services, each id -> earliest instant. They return if the transaction fails."""
    taken = await con.fetch(
        """with taken as (
             delete from status_dirty where id in (
               select id from status_dirty where tenant_id = $1 order by id limit $2 for update skip locked)
             returning what, ids, from_ts)
           select taken.what, e.id, min(e.ts) as ts from taken, unnest(taken.ids, taken.from_ts) as e (id, ts) group by 1, 2""",
        tenant_id,
        rows,
    )
    marks: dict[str, dict[int, int]] = {"element": {}, "service": {}}
    for row in taken:
        marks[row["what"]][row["id"]] = to_us(row["ts"])
    return marks["element"], marks["service"]


async def due(con: Connection, tenant_id: int, now_us: int, limit: int = 5_000) -> dict[int, int]:
    """Elements whose status changes by the passing of time, by `now_us`: element id -> when."""
    rows = await con.fetch(
        "select element_id, due_at from element_due where tenant_id = $1 and due_at <= $2 order by due_at limit $3",
        tenant_id,
        to_datetime(now_us),
        limit,
    )
    return {row["element_id"]: to_us(row["due_at"]) for row in rows}


async def set_due(con: Connection, tenant_id: int, dues: Mapping[int, int | None]) -> None:
    """Record when each element changes by time alone; None = never."""
    await con.execute(
        """merge into element_due d using unnest($2::bigint[], $3::timestamptz[]) as n (element_id, due_at)
             on d.tenant_id = $1 and d.element_id = n.element_id
           when matched and n.due_at is null then delete
           when matched then update set due_at = n.due_at
           when not matched and n.due_at is not null then insert values ($1, n.element_id, n.due_at)""",
        tenant_id,
        list(dues),
        [None if us is None else to_datetime(us) for us in dues.values()],
    )


async def alone(con: Connection, tenant_id: int) -> bool:
    """Whether this transaction may decide the tenant's statuses: one at a time, others go on to the next tenant."""
    return bool(await con.fetchval("select pg_try_advisory_xact_lock($1, $2)", DECIDER, tenant_id))


async def tell_status(con: Connection) -> None:
    """Tell the web processes, once this transaction commits, that a status changed."""
    await con.execute("select pg_notify('lineside_status', '')")


async def tenants_with_work(con: Connection, now_us: int) -> list[int]:
    """Tenants that have marks or dues now."""
    rows = await con.fetch("select t from tenants_with_status_work($1) as t order by t", to_datetime(now_us))
    return [row["t"] for row in rows]
