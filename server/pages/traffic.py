"""GET /services/{external_id}/traffic.json: a service's traffic beside what was sold, for the chart of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request, Response

from analytics.periods import local_date
from protocols.errors import Refused
from server.pages import charts, times, words
from storage import meters, views
from storage.database import as_caller

if TYPE_CHECKING:
    from storage.meters import Sold


async def traffic(request: Request) -> Response:
    """Both directions by 5 minutes, hours or days. Raises Refused: 404 no such service, 422 no such window."""
    external_id: str = request.path_params["external_id"]
    caller, now = request.state.caller, request.app.state.clock()
    window = charts.span(request.query_params, now)
    async with as_caller(request.app.state.pool, caller) as con:
        found = await views.service(con, external_id) if "\0" not in external_id else None
        if found is None:
            raise Refused(404, "There is no such service", f"No service here has the number “{words.plain(external_id)}”.")
        made = await meters.traffic(con, caller.tenant_id, found.id, window.start, window.end, charts.BUCKET_US)
        day = local_date(now, times.zone_of(found.zone))
        sold = (await meters.sold(con, caller.tenant_id, [found.id], day)).get(found.id)
    lines = (
        charts.Line("Down", made.down_mean, made.down_max, _rate(sold, "down_bps")),
        charts.Line("Up", made.up_mean, made.up_max, _rate(sold, "up_bps")),
    )
    return charts.answer(request, window, "bit/s", found.zone, lines)


def _rate(sold: Sold | None, name: str) -> float | None:
    rate: int | None = getattr(sold, name, None)
    return rate
