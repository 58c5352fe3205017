"""The routes of a status page: GET /status/{slug} and what lies below it. The slug is the only key; no session is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from analytics import public_status
from analytics.availability import available_percent, together
from server.pages import rendering, times
from server.status_page import documents, feed
from server.status_page.board import DAYS, board

if TYPE_CHECKING:
    from server.status_page.board import Board, Day, Line

# Other sites may read a page that anyone may read, and a cache may answer for some seconds.
OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=10"}
MOST_BARS = 40  # components with a bar for each day: more would be a heavy page
MOST_PAST = 50


async def page(request: Request) -> Response:
    """The page for people, live by htmx."""
    shown = await board(request)
    view = times.View(shown.now, shown.page.zone)
    return rendering.page(
        request,
        "status_page.html",
        board=shown,
        view=view,
        address=_address(request, shown),
        lines=[(line, _days(line, view) if len(shown.lines) <= MOST_BARS else [], _available(line)) for line in shown.lines],
        days=DAYS,
        work=[(each, documents.planned_name(each)) for each in shown.work],
        incidents=documents.trouble(shown)[:MOST_PAST],
    )


async def summary(request: Request) -> Response:
    """GET …/api/v2/summary.json: everything at once."""
    shown = await board(request)
    return JSONResponse(documents.summary(shown, _address(request, shown)), headers=OPEN)


async def status(request: Request) -> Response:
    """GET …/api/v2/status.json."""
    shown = await board(request)
    return JSONResponse({**documents.page(shown, _address(request, shown)), **documents.status(shown)}, headers=OPEN)


async def components(request: Request) -> Response:
    """GET …/api/v2/components.json."""
    shown = await board(request)
    return JSONResponse({**documents.page(shown, _address(request, shown)), **documents.components(shown)}, headers=OPEN)


async def incidents(request: Request) -> Response:
    """GET …/api/v2/incidents.json: what is wrong or was in the last 14 days."""
    return await _incident_list(request, unresolved=False)


async def unresolved_incidents(request: Request) -> Response:
    """GET …/api/v2/incidents/unresolved.json: what is wrong now."""
    return await _incident_list(request, unresolved=True)


async def maintenances(request: Request) -> Response:
    """GET …/api/v2/scheduled-maintenances.json: planned work of the next 30 days."""
    return await _maintenance_list(request, "")


async def upcoming_maintenances(request: Request) -> Response:
    """GET …/api/v2/scheduled-maintenances/upcoming.json: planned work that has not begun."""
    return await _maintenance_list(request, "upcoming")


async def active_maintenances(request: Request) -> Response:
    """GET …/api/v2/scheduled-maintenances/active.json: work that goes on now."""
    return await _maintenance_list(request, "active")


async def atom(request: Request) -> Response:
    """GET …/feed.atom."""
    shown = await board(request)
    return Response(feed.atom(shown, _address(request, shown)), headers=OPEN, media_type="application/atom+xml")


async def badge(request: Request) -> Response:
    """GET …/badge.svg."""
    return Response(feed.badge(await board(request)), headers=OPEN, media_type="image/svg+xml")


async def _incident_list(request: Request, *, unresolved: bool) -> Response:
    shown = await board(request)
    address = _address(request, shown)
    return JSONResponse(
        {**documents.page(shown, address), **documents.incidents(shown, address, unresolved=unresolved)}, headers=OPEN
    )


async def _maintenance_list(request: Request, which: str) -> Response:
    shown = await board(request)
    address = _address(request, shown)
    return JSONResponse({**documents.page(shown, address), **documents.maintenances(shown, address, which)}, headers=OPEN)


def _address(request: Request, shown: Board) -> str:
    url: str = request.app.state.settings.url
    return f"{url}/status/{shown.page.slug}"


def _available(line: Line) -> str | None:
    return available_percent(together(day.seconds for day in line.days), 2)


def _days(line: Line, view: times.View) -> list[tuple[str, str]]:
    """Each day's status, and the sentence that is read when it is looked at."""
    return [(public_status.day_status(day.seconds), _day(day, view)) for day in line.days]


def _day(day: Day, view: times.View) -> str:
    trouble = [(day.seconds.down, "down"), (day.seconds.has_issues, "with issues"), (day.seconds.maintenance, "in maintenance")]
    parts = [f"{times.length(us)} {word}" for us, word in trouble if us]
    if not parts:
        up, unknown = day.seconds.up, day.seconds.no_data
        parts = ["no trouble" if up >= unknown and up else "mostly not measured" if up else "nothing measured"]
    return f"{view.date(day.start)}: {', '.join(parts)}"
