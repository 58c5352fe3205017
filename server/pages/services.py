"""GET /services: all services with status, since and cause; by list view, filtered by status, searched, kept live."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response

from server.pages import rendering, times, words
from storage import service_lists
from storage.database import as_caller

PER_PAGE = 100
LONGEST_SEARCH = 100
MOST_PAGES = 1_000
# List views as people call them. The one of what is Down is the filter by that status.
VIEWS = {
    "": "All services",
    "active": "Active services",
    "cases": "With open cases",
    "cases-over-1-day": "With open cases over 1 day",
    "maintenance": "In maintenance",
}
NONE_IN_VIEW = {
    "active": ("No active services", "A service is active while its fulfilment status is New or In Service."),
    "cases": ("No open cases", "Cases come from your CRM; one is open until its status is Closed."),
    "cases-over-1-day": (
        "No case is open for more than a day",
        "Cases come from your CRM; one is open until its status is Closed.",
    ),
    "maintenance": ("Nothing is in maintenance now", "A service stands here while a maintenance window over it is open."),
}


class Query(NamedTuple):
    """What the address asks for; `page` counts from 1."""

    q: str
    view: str
    status: str
    page: int

    def address(self, **changes: str | int) -> str:
        """The list with something else chosen; a new filter starts at its first page."""
        wanted = self._replace(page=1)._asdict() | changes
        said = {key: value for key, value in wanted.items() if value and (key, value) != ("page", 1)}
        return "/services" + (f"?{urlencode(said)}" if said else "")


class Line(NamedTuple):
    """A service with its own account's clock and its cause as a sentence."""

    row: service_lists.ServiceRow
    view: times.View
    why: str


async def services(request: Request) -> Response:
    """The list as a page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    query = read(request)
    now = request.app.state.clock()
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        counts = await service_lists.counts(con, query.q, query.view, now)
        first = (query.page - 1) * PER_PAGE
        rows = await service_lists.services(con, query.q, query.view, query.status, now, PER_PAGE, first)
    total = sum(counts.by_status.values())
    return rendering.page(
        request,
        "services.html",
        query=query,
        counts=counts.by_status,
        views=[(name, called, counts.by_view[name]) for name, called in VIEWS.items()],
        nothing=NONE_IN_VIEW.get(query.view),
        total=total,
        shown=counts.by_status.get(query.status, 0) if query.status else total,
        first=first,
        per_page=PER_PAGE,
        lines=[_line(row, now) for row in rows],
    )


def read(request: Request) -> Query:
    """The query of the address; what makes no sense is left out rather than refused."""
    asked = request.query_params
    page = asked.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    q = words.plain(asked.get("q", ""))[:LONGEST_SEARCH]
    view = asked.get("view", "")
    return Query(q, view if view in VIEWS else "", words.plain(asked.get("status", "")), min(max(number, 1), MOST_PAGES))


def _line(row: service_lists.ServiceRow, now: int) -> Line:
    view = times.View(now, row.zone)
    said = row.fulfilment if row.status == "Not in service" else words.why(row.cause, row.status, row.reason, view)
    return Line(row, view, said)
