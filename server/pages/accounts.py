"""GET /accounts: who buys, what of it is in trouble, and the revenue behind it; the worst first, kept live."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response

from analytics.account_status import roll_up
from server.pages import rendering, sums, words
from storage import account_spans, account_views
from storage.database import as_caller

if TYPE_CHECKING:
    from storage.account_views import AccountCounts

PER_PAGE = 100
MOST_PAGES = 1_000
LONGEST_SEARCH = 100
NAMED = 3  # services named in a row
STATUSES = ("Down", "Has Issues", "No Data", "Up")


class Query(NamedTuple):
    """What the address asks for; `page` counts from 1."""

    q: str
    status: str
    page: int

    def address(self, **changes: str | int) -> str:
        """The list with something else chosen; a new filter starts at its first page."""
        wanted = self._replace(page=1)._asdict() | changes
        said = {key: value for key, value in wanted.items() if value and (key, value) != ("page", 1)}
        return "/accounts" + (f"?{urlencode(said)}" if said else "")


class Line(NamedTuple):
    """An account with its status; `services` are those In Service, `measured` of them say anything. Money is in words."""

    row: AccountCounts
    status: str
    services: int
    measured: int
    affected: str
    at_risk: str
    unknown: str
    trouble: tuple[account_views.Trouble, ...]


async def accounts(request: Request) -> Response:
    """The list as a page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    query = read(request)
    caller = request.state.caller
    async with as_caller(request.app.state.pool, caller) as con:
        any_down = await account_spans.any_down(con, caller.tenant_id)
        rows = await account_views.count_accounts(con, query.q)
        found = sorted(((_status(row, any_down=any_down), row) for row in rows), key=_worst_first)
        chosen = [each for each in found if query.status in ("", each[0])]
        first = (query.page - 1) * PER_PAGE
        part = chosen[first : first + PER_PAGE]
        ids = [row.id for status, row in part if row.down or row.issues or row.no_data]
        trouble = await account_views.trouble(con, ids, NAMED)
        money = await account_views.money(con, ids)
    counts = dict.fromkeys(STATUSES, 0) | sums.tally(status for status, _ in found)
    return rendering.page(
        request,
        "accounts.html",
        query=query,
        counts=counts,
        total=len(found),
        shown=len(chosen),
        first=first,
        per_page=PER_PAGE,
        lines=[_line(status, row, trouble, money) for status, row in part],
        headline=f"{counts['Down']:,} Down · Accounts" if counts["Down"] else "Accounts",
        sums=sums,
    )


def read(request: Request) -> Query:
    """The query of the address; what makes no sense is left out rather than refused."""
    asked = request.query_params
    page = asked.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    status = asked.get("status", "")
    q = words.plain(asked.get("q", ""))[:LONGEST_SEARCH]
    return Query(q, status if status in STATUSES else "", min(max(number, 1), MOST_PAGES))


def _status(row: AccountCounts, *, any_down: bool) -> str:
    """The account's status: it depends on which statuses its services have, and on whether all that say anything are Down."""
    present = [word for word, n in (("Down", row.down), ("Has Issues", row.issues), ("Up", row.up)) if n]
    return roll_up(present, any_down=any_down)


def _worst_first(each: tuple[str, AccountCounts]) -> tuple[int, int, int, int]:
    status, row = each  # by name where all is equal: they come so, and sorting keeps it
    return STATUSES.index(status), 0 if row.down + row.issues + row.no_data + row.up else 1, -row.down, -row.issues


def _line(status: str, row: AccountCounts, trouble: list[account_views.Trouble], money: list[account_views.Money]) -> Line:
    mine = [each for each in money if each.account_id == row.id]
    affected, at_risk, unknown = (
        sums.monies(sums.add((each.currency, each.mrr) for each in mine if each.status == word))
        for word in ("Down", "Has Issues", "No Data")
    )
    services = row.down + row.issues + row.no_data + row.up
    named = tuple(each for each in trouble if each.account_id == row.id)
    return Line(row, status, services, services - row.no_data, affected, at_risk, unknown, named)
