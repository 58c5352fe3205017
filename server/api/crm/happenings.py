"""Events, alarms, and the alarm timeline of a service, as the CRM's API tells them."""

from __future__ import annotations

from decimal import Decimal

from fastapi import Request
from fastapi.responses import Response

from analytics.alarms import MAINTENANCE, SUPPRESSED, perceived
from protocols.errors import Refused
from server import instants
from server.api.crm.happenings_answers import (
    Alarm,
    AlarmInterval,
    AlarmList,
    AlarmsQuery,
    AlarmTimeline,
    Event,
    EventList,
    EventsQuery,
)
from server.api.crm.history import answer, found_service, window_of
from server.api.crm.money import by_currency
from storage import alarms, events
from storage.database import as_caller


async def list_events(request: Request) -> Response:
    """List what devices said by themselves: traps, informs, lines of syslog."""
    caller, query = request.state.caller, request.state.query
    wanted = events.Wanted(
        query.element or "",
        query.service or "",
        7 if query.severity is None else query.severity,
        query.q or "",
        query.kind or "",
        0 if query.from_ is None else instants.parse(query.from_) or 0,
        None if query.cursor is None else _place(query),
    )
    async with as_caller(request.app.state.pool, caller) as con:
        found = await events.events(con, caller.tenant_id, wanted, query.limit + 1)
    items = tuple(
        Event(each.element, instants.text(each.ts), each.kind, each.severity, each.source, each.oid, each.name, each.detail)
        for each in found[: query.limit]
    )
    last = found[query.limit - 1] if len(found) > query.limit else None
    return answer(EventList(items, None if last is None else f"{last.ts}-{last.batch}-{last.n}"))


async def list_alarms(request: Request) -> Response:
    """List alarms, with the services and accounts that they affect."""
    caller, query = request.state.caller, request.state.query
    least = 7 if query.severity is None else query.severity
    behind = 0 if query.cursor is None else _numbers(query, 1)[0]
    wanted = alarms.Wanted(query.state or "", query.element or "", query.service or "", least, behind)
    async with as_caller(request.app.state.pool, caller) as con:
        found = await alarms.alarms(con, caller.tenant_id, wanted, query.limit + 1, newest=True)
    items = tuple(map(_alarm, found[: query.limit]))
    return answer(AlarmList(items, items[-1].id if len(found) > query.limit else None))


async def service_alarms(request: Request) -> Response:
    """Get the alarm timeline of a service: the intervals in which an alarm was raised."""
    state, caller, query = request.app.state, request.state.caller, request.state.query
    window, at = window_of(query, state.clock())
    async with as_caller(state.pool, caller) as con:
        found = await found_service(con, request)
        rows = await alarms.timeline(con, caller.tenant_id, found.id, (max(window[0], 0), window[1]), at + query.limit + 1)
    shown = rows[at : at + query.limit]
    items = tuple(
        AlarmInterval(
            str(each.alarm_id),
            each.condition,
            each.instance,
            each.element or None,
            each.severity,
            instants.text(each.start),
            None if each.end is None else instants.text(each.end),
        )
        for each in shown
    )
    return answer(AlarmTimeline(items, str(at + query.limit) if len(rows) > at + query.limit else None))


def _alarm(row: alarms.Line) -> Alarm:
    sums: dict[str, Decimal] = {}
    for *_, mrr, currency in row.services:
        sums[currency] = sums.get(currency, Decimal(0)) + Decimal(mrr)
    return Alarm(
        str(row.id), row.condition, row.instance, row.element or None, row.service or None, row.state, row.severity,
        perceived(row.severity, row.state), instants.text(row.raised), instants.text(row.seen),
        None if row.cleared is None else instants.text(row.cleared), row.times, row.detail, SUPPRESSED in row.flags,
        MAINTENANCE in row.flags, row.acknowledged_by, row.cleared_by, row.clear_reason,
        tuple(each[0] for each in row.services), tuple(sorted({each[2] for each in row.services})), by_currency(sums),
    )  # fmt: skip


def _place(query: EventsQuery) -> tuple[int, int, int]:
    ts, batch, n = _numbers(query, 3)
    return ts, batch, n


def _numbers(query: EventsQuery | AlarmsQuery, size: int) -> list[int]:
    """The numbers in a cursor of ours. Raises Refused 400."""
    parts = (query.cursor or "").split("-")
    if len(parts) != size or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Refused(400, "The query does not fit", "'cursor' is the next_cursor of the page before, as it was given.")
    numbers = [int(part) for part in parts]
    if size == 3 and (numbers[0] > 7_258_118_400_000_000 or numbers[2] > 1 << 30):
        raise Refused(400, "The query does not fit", "'cursor' is the next_cursor of the page before, as it was given.")
    return numbers
