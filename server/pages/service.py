"""GET /services/{external_id}: one service, why it has its status, its contract, its history, its elements; kept live."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import Request, Response

from analytics.periods import NAMES, local_date
from protocols.errors import Refused
from server.pages import bars, charts, days, figures, rendering, sums, times, tree, words
from storage import meters, service_views, views, window_views
from storage.database import as_caller
from storage.times import DAY_US

if TYPE_CHECKING:
    from storage.database import Connection

MINUTE_US = 60_000_000
MOST_CASES = 20
MOST_WINDOWS = 3
MONTH = NAMES.index("Last 30 Days")
# What a service is felt by, besides its traffic; the first that is there is drawn first.
MEASURES = ("response_time", "rtt", "loss", "jitter", "first_byte_time", "connect_time")


class Seen(NamedTuple):
    """What is known of an element: words, since when (None = only now), when it was last seen, µs.

    `late`: its sensor was asked again since, and this did not come any more.
    """

    texts: tuple[str, ...]
    since: int | None
    at: int
    late: bool = False


class Facts(NamedTuple):
    """What one transaction reads of a service."""

    placed: list[views.ElementRow]
    samples: list[views.LastSample]
    spans: list[views.HistorySpan]
    contract: service_views.Facts
    years: service_views.Years
    cases: list[service_views.Case]
    windows: list[window_views.WindowView]
    meters: list[meters.Meter]
    sold: meters.Sold | None
    measures: list[tuple[str, str, str, str]]


async def service(request: Request) -> Response:
    """The page of the service in the path. Raises Refused 404."""
    if same := rendering.unchanged(request):
        return same
    external_id: str = request.path_params["external_id"]
    now, chosen = request.app.state.clock(), bars.choice(request.query_params)
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        found = await views.service(con, external_id) if "\0" not in external_id else None
        if found is None:
            raise Refused(404, "There is no such service", f"No service here has the number “{words.plain(external_id)}”.")
        facts = await _facts(con, request.state.caller.tenant_id, found, chosen, now)
    return rendering.page(request, "service.html", **_values(found, facts, chosen, now))


async def _facts(con: Connection, tenant: int, found: views.Service, chosen: str, now: int) -> Facts:
    placed = await views.elements(con, found.id)
    ids = [row.element_id for row in placed]
    contract = await service_views.facts(con, found.id)
    day = local_date(now, times.zone_of(found.zone))
    return Facts(
        placed,
        await views.last_samples(con, ids, words.HEADLINE, now - DAY_US),
        await views.history(con, found.id, *bars.window(chosen, now)),
        contract,
        await service_views.years(con, tenant, found.id, contract, now - now % MINUTE_US),
        await service_views.cases(con, found.id, now),
        await window_views.windows(con, now, found.id),
        await meters.meters(con, tenant, found.id),
        (await meters.sold(con, tenant, [found.id], day)).get(found.id),
        await service_views.measures(con, ids, MEASURES),
    )


def _values(found: views.Service, facts: Facts, chosen: str, now: int) -> dict[str, object]:
    view = times.View(now, found.zone)
    monitored = [row for row in facts.placed if row.status != "Unmanaged"]
    going, coming = window_views.current_and_next(facts.windows, now)
    seen = {
        row.placement_id: _seen(row, [s for s in facts.samples if s.element_id == row.element_id], view) for row in facts.placed
    }
    return {
        "service": found,
        "view": view,
        "causes": [(item, words.cause(item, view)) for item in found.cause],
        "tree": tree.lines(facts.placed),
        "seen": seen,
        "monitored": len(monitored),
        "usable": sum(row.raw in tree.USABLE for row in monitored),
        "contract": facts.contract,
        "price": sums.money(facts.contract.mrr, facts.contract.currency) if facts.contract.mrr else "",
        "rows": facts.years.figures,
        "month": facts.years.figures[MONTH][1],
        "span_of": lambda period: figures.span_words(period, facts.years.zone),
        "figures": figures,
        "days": days.days(facts.years.spans, [facts.contract.policy], now - now % MINUTE_US, facts.years.zone),
        "day_text": days_text,
        "cases": facts.cases[:MOST_CASES],
        "going": going,
        "coming": coming[:MOST_WINDOWS],
        "meters": facts.meters,
        "sold": facts.sold,
        "charts": [_chart(*each) for each in facts.measures],
        "why_of": lambda bar: words.why(bar.span.cause, bar.status, bar.span.reason, view),
        "chart_ranges": charts.RANGES,
    } | bars.timeline(facts.spans, chosen, now)


def days_text(day: days.Day) -> str:
    """How one day was spent, as its bar says when it is pointed at."""
    return figures.spent_words(day.seconds)


def _chart(element: str, name: str, metric: str, instance: str) -> tuple[str, str]:
    """(address, label) of the chart of one series."""
    query = urlencode({"metric": metric, "instance": instance})
    return f"/elements/{quote(element, safe='')}/series.json?{query}", figures.series_words(metric, instance, name)


def _seen(row: views.ElementRow, samples: list[views.LastSample], view: times.View) -> list[Seen]:
    """The observations that show a status, each with its latest repeat, then the other newest values, minute by minute."""
    proofs = [(words.observation(item), item.ts) for item in row.evidence]
    polls = {sample.sensor: sample for sample in samples if sample.metric == "reachable"}
    latest = {text: sample for sample in samples if (text := _text(sample, samples, polls))}
    minutes: dict[tuple[str, bool], list[str]] = {}
    for text in latest.keys() - dict(proofs).keys():
        minutes.setdefault((view.clock(latest[text].ts), _late(latest[text], polls)), []).append(text)
    order = list(latest)
    others = [
        Seen(tuple(sorted(texts, key=order.index)), None, max(latest[text].ts for text in texts), late)
        for (_, late), texts in minutes.items()
    ]
    shown = [Seen((text,), ts, latest[text].ts if text in latest else ts) for text, ts in proofs]
    return shown + sorted(others, key=lambda seen: -seen.at)


def _text(sample: views.LastSample, samples: list[views.LastSample], polls: dict[str, views.LastSample]) -> str:
    """What one value says; empty for a success beside which the same sensor's round trip says as much."""
    if sample.metric == "reachable" and sample.value >= 1:
        timed = (other for other in samples if (other.sensor, other.metric) == (sample.sensor, "rtt"))
        if any(not _late(other, polls) for other in timed):
            return ""
    whose = sum(other.metric == sample.metric for other in samples) > 1
    return words.reading(sample, whose=whose)


def _late(sample: views.LastSample, polls: dict[str, views.LastSample]) -> bool:
    """Whether its sensor was polled again since; one poll's values lie up to half an interval apart."""
    poll = polls.get(sample.sensor, sample)
    return sample.ts + int(sample.interval * 500_000) < poll.ts
