"""GET /crm/v1/services/{id}/traffic: what a service's traffic is made of, by application, cloud provider and remote network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from fastapi import Request
from fastapi.responses import Response

from analytics import traffic_mix
from analytics.periods import local_date, midnight, periods
from server import instants, service_flows
from server.api.crm.history import answer, found_service
from server.api.crm.metrics_answers import MeterOf
from server.api.crm.traffic_answers import AgainstSnmp, CloudDay, Octets, Part, TrafficMix
from storage import availability
from storage.database import as_caller
from storage.flows import HOUR_US
from storage.times import DAY_US

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.traffic_mix import Check
    from analytics.traffic_mix import Part as Piece
    from server.service_flows import Counted

MOST = 50


async def traffic(request: Request) -> Response:
    """Get what the traffic of a service is made of: applications, cloud providers, remote networks, and clouds by day."""
    state, caller, query = request.app.state, request.state.caller, request.state.query
    async with as_caller(state.pool, caller) as con:
        found = await found_service(con, request)
        zone, calendar = await availability.zone_of(con, caller.tenant_id, found.account_id)
        now = state.clock()
        period = next(each for each in periods(now, zone, calendar) if each.name == query.period)
        window = (period.start // HOUR_US * HOUR_US, -(-period.end // HOUR_US) * HOUR_US)
        of = await service_flows.sources(con, caller.tenant_id, found.id, window)
        by = [
            await service_flows.counted(con, caller.tenant_id, of, window, name, step, zone.key)
            for name, step in service_flows.NAMES
        ]
        compared = await service_flows.check(con, caller.tenant_id, of, by[1], window, now)
    ways = bool(of.facing) and None not in of.facing.values()
    ranked = [each.ranking(MOST) for each in by]
    parts = [tuple(Part(part.name, _octets(part, ways=ways), round(part.share, 6)) for part in each.parts) for each in ranked]
    whole = ranked[0].whole
    return answer(
        TrafficMix(
            id=found.external_id,
            period=query.period,
            from_=instants.text(window[0]),
            to=instants.text(min(window[1], now)),
            counted_by=of.by,
            meters=tuple(
                MeterOf(each.element, each.facing, each.down is not None or each.up is not None, each.shared)
                for each in of.meters
            ),
            octets=_octets(whole, ways=ways),
            applications=parts[0],
            providers=parts[1],
            remotes=parts[2],
            cloud_share=round(by[1].named, 6) if whole.total else None,
            days=_days(by[1], window, zone),
            against_snmp=_against(compared),
        )
    )


def _octets(part: Piece, *, ways: bool) -> Octets:
    return Octets(round(part.down) if ways else None, round(part.up) if ways else None, round(part.total))


def _days(providers: Counted, window: tuple[int, int], zone: ZoneInfo) -> tuple[CloudDay, ...]:
    """Each day of the window, of whose bytes any are known or not."""
    first, last = (local_date(at, zone).toordinal() for at in (window[0], window[1] - 1))
    days = [local_date(at, zone) for at in range(window[0], window[1] + DAY_US, DAY_US)]
    days = [day for day in dict.fromkeys(days) if first <= day.toordinal() <= last]
    starts = [midnight(day, zone) for day in days]
    sums = providers.sums
    place = np.maximum(np.searchsorted(starts, sums.bucket, side="right") - 1, 0)
    named = np.array([bool(name) for name in sums.names], np.bool_)[sums.name]
    share = traffic_mix.cloud_share(place, len(days), named, providers.octets.total)
    octets = np.bincount(place, providers.octets.total, len(days))
    return tuple(
        CloudDay(day.isoformat(), round(each), None if math.isnan(part) else round(part, 6))
        for day, each, part in zip(days, octets.tolist(), share.tolist(), strict=True)
    )


def _against(found: Check | None) -> AgainstSnmp | None:
    if found is None:
        return None
    factor = None if found.factor is None else round(found.factor, 4)
    return AgainstSnmp(round(found.flows), round(found.counted), found.hours, factor)
