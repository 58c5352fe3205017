"""GET /: what is wrong now and whom it hurts, what is planned, who is silent, what was worst; one look, kept live."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from fastapi import Request, Response

from analytics.availability import POLICIES, Seconds, figures
from analytics.availability_arrays import spent_many
from analytics.maintenance import Window, occurrences
from analytics.periods import NAMES, periods
from server.pages import rendering, sums, times, words
from storage import availability, overviews
from storage.database import as_caller
from storage.times import DAY_US
from storage.views import STATUSES

if TYPE_CHECKING:
    from decimal import Decimal

    from analytics.availability import Figures
    from storage.database import Connection
    from storage.overviews import Candidate, Planned, Silent, Total, Troubled

MINUTE_US = 60_000_000
ACCOUNTS, SERVICES = 8, 4  # accounts in trouble, and services of each, that are listed
LOOKED_AT = 400  # services in trouble that are read to choose them from
CANDIDATES, WORST = 100, 6
AHEAD_US = 7 * DAY_US
SHOWN_WORK, SHOWN_SILENT = 5, 5
MONTH = NAMES.index("Last 30 Days")


class Line(NamedTuple):
    """A service in trouble, with its account's clock and its cause as a sentence."""

    row: Troubled
    view: times.View
    why: str


class Group(NamedTuple):
    """An account in trouble: how many of its services are, their monthly revenue by currency, and the first of them."""

    external_id: str
    name: str
    down: int
    issues: int
    affected: dict[str, Decimal]
    at_risk: dict[str, Decimal]
    lines: list[Line]


class Work(NamedTuple):
    """The next or present occurrence [start, end) of a maintenance window, µs."""

    row: Planned
    start: int
    end: int
    view: times.View


class Facts(NamedTuple):
    """What one transaction reads."""

    totals: list[Total]
    troubled: list[Troubled]
    accounts: int
    planned: list[Planned]
    silent: list[Silent]
    agents: int
    worst: list[tuple[Candidate, Figures]]


async def overview(request: Request) -> Response:
    """The first page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    now = request.app.state.clock()
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        facts = await _facts(con, request.state.caller.tenant_id, now)
    counts = dict.fromkeys(STATUSES, 0)
    for each in facts.totals:
        counts[each.status] += each.services
    work = _work(facts.planned, now)
    return rendering.page(
        request,
        "overview.html",
        now=now,
        counts=counts,
        total=sum(counts.values()),
        accounts=facts.accounts,
        money={word: sums.monies(sums.add((t.currency, t.mrr) for t in facts.totals if t.status == word)) for word in STATUSES},
        groups=_groups(facts.troubled, now)[:ACCOUNTS],
        most=SERVICES,
        under_way=[each for each in work if each.start <= now],
        coming=[each for each in work if each.start > now][:SHOWN_WORK],
        later=max(0, sum(each.start > now for each in work) - SHOWN_WORK),
        silent=[(each, times.View(now, "UTC")) for each in facts.silent[:SHOWN_SILENT]],
        silent_count=len(facts.silent),
        agents=facts.agents,
        worst=facts.worst,
        sums=sums,
    )


async def _facts(con: Connection, tenant: int, now: int) -> Facts:
    troubled, accounts = await overviews.troubled(con, LOOKED_AT)
    silent, agents = await overviews.silent_agents(con, now)
    return Facts(
        await overviews.totals(con),
        troubled,
        accounts,
        await overviews.planned(con, now),
        silent,
        agents,
        await _worst(con, tenant, now - now % MINUTE_US),
    )


async def _worst(con: Connection, tenant: int, now: int) -> list[tuple[Candidate, Figures]]:
    """The services with the lowest availability of the last 30 days of their accounts' calendars, the lowest first.

    Chosen from those that were Down for the longest time; who was never Down is not among the worst.
    """
    found = await overviews.most_down(con, now - 30 * DAY_US, now, CANDIDATES)
    if not found:
        return []
    windows = {zone: periods(now, times.zone_of(zone))[MONTH][1:] for zone in {each.zone for each in found}}
    edges = np.array([[windows[each.zone]] for each in found], np.int64)
    arrays = await availability.spans_of(con, tenant, [each.id for each in found], int(edges.min()))
    policies = np.array([POLICIES.index(each.policy) for each in found], np.int8)
    spent = spent_many(arrays, edges, policies)[:, 0, :].tolist()
    rated = [(each, figures(Seconds(*buckets), each.sla_percent)) for each, buckets in zip(found, spent, strict=True)]
    measured = [each for each in rated if each[1].availability is not None and each[1].seconds.down]
    return sorted(measured, key=lambda each: each[1].availability or 0.0)[:WORST]


def _groups(troubled: list[Troubled], now: int) -> list[Group]:
    """By account, in the order of each one's worst service."""
    mine: dict[str, list[Troubled]] = {}
    for row in troubled:
        mine.setdefault(row.account_external_id, []).append(row)
    return [
        Group(
            external_id,
            rows[0].account,
            sum(row.status == "Down" for row in rows),
            sum(row.status != "Down" for row in rows),
            sums.add((row.currency, row.mrr) for row in rows if row.status == "Down"),
            sums.add((row.currency, row.mrr) for row in rows if row.status != "Down"),
            [_line(row, now) for row in rows[:SERVICES]],
        )
        for external_id, rows in mine.items()
    ]


def _line(row: Troubled, now: int) -> Line:
    view = times.View(now, row.zone)
    return Line(row, view, words.why(row.cause, row.status, row.reason, view))


def _work(planned: list[Planned], now: int) -> list[Work]:
    """Of each window what is under way, or else what comes within a week; in order of time."""
    found = []
    for row in planned:
        window = Window(row.start, row.end, times.zone_of(row.zone), row.rrule, row.start)
        following = next(iter(occurrences(window, now, now + AHEAD_US)), None)
        if following is not None:
            found.append(Work(row, *following, times.View(now, row.zone)))
    return sorted(found, key=lambda each: each.start)
