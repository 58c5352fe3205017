"""GET /maintenance/calendar.ics?key=…: maintenance windows as iCalendar (RFC 5545), for calendars that subscribe to them."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import Request, Response
from icalendar import Calendar, Event, vRecur

from analytics.periods import local
from protocols.errors import Refused
from server import auth
from server.pages import words
from storage import calendar_feeds, window_views
from storage.database import as_tenant
from storage.times import DAY_US, to_datetime

if TYPE_CHECKING:
    from storage.window_views import WindowView

PAST_DAYS, AHEAD_DAYS = 90, 800  # windows that ended earlier are left out; zones are spelled out so far
MOST_NAMED = 50


async def calendar(request: Request) -> Response:
    """All windows by their newest versions; a canceled one says so. Raises Refused 404 for an address that is not known."""
    key, now = request.query_params.get("key", ""), request.app.state.clock()
    pool = request.app.state.pool
    async with pool.acquire() as con:
        tenant = await calendar_feeds.tenant_of(con, auth.sha256(key))
    if tenant is None:
        detail = "Calendar addresses are made on the page Maintenance; this one is not known or was stopped."
        raise Refused(404, "There is no such calendar", detail)
    async with as_tenant(pool, tenant) as con:
        found = await window_views.windows(con, now - PAST_DAYS * DAY_US)
    body = feed(found, request.app.state.settings.url, now)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=300", "Content-Disposition": 'inline; filename="maintenance.ics"'}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, "text/calendar; charset=utf-8")


def feed(found: list[WindowView], url: str, now: int) -> bytes:
    """The windows as one calendar; the same windows make the same bytes."""
    made = Calendar()
    made.add("prodid", "-//Lineside//Maintenance//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", "Maintenance")
    made.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    for window in found:
        made.add_component(_event(window, url))
    day = to_datetime(now).date()
    made.add_missing_timezones(day - timedelta(days=PAST_DAYS + 400), day + timedelta(days=AHEAD_DAYS))
    return bytes(made.to_ical())


def _event(window: WindowView, url: str) -> Event:
    newest = window.newest
    event = Event()
    name = hashlib.blake2b(window.external_id.encode(), digest_size=12).hexdigest()
    event.add("uid", f"{name}@maintenance.lineside")
    event.add("sequence", window.number - 1)
    event.add("dtstamp", to_datetime(max(newest.recorded, 0)).replace(microsecond=0))
    event.add("dtstart", _whole(local(newest.start, newest.zone)))
    event.add("dtend", _whole(local(newest.end, newest.zone)))
    event.add("summary", words.plain(window.title))
    names = [f"{words.plain(each.name)} ({words.plain(each.account)})" for each in window.services[:MOST_NAMED]]
    more = len(window.services) - len(names)
    event.add("description", "\n".join(names + ([f"and {more} more"] if more else [])))
    event.add("status", "CANCELLED" if newest.canceled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("url", f"{url}/maintenance")
    if newest.rrule:
        event.add("rrule", vRecur.from_ical(_rule(newest.rrule, newest.zone)))
    return event


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _rule(text: str, zone: object) -> str:
    """The rule with UNTIL in UTC, as section 3.3.10 wants it beside a start with a zone; a date lasts until its end."""
    found = re.search(r"UNTIL=(\d{8})(T\d{6})?(Z)?", text.upper())
    if found is None or found[3]:
        return text.upper()
    last = datetime.strptime(found[1] + (found[2] or "T235959"), "%Y%m%dT%H%M%S").replace(tzinfo=zone)  # type: ignore[arg-type]
    return text.upper().replace(found[0], f"UNTIL={last.astimezone(UTC):%Y%m%dT%H%M%SZ}")
