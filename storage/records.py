"""Single records of the inventory and of the facts: found by external id, listed page by page, counted as used or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from protocols.errors import Refused
from storage.facts import FACTS
from storage.inventory import NOUNS
from storage.nouns import Noun, Row
from storage.record_filters import FILTERS
from storage.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from storage.database import Connection

ALL: dict[str, Noun] = NOUNS | FACTS
NEWEST = """ and t.version = (select max(n.version) from maintenance_window n where n.tenant_id = $1 and n.id = t.id)"""


async def load(con: Connection, tenant_id: int, name: str, external_ids: Iterable[str]) -> list[Row]:
    """Those records of list `name` that there are, sorted by external id."""
    wanted = list(external_ids)
    if not wanted:
        return []
    # the condition goes down into the inner query, where the index on external ids answers it
    found = await con.fetch(
        f"select * from ({ALL[name].load}) r where r.external_id = any($2::text[]) order by r.external_id",  # noqa: S608 - ours
        tenant_id,
        wanted,
    )
    return [Row(*record) for record in found]


async def page(
    con: Connection, tenant_id: int, name: str, filters: Mapping[str, str], after: str, limit: int, now_us: int
) -> list[str]:
    """External ids of list `name` behind `after` ('' = from the start) that pass all `filters` (keys of FILTERS), sorted."""
    rules = "".join(f" and {FILTERS[name][key].format(p=f'${position}')}" for position, key in enumerate(filters, 5))
    newest = NEWEST if name == "maintenance_windows" else ""
    rows = await con.fetch(
        f"""select t.external_id from {ALL[name].table} t where t.tenant_id = $1 and t.external_id > $3
            and $2::timestamptz is not null{newest}{rules} order by t.external_id limit $4""",  # noqa: S608 - ours
        tenant_id,
        to_datetime(now_us),
        after,
        limit,
        *filters.values(),
    )
    return [row["external_id"] for row in rows]


async def known(con: Connection, tenant_id: int, name: str, external_ids: Iterable[str]) -> set[str]:
    """Those of the ids that list `name` has."""
    rows = await con.fetch(
        f"select external_id from {ALL[name].table} where tenant_id = $1 and external_id = any($2::text[])",  # noqa: S608 - ours
        tenant_id,
        list(external_ids),
    )
    return {row["external_id"] for row in rows}


async def names(con: Connection, tenant_id: int, name: str, limit: int = 5_000) -> list[str]:
    """The first external ids of list `name`, for a hint."""
    rows = await con.fetch(
        f"select external_id from {ALL[name].table} where tenant_id = $1 order by external_id limit $2",  # noqa: S608 - ours
        tenant_id,
        limit,
    )
    return [row["external_id"] for row in rows]


async def save_facts(con: Connection, tenant_id: int, owner: str, name: str, records: str) -> None:
    """Create or overwrite `records`, a JSON array of complete facts of list `name`; what they refer to must exist."""
    for statement in FACTS[name].save:
        arguments = (tenant_id, records, owner) if "$3" in statement else (tenant_id, records)
        await con.execute(statement, *arguments)


async def remove_fact(con: Connection, tenant_id: int, name: str, external_id: str) -> None:
    """Delete one fact. Raises Refused 409 where something still refers to it."""
    table = FACTS[name].table
    try:
        await con.execute(
            f"delete from {table} where tenant_id = $1 and external_id = $2",  # noqa: S608 - a constant of ours
            tenant_id,
            external_id,
        )
    except asyncpg.ForeignKeyViolationError as error:
        raise Refused(409, "Still in use", f"A {(error.table_name or 'record').replace('_', ' ')} still refers to it.") from None


async def rivals(con: Connection, tenant_id: int, names: list[str], ports: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """(services that have one of the `names`, elements that are one of the `ports`: (device, ifName)); external ids."""
    services = await con.fetch(
        "select external_id from service where tenant_id = $1 and name = any($2::text[])", tenant_id, names
    )
    elements = await con.fetch(
        """select e.external_id from element e join element d on d.tenant_id = e.tenant_id and d.id = e.device_id
           join unnest($2::text[], $3::text[]) as p (device, port) on p.device = d.external_id and p.port = e.port
           where e.tenant_id = $1""",
        tenant_id,
        [device for device, _ in ports],
        [port for _, port in ports],
    )
    return [row["external_id"] for row in services], [row["external_id"] for row in elements]
