"""GET /accounts/{external_id}: how a customer is doing: status, services, availability, revenue, cases, orders, places; live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from fastapi import Request, Response

from analytics.account_status import ServiceNow, account_now, revenue
from analytics.maintenance import MAINTENANCE
from analytics.periods import NAMES, periods
from analytics.summary import summarise
from protocols.errors import Refused
from server.pages import bars, days, figures, rendering, sums, times, words
from storage import account_views, availability
from storage.database import as_caller

if TYPE_CHECKING:
    from analytics.summary import Summary, Total
    from storage.account_views import Account, AccountService
    from storage.database import Connection

MINUTE_US = 60_000_000
MOST_SERVICES = 200  # shown; the rest is counted, and found in the list of services
MOST_FACTS = 20
MONTH = NAMES.index("Last 30 Days")


class Facts(NamedTuple):
    """What one transaction reads of an account. `until`: the minute up to which availability is computed, µs.

    `summary` is of the whole account over all periods, `month` of its services and locations over one.
    """

    services: list[AccountService]
    cases: list[account_views.Fact]
    orders: list[account_views.Fact]
    places: list[account_views.Place]
    spans: list[account_views.AccountSpan]
    summary: Summary
    month: Summary
    days: list[days.Day]
    until: int


class Line(NamedTuple):
    """A service, its cause as a sentence, and its availability of the last 30 days in per cent."""

    row: AccountService
    why: str
    percent: str | None


async def account(request: Request) -> Response:
    """The page of the account in the path. Raises Refused 404."""
    if same := rendering.unchanged(request):
        return same
    external_id: str = request.path_params["external_id"]
    now, chosen = request.app.state.clock(), bars.choice(request.query_params)
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        found = await account_views.account(con, external_id) if "\0" not in external_id else None
        if found is None:
            raise Refused(404, "There is no such account", f"No account here has the number “{words.plain(external_id)}”.")
        facts = await _facts(con, request.state.caller.tenant_id, found, chosen, now)
    return rendering.page(request, "account.html", **_values(found, facts, chosen, now))


async def _facts(con: Connection, tenant: int, found: Account, chosen: str, now: int) -> Facts:
    """Availability is computed up to the whole minute, so that the page, and with it its ETag, stays the same in between."""
    until = now - now % MINUTE_US
    zone, calendar = await availability.zone_of(con, tenant, found.id)
    wanted = periods(until, zone, calendar)
    members = await availability.members(con, tenant, found.id)
    arrays = await availability.spans_of(con, tenant, [each.id for each in members], min(each.start for each in wanted))
    return Facts(
        await account_views.services(con, found.id),
        await account_views.open_cases(con, found.id),
        await account_views.active_orders(con, found.id),
        await account_views.places(con, found.id),
        await account_views.history(con, found.id, *bars.window(chosen, now)),
        # thousands of services take their time, which the other requests must not wait for
        await asyncio.to_thread(summarise, members, arrays, wanted, singly=False),
        await asyncio.to_thread(summarise, members, arrays, wanted[MONTH : MONTH + 1]),
        days.days(arrays, [each.policy for each in members], until, zone),
        until,
    )


def _values(found: Account, facts: Facts, chosen: str, now: int) -> dict[str, object]:
    present = [ServiceNow(each.status, MAINTENANCE in each.flags, each.mrr, each.currency) for each in facts.services]
    view = times.View(now, found.zone)
    total = facts.summary.account
    return {
        "account": found,
        "here": f"/accounts/{quote(found.external_id, safe='')}",
        "why_of": _why,
        "view": view,
        "state": account_now(present, any_down=found.any_down),
        "maintained": sum(each.maintenance for each in present),
        "money": {name: sums.monies(each) for name, each in revenue(present)._asdict().items()},
        "lines": _lines(facts, view),
        "more": max(0, len(facts.services) - MOST_SERVICES),
        "month": total[MONTH] if total else None,
        "rows": list(zip(facts.summary.periods, total, strict=True)),
        "currencies": sorted({each.currency for each in facts.services if each.mrr}),
        "span_of": lambda period: figures.span_words(period, times.zone_of(found.zone)),
        "up_only": figures.up_only,
        "coverage": figures.coverage,
        "days": facts.days,
        "cases": facts.cases[:MOST_FACTS],
        "case_count": len(facts.cases),
        "orders": facts.orders[:MOST_FACTS],
        "order_count": len(facts.orders),
        "locations": _places(facts),
        "sums": sums,
    } | bars.timeline(facts.spans, chosen, now)


def _lines(facts: Facts, view: times.View) -> list[Line]:
    percents = {member.id: month.percent for member, (month,) in zip(facts.month.members, facts.month.services, strict=True)}
    lines = []
    for row in facts.services[:MOST_SERVICES]:
        said = row.fulfilment if row.status == "Not in service" else words.why(row.cause, row.status, row.reason, view)
        lines.append(Line(row, said, percents.get(row.id)))
    return lines


def _places(facts: Facts) -> list[tuple[account_views.Place, Total | None]]:
    """Each location with its availability of the last 30 days."""
    found = facts.month.locations
    return [(place, found[place.id][0] if place.id in found else None) for place in facts.places]


def _why(bar: bars.Bar) -> str:
    """How much of the account was in trouble when a stretch began."""
    span = bar.span
    if not isinstance(span, account_views.AccountSpan) or not span.services_down:
        return ""
    return f"{span.services_down} of {sums.counted(span.services, 'service')} Down or with issues"
