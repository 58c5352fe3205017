"""What products promise of response time, loss and jitter, and which services were sold such a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.indicators import Sold
from analytics.timeline import Span, spans_of
from storage.times import SECOND_US, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection


async def with_limits(con: Connection, tenant_id: int, element_ids: Sequence[int]) -> list[tuple[int, int, int]]:
    """(service, element, longest interval of the element's sensors in µs) of services that ever had limits, on these elements."""
    rows = await con.fetch(
        """select p.service_id, p.element_id, max(s.interval_seconds) as seconds
           from placement p join sensor s on s.tenant_id = p.tenant_id and s.element_id = p.element_id
           where p.tenant_id = $1 and p.element_id = any($2) and exists (
             select from service_version v join product r on r.tenant_id = v.tenant_id and r.id = v.product_id
             where v.tenant_id = $1 and v.service_id = p.service_id
               and num_nonnulls(r.response_time_ms, r.loss_percent, r.jitter_ms) > 0)
           group by p.service_id, p.element_id""",
        tenant_id,
        element_ids,
    )
    return [(row["service_id"], row["element_id"], round(row["seconds"] * SECOND_US)) for row in rows]


async def sold(con: Connection, tenant_id: int, service_ids: Sequence[int]) -> dict[int, list[Span[Sold]]]:
    """The limits of the services' products over time, of those services that had any. A product's limits are those it has now."""
    rows = await con.fetch(
        """select v.service_id, v.valid_from, r.response_time_ms, r.loss_percent, r.jitter_ms, r.hard_limit
           from service_version v join product r on r.tenant_id = v.tenant_id and r.id = v.product_id
           where v.tenant_id = $1 and v.service_id = any($2) order by v.service_id, v.valid_from""",
        tenant_id,
        service_ids,
    )
    points: dict[int, list[tuple[int, Sold]]] = {}
    for row in rows:
        response, jitter = (None if ms is None else ms / 1000 for ms in (row["response_time_ms"], row["jitter_ms"]))
        limits = Sold(response, row["loss_percent"], jitter, row["hard_limit"])
        points.setdefault(row["service_id"], []).append((to_us(row["valid_from"]), limits))
    spans = {service: spans_of(mine, mine[0][0]) for service, mine in points.items()}
    return {service: mine for service, mine in spans.items() if any(span.value.any for span in mine)}
