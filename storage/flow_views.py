"""Flows as pages and the CRM read them: whose they are, and their sums. The caller's transaction says what may be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from storage.database import Connection

By = Literal["application", "provider", "remote", ""]
Step = Literal["hour", "day"]

# Elements that the service has for itself: a device whose ports carry others is none of them.
_OWN = """
select p.element_id as id, e.external_id, e.name, coalesce(e.device_id, e.id) as device_id, p.element_id in
    (select * from placed_elsewhere($2)) as shared,
  exists (select from sensor s where s.tenant_id = e.tenant_id and s.kind = 'flow' and s.element_id in (e.id, e.device_id)) as sensor
from placement p join element e on e.tenant_id = p.tenant_id and e.id = p.element_id
where p.tenant_id = $1 and p.service_id = $2 order by p.id
"""


class Placed(NamedTuple):
    """An element of the service. `sensor`: it, or its device, has one that hears flows. `shared`: others are carried by it too."""

    id: int
    external_id: str
    name: str
    device_id: int
    shared: bool
    sensor: bool


class Sums(NamedTuple):
    """Shape [n]: octets, packets and records by element, direction (0 in, 1 out), step and name (place in `names`).

    `bucket`: start of the hour, or of the day in the zone that was asked for, µs.
    """

    element: NDArray[np.int64]
    direction: NDArray[np.int64]
    bucket: NDArray[np.int64]
    name: NDArray[np.int64]
    octets: NDArray[np.float64]
    packets: NDArray[np.float64]
    flows: NDArray[np.int64]
    names: tuple[str, ...]


async def placed(con: Connection, tenant_id: int, service_id: int) -> list[Placed]:
    """The elements of a service, each once, in the order of its placements."""
    rows = [Placed(**dict(row)) for row in await con.fetch(_OWN, tenant_id, service_id)]
    return list({row.id: row for row in reversed(rows)}.values())[::-1]


async def interfaces(con: Connection, tenant_id: int, elements: Sequence[int]) -> dict[int, int]:
    """Of how many interfaces of each element flows have ever been heard; an element without any is left out."""
    rows = await con.fetch(
        "select element_id, count(distinct interface) from flow_key where tenant_id = $1 and element_id = any($2) group by 1",
        tenant_id,
        list(elements),
    )
    return {row[0]: row[1] for row in rows}


async def sums(
    con: Connection, tenant_id: int, elements: Sequence[int], window: tuple[int, int], by: By, step: Step, zone: str = "UTC"
) -> Sums:
    """Flows of these elements in [start, end) (µs, full hours); "" = of all names together."""
    start, end = (to_datetime(each) for each in window)
    rolled = await con.fetchval("select rolled_to from flow_progress where tenant_id = $1", tenant_id) or start
    middle = min(max(rolled, start), end)
    name = by or "''"
    rows = await con.fetch(
        f"""with keys as materialized (
              select id, element_id, direction, {name} as name from flow_key where tenant_id = $1 and element_id = any($2)),
            counted as (
              select k.element_id, k.direction, k.name, h.ts, h.octets, h.packets, h.flows
              from keys k join flow_hour h on h.key_id = k.id where h.ts >= $3 and h.ts < $4
              union all
              select k.element_id, k.direction, k.name, date_trunc('hour', m.ts), m.octets, m.packets, m.flows
              from keys k join flow_minute m on m.key_id = k.id where m.ts >= $4 and m.ts < $5)
            select element_id, direction, {"ts" if step == "hour" else "date_trunc('day', ts, $6)"} as bucket, name, sum(octets), sum(packets), sum(flows)::bigint
            from counted group by 1, 2, 3, 4""",  # noqa: S608 # names of By and Step
        tenant_id,
        list(elements),
        start,
        middle,
        end,
        *([zone] if step == "day" else []),
    )
    element, direction, bucket, text, *counts = zip(*rows, strict=True) if rows else ((),) * 7
    names = tuple(sorted(set(text)))
    place = {each: position for position, each in enumerate(names)}
    return Sums(
        np.array(element, np.int64),
        np.array(direction, np.int64),
        np.array([to_us(each) for each in bucket], np.int64),
        np.array([place[each] for each in text], np.int64),
        np.array(counts[0], np.float64),
        np.array(counts[1], np.float64),
        np.array(counts[2], np.int64),
        names,
    )
