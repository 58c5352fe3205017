"""GET /services: all services with status, since and cause; filtered by status, searched, kept live."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from server.pages import rendering, times, words
from storage import views
from storage.database import as_tenant

PER_PAGE = 100
LONGEST_SEARCH = 100
MOST_PAGES = 1_000


class Query(NamedTuple):
    """What the address asks for; `page` counts from 1."""

    q: str
    status: str
    page: int

    def address(self, **changes: str | int) -> str:
        """The list with something else chosen; a new filter starts at its first page."""
        wanted = self._replace(page=1)._asdict() | changes
        said = {key: value for key, value in wanted.items() if value and (key, value) != ("page", 1)}
        return "/services" + (f"?{urlencode(said)}" if said else "")


class Line(NamedTuple):
    """A service with its own account's clock and its cause as a sentence."""

    row: views.ServiceRow
    view: times.View
    why: str


async def home(_request: Request) -> Response:
    """GET /: the list is the first page."""
    return RedirectResponse("/services", 303)


async def services(request: Request) -> Response:
    """The list as a page, or its live part for htmx."""
    query = read(request)
    now = request.app.state.clock()
    async with as_tenant(request.app.state.pool, request.state.caller.tenant_id) as con:
        counts = await views.count_by_status(con, query.q)
        rows = await views.services(con, query.q, query.status, PER_PAGE, (query.page - 1) * PER_PAGE)
    total = sum(counts.values())
    return rendering.page(
        request,
        "services.html",
        query=query,
        counts=counts,
        total=total,
        shown=counts.get(query.status, 0) if query.status else total,
        first=(query.page - 1) * PER_PAGE,
        per_page=PER_PAGE,
        lines=[_line(row, now) for row in rows],
    )


def read(request: Request) -> Query:
    """The query of the address; what makes no sense is left out rather than refused."""
    asked = request.query_params
    page = asked.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    q = words.plain(asked.get("q", ""))[:LONGEST_SEARCH]
    return Query(q, words.plain(asked.get("status", "")), min(max(number, 1), MOST_PAGES))


def _line(row: views.ServiceRow, now: int) -> Line:
    view = times.View(now, row.zone)
    said = row.fulfilment if row.status == "Not in service" else words.why(row.cause, row.status, row.reason, view)
    return Line(row, view, said)
