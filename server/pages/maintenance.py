"""GET /maintenance: planned work as a month and as a list; the address under which a calendar fetches it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fastapi import Request, Response

from analytics.periods import local_date, midnight
from server import auth
from server.pages import forms, recurrence, rendering, times
from storage import calendar_feeds, window_views
from storage.database import as_caller
from storage.times import DAY_US

if TYPE_CHECKING:
    from storage.window_views import WindowView

MOST_IN_CELL = 4
MOST_LISTED = 200
PAST_DAYS = 400  # of windows that are over; a month further back shows those that recur only


class Entry(NamedTuple):
    """Work on one day: the window, and [start, end) of this stretch of it, µs."""

    window: WindowView
    start: int
    end: int


class Cell(NamedTuple):
    """A day of the month's table; `more` entries are not shown."""

    date: date
    inside: bool
    today: bool
    entries: list[Entry]
    more: int


class Row(NamedTuple):
    """A window in the list: what it is now, in one word and its tone, and the stretch that matters, µs (None: it is over)."""

    window: WindowView
    state: str
    tone: str
    start: int
    end: int
    repeats: str


async def maintenance(request: Request) -> Response:
    """The page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    return await shown(request)


async def shown(request: Request, address: str = "", stopped: int | None = None) -> Response:
    """The page; `address` is a calendar address that was just made, `stopped` how many were just stopped."""
    now, caller = request.app.state.clock(), request.state.caller
    async with as_caller(request.app.state.pool, caller) as con:
        zone_name, week_start = await window_views.calendar_of(con)
        zone = times.zone_of(zone_name)
        first = _month(request.query_params.get("month", ""), local_date(now, zone))
        edges = _edges(first, week_start)
        since = min(midnight(edges[0], zone), now - PAST_DAYS * DAY_US)
        found = await window_views.windows(con, since)
        living = 0 if caller.bound else await calendar_feeds.living(con)
    rows = sorted((_row(window, now) for window in found), key=_soonest_first)
    return rendering.page(
        request,
        "maintenance.html",
        view=times.View(now, zone_name),
        first=first,
        before=_shift(first, -1),
        after=_shift(first, 1),
        weeks=_weeks(found, edges, first, now, zone_name),
        weekdays=[recurrence.DAYS[recurrence.CODES[(week_start - 1 + i) % 7]] for i in range(7)],
        rows=rows[:MOST_LISTED],
        hidden=max(0, len(rows) - MOST_LISTED),
        months=times.MONTHS,
        may_write=may_write(caller),
        may_subscribe=not caller.bound,
        csrf=forms.token(request),
        address=address,
        stopped=stopped,
        living=living,
    )


async def subscribe(request: Request) -> Response:
    """POST /maintenance/calendar: make an address for calendars and show it once; or stop all that were made. Raises Refused."""
    fields = await forms.read(request)
    now, caller = request.app.state.clock(), request.state.caller
    key = auth.new_secret()
    async with as_caller(request.app.state.pool, caller) as con:
        stopped = await calendar_feeds.stop_all(con, caller.tenant_id, now) if forms.one(fields, "do") == "stop" else None
        if stopped is None:
            await calendar_feeds.add(con, caller.tenant_id, auth.sha256(key), now)
    if stopped is not None:
        return await shown(request, stopped=stopped)
    return await shown(request, address=f"{request.app.state.settings.url}/maintenance/calendar.ics?key={key}")


def may_write(caller: auth.Caller) -> bool:
    """Whether this caller may plan work."""
    return caller.bound is None and bool(caller.scopes & {"noc-write", "admin"})


def _month(asked: str, today: date) -> date:
    """The first day of the month asked for (2026-11), or of this one."""
    found = re.fullmatch(r"(20\d\d|19[7-9]\d)-(0[1-9]|1[0-2])", asked)
    return date(int(found[1]), int(found[2]), 1) if found else today.replace(day=1)


def _shift(first: date, months: int) -> str:
    number = first.year * 12 + first.month - 1 + months
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _edges(first: date, week_start: int) -> tuple[date, date]:
    """The first day of the month's table and the day after its last: whole weeks."""
    begin = first - timedelta(days=(first.isoweekday() - week_start) % 7)
    after = (first + timedelta(days=31)).replace(day=1)
    return begin, after + timedelta(days=-(after - begin).days % 7)


def _weeks(found: list[WindowView], edges: tuple[date, date], first: date, now: int, zone_name: str) -> list[list[Cell]]:
    zone = times.zone_of(zone_name)
    dates = [edges[0] + timedelta(days=i) for i in range((edges[1] - edges[0]).days)]
    bounds = [midnight(each, zone) for each in [*dates, edges[1]]]
    spans = [(window, span) for window in found for span in window.open_in(bounds[0], bounds[-1])]
    cells = []
    for day, start, end in zip(dates, bounds, bounds[1:], strict=False):
        mine = [
            Entry(window, max(span.start, start), min(span.end or end, end))
            for window, span in spans
            if span.start < end and (span.end or end) > start
        ]
        mine.sort(key=lambda entry: (entry.start, entry.end))
        cells.append(
            Cell(day, day.month == first.month, day == local_date(now, zone), mine[:MOST_IN_CELL], len(mine[MOST_IN_CELL:]))
        )
    return [cells[i : i + 7] for i in range(0, len(cells), 7)]


def _row(window: WindowView, now: int) -> Row:
    newest = window.newest
    repeats = recurrence.words(newest.rrule)
    going, coming = window.now(now), window.next(now)
    if newest.canceled:
        return Row(window, "Canceled", "off", newest.start, newest.end, repeats)
    if going:
        return Row(window, "Going on", "plan", *going, repeats)
    if coming:
        return Row(window, "Planned", "none", *coming, repeats)
    return Row(window, "Over", "off", newest.start, newest.end, repeats)


def _soonest_first(row: Row) -> tuple[int, int]:
    order = ("Going on", "Planned", "Over", "Canceled").index(row.state)
    return order, row.start if order < 2 else -row.start
