"""Timelines and availability of services and accounts, and the status of an element, as the CRM's API tells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import Response

from analytics.availability import Figures
from analytics.maintenance import MAINTENANCE
from analytics.periods import Period
from analytics.summary import Total
from protocols.errors import Refused
from server import instants
from server.api.crm.computed import Observation, cause_fields
from server.api.crm.history_answers import (
    AccountAvailability,
    AccountStatus,
    AccountTimeline,
    Availability,
    Buckets,
    ElementStatus,
    ServiceAvailability,
    ServiceStatus,
    ServiceTimeline,
    TimelineQuery,
    TotalAvailability,
    Weighted,
)
from storage import availability, computed, span_reads
from storage.database import Connection, as_caller
from storage.times import DAY_US

USUAL_US = 30 * DAY_US


async def service_timeline(request: Request) -> Response:
    """Get the operational-status timeline of a service, with what decided each status."""
    state, caller = request.app.state, request.state.caller
    window, at = window_of(request.state.query, state.clock())
    limit: int = request.state.query.limit
    async with as_caller(state.pool, caller) as con:
        found = await found_service(con, request)
        spans = await span_reads.service_spans(con, caller.tenant_id, found.id, window, at, limit + 1)
        elements = {cause.element_id for span in spans for cause in span.cause}
        names = await computed.element_names(con, caller.tenant_id, list(elements))
    items = tuple(
        ServiceStatus(
            *_bounds(span),
            status=span.shown,
            raw_status=span.raw,
            reason=span.reason,
            flags=span.flags,
            undergoing_maintenance=MAINTENANCE in span.flags,
            since=instants.text(span.since),
            cause=cause_fields(span.cause, names),
        )
        for span in spans[:limit]
    )
    return answer(ServiceTimeline(items, _more(spans[limit:])))


async def account_timeline(request: Request) -> Response:
    """Get the operational-status timeline of an account."""
    state, caller = request.app.state, request.state.caller
    window, at = window_of(request.state.query, state.clock())
    limit: int = request.state.query.limit
    async with as_caller(state.pool, caller) as con:
        found = await _whole_account(con, request)
        spans = await span_reads.account_spans(con, caller.tenant_id, found.id, window, at, limit + 1)
    items = tuple(
        AccountStatus(
            *_bounds(span), span.shown, span.raw, MAINTENANCE in span.flags, span.services, span.measured, span.services_down
        )
        for span in spans[:limit]
    )
    return answer(AccountTimeline(items, _more(spans[limit:])))


async def service_availability(request: Request) -> Response:
    """Get the availability of a service over the ten periods."""
    state, caller = request.app.state, request.state.caller
    async with as_caller(state.pool, caller) as con:
        found = await found_service(con, request)
        zone, member, summary = await availability.service_summary(con, caller.tenant_id, found.id, state.clock())
    periods = tuple(
        Availability(**_figures(period, figures)) for period, figures in zip(summary.periods, summary.services[0], strict=True)
    )
    return answer(ServiceAvailability(found.external_id, zone.key, member.policy, member.sla_percent, periods))


async def account_availability(request: Request) -> Response:
    """Get the availability of an account over the ten periods."""
    state, caller = request.app.state, request.state.caller
    async with as_caller(state.pool, caller) as con:
        found = await _whole_account(con, request)
        zone, _ = await availability.zone_of(con, caller.tenant_id, found.id)
        summary = await availability.account_summary(con, caller.tenant_id, found.id, state.clock(), singly=False)
    periods = tuple(
        TotalAvailability(**_figures(period, total.figures), revenue_weighted=_weighted(total))
        for period, total in zip(summary.periods, summary.account, strict=True)
    )
    return answer(AccountAvailability(found.external_id, zone.key, periods))


async def element_status(request: Request) -> Response:
    """Get the present status of an element."""
    state, caller = request.app.state, request.state.caller
    async with as_caller(state.pool, caller) as con:
        found = await span_reads.element_now(con, caller.tenant_id, request.path_params["external_id"])
    if found is None:
        raise unknown("element", request.path_params["external_id"])
    seen = tuple(
        Observation(each.sensor_name, each.metric, each.instance, instants.text(each.ts), each.value, each.reason)
        for each in found.evidence
    )
    since = None if found.since is None else instants.text(found.since)
    return answer(ElementStatus(found.external_id, found.shown, found.raw, since, found.reason, found.flags, seen))


async def found_service(con: Connection, request: Request) -> span_reads.Found:
    """The service in the path. Raises Refused 404."""
    return await _found(con, request, "service", span_reads.service)


def unknown(word: str, external_id: str) -> Refused:
    """What is said of an id in a path that leads nowhere, or where the caller may not look."""
    return Refused(404, f"Unknown {word}", f"There is no {word} {external_id[:255]!r} here.")


def answer(content: Any) -> Response:
    """JSON that no cache keeps."""
    return Response(msgspec.json.encode(content), headers={"Cache-Control": "no-store"}, media_type="application/json")


async def _whole_account(con: Connection, request: Request) -> span_reads.Found:
    """The account in the path. Raises Refused: 404, 403 to a reseller, whose services are a part of it only."""
    found = await _found(con, request, "account", span_reads.account)
    if request.state.caller.bound is not None and request.state.caller.bound.reseller_id is not None:
        raise Refused(403, "Not shown to resellers", "These figures are of all services of the account; ask for your services'.")
    return found


async def _found(con: Connection, request: Request, word: str, look: Callable[..., Any]) -> span_reads.Found:
    external_id = request.path_params["external_id"]
    found: span_reads.Found | None = await look(con, request.state.caller.tenant_id, external_id)
    if found is None:
        raise unknown(word, external_id)
    return found


def window_of(query: TimelineQuery, now: int) -> tuple[tuple[int, int], int]:
    """[from, to) in µs, and where the page starts. Raises Refused 400."""
    end = now if query.to is None else min(instants.parse(query.to) or 0, now)
    start = end - USUAL_US if query.from_ is None else instants.parse(query.from_) or 0
    if start > end:
        raise Refused(400, "The query does not fit", "'from' lies after 'to', or in the future.")
    return (max(start, 0), end), 0 if query.cursor is None else instant_of(query.cursor)


def instant_of(given: str) -> int:
    """Where a timeline's next page starts, µs. Raises Refused 400 for a cursor that is not ours."""
    if not (given.isascii() and given.isdigit() and len(given) < 17):
        raise Refused(400, "The query does not fit", "'cursor' is the next_cursor of the page before, as it was given.")
    return int(given)


def _more(rest: list[Any]) -> str | None:
    return str(rest[0].start) if rest else None


def _bounds(span: span_reads.ServiceSpan | span_reads.AccountSpan) -> tuple[str, str | None]:
    return instants.text(span.start), None if span.end is None else instants.text(span.end)


def _figures(period: Period, figures: Figures) -> dict[str, Any]:
    return {
        "period": period.name,
        "from_": instants.text(period.start),
        "to": instants.text(period.end),
        "availability": figures.availability,
        "availability_up_only": figures.availability_up_only,
        "availability_percent": figures.percent,
        "coverage": figures.coverage,
        "low": figures.low,
        "high": figures.high,
        "low_coverage": figures.low_coverage,
        "partial_period": figures.partial_period,
        "verdict": figures.verdict,
        "seconds": Buckets(*(spent / 1e6 for spent in figures.seconds)),
    }


def _weighted(total: Total) -> tuple[Weighted, ...]:
    given: Mapping[str, str | None] = total.weighted
    return tuple(Weighted(currency, text) for currency, text in sorted(given.items()))
