"""Which series a service's elements have, for reading their figures. The caller's transaction says what may be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection


class Measured(NamedTuple):
    """A series of an element that is placed in a service; `element` is its external id."""

    series: int
    element: str
    name: str
    metric: str
    instance: str


class Limits(NamedTuple):
    """What a service's product promises; None: nothing of it. Seconds, per cent, seconds."""

    response_time: float | None
    loss: float | None
    jitter: float | None


async def of_service(con: Connection, tenant_id: int, service_id: int, metrics: Sequence[str], limit: int) -> list[Measured]:
    """At most `limit` series, in the order of `metrics`, then by element and instance; our agent's own before other sources'."""
    rows = await con.fetch(
        """select id as series, external_id as element, name, metric, instance from (
             select distinct on (x.element_id, x.metric, x.instance) x.id, e.external_id, e.name, x.metric, x.instance
             from placement p join element e on e.tenant_id = p.tenant_id and e.id = p.element_id
             join series x on x.tenant_id = p.tenant_id and x.element_id = p.element_id
             where p.tenant_id = $1 and p.service_id = $2 and x.metric = any($3)
             order by x.element_id, x.metric, x.instance, x.source <> 'agent', x.source) found
           order by array_position($3::text[], metric), name, external_id, instance limit $4""",
        tenant_id,
        service_id,
        list(metrics),
        limit,
    )
    return [Measured(**row) for row in rows]


async def limits(con: Connection, tenant_id: int, service_id: int) -> Limits:
    """What was promised with a service, which exists."""
    row = await con.fetchrow(
        """select p.response_time_ms / 1000 as response_time, p.loss_percent as loss, p.jitter_ms / 1000 as jitter
           from service s join product p on p.tenant_id = s.tenant_id and p.id = s.product_id
           where s.tenant_id = $1 and s.id = $2""",
        tenant_id,
        service_id,
    )
    if row is None:
        raise KeyError(service_id)
    return Limits(**row)
