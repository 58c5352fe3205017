"""The meters of a service, its traffic by them, and what was sold of it. The caller's transaction says what may be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from analytics import traffic as sums
from analytics.traffic import Column, Facing, Traffic
from storage import matrices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from storage.database import Connection
    from storage.matrices import Matrix, Step


class Meter(NamedTuple):
    """A placement whose element's counters are the service's traffic. `down`, `up`: series, None while nothing came of them.

    `shared`: another service has the same element as its meter, so this traffic is not this service's alone.
    """

    service_id: int
    placement_id: int
    element_id: int
    element: str
    name: str
    metric: str
    facing: Facing
    down: int | None
    up: int | None
    shared: bool


class Sold(NamedTuple):
    """What was sold in bit/s, by the product and the add-ons that run on that day; None where it says nothing of it.

    Committed rates of add-ons are added to the product's; of burst rates the largest counts.
    """

    down_bps: int | None
    up_bps: int | None
    down_burst_bps: int | None
    up_burst_bps: int | None


_METERS = """
select p.service_id, p.id as placement_id, e.id as element_id, e.external_id as element, e.name, p.meter_metric as metric,
       p.facing, exists (select from placement o where o.tenant_id = p.tenant_id and o.element_id = p.element_id
         and o.id <> p.id and o.meter_metric is not null) as shared
from placement p join element e on e.tenant_id = p.tenant_id and e.id = p.element_id
where p.tenant_id = $1 and p.service_id = any($2) and p.meter_metric is not null order by p.service_id, p.id
"""

# A port's series have no instance. A device has one for each of its ports, and is a meter only if that is the only one: the sum
# of its ports would count what passes through it twice. Our agent's own series go before other sources'.
_SERIES = """
select distinct on (x.element_id, x.metric) x.element_id, x.metric, x.id
from unnest($2::bigint[], $3::text[]) as w (element, metric)
join series x on x.tenant_id = $1 and x.element_id = w.element and x.metric = w.metric
where x.instance = '' or not exists (select from series o where o.tenant_id = $1 and o.element_id = x.element_id
  and o.metric = x.metric and o.source = x.source and o.instance <> x.instance)
order by x.element_id, x.metric, x.source <> 'agent', x.source, x.instance
"""

# Add-ons run from their start (or ever) until the day before their end.
_SOLD = """
select s.id, sum(q.down_bps)::bigint as down_bps, sum(q.up_bps)::bigint as up_bps,
       max(q.down_burst_bps) as down_burst_bps, max(q.up_burst_bps) as up_burst_bps
from service s
cross join lateral (select s.product_id as id union all
  select o.product_id from service_add_on o where o.tenant_id = s.tenant_id and o.service_id = s.id
    and coalesce(o.start_date, '-infinity') <= $3 and coalesce(o.end_date, 'infinity') > $3) part
join product q on q.tenant_id = s.tenant_id and q.id = part.id
where s.tenant_id = $1 and s.id = any($2) group by s.id
"""


async def meters(con: Connection, tenant_id: int, service_id: int) -> list[Meter]:
    """The meters of one service, in the order of its placements; empty = its traffic is not measured."""
    return (await meters_of(con, tenant_id, [service_id]))[service_id]


async def meters_of(con: Connection, tenant_id: int, service_ids: Sequence[int]) -> dict[int, list[Meter]]:
    """The same for many services."""
    found: dict[int, list[Meter]] = {service: [] for service in service_ids}
    rows = await con.fetch(_METERS, tenant_id, list(service_ids))
    pairs = [sums.directions(row["metric"], row["facing"]) for row in rows]
    wanted = [(row["element_id"], metric) for row, pair in zip(rows, pairs, strict=True) for metric in pair if metric]
    series = {
        (row["element_id"], row["metric"]): row["id"]
        for row in await con.fetch(_SERIES, tenant_id, [each[0] for each in wanted], [each[1] for each in wanted])
    }
    for row, (down, up) in zip(rows, pairs, strict=True):
        element = row["element_id"]
        series_of = {"down": series.get((element, down)), "up": series.get((element, up or ""))}
        values: dict[str, Any] = dict(row) | series_of
        found[row["service_id"]].append(Meter(**values))
    return found


async def traffic(con: Connection, tenant_id: int, service_id: int, start_us: int, end_us: int, step_us: int) -> Traffic:
    """The service's traffic over the steps that [start, end) touches: of 5 minutes, an hour, or a day (UTC).

    Raises ValueError: another step. `traffic.metered` is False for a service without a meter.
    """
    return await traffic_of(con, tenant_id, await meters(con, tenant_id, service_id), start_us, end_us, step_us)


async def traffic_of(con: Connection, tenant_id: int, some: Sequence[Meter], start_us: int, end_us: int, step_us: int) -> Traffic:
    """The traffic of these meters together, of one service or of many: a series that several share counts once."""
    step = _step(step_us)
    ports = {frozenset((meter.down, meter.up)): meter for meter in reversed(some)}.values()
    ids = sorted({series for meter in ports for series in (meter.down, meter.up) if series is not None})
    matrix = await matrices.load(con, tenant_id, ids, start_us, end_us, step)
    place = {number: row for row, number in enumerate(ids)}
    # a meter of which nothing came leaves a gap in down; one that counts one direction only leaves none in the other
    down = [meter.down for meter in ports if meter.down is not None or meter.up is None]
    up = [meter.up for meter in ports if meter.up is not None]
    columns = (_column(matrix, [None if series is None else place[series] for series in each]) for each in (down, up))
    return sums.together(matrix.times(), *columns, metered=bool(some))


async def sold(con: Connection, tenant_id: int, service_ids: Sequence[int], day: date) -> dict[int, Sold]:
    """What was sold with each service as of `day`."""
    rows = await con.fetch(_SOLD, tenant_id, list(service_ids), day)
    return {row["id"]: Sold(*(row[name] for name in Sold._fields)) for row in rows}


def _step(step_us: int) -> Step:
    for step, length in matrices.STEP_US.items():
        if length == step_us:
            return step
    msg = f"history has no steps of {step_us} µs"
    raise ValueError(msg)


def _column(matrix: Matrix, rows: Sequence[int | None]) -> Column:
    """Rows of the matrix, and gaps for None."""
    shape = (len(rows), len(matrix.times()))
    known = [position for position, row in enumerate(rows) if row is not None]
    column = Column(*(np.full(shape, np.nan) for _ in Column._fields))
    for name, values in column._asdict().items():
        values[known] = _rows(matrix.values[name], [row for row in rows if row is not None])
    return column


def _rows(values: NDArray[np.float32], rows: Sequence[int]) -> NDArray[np.float32]:
    return values[np.array(rows, np.int64)]
