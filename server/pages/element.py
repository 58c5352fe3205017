"""GET /elements/{external_id}: one part: why it has its status, its sensors, services, days, charts, and what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

import numpy as np
from fastapi import Request, Response

from analytics.status import Cause
from protocols.errors import Refused
from server.pages import bars, charts, days, figures, rendering, times, words
from storage import element_views
from storage.database import as_caller
from storage.times import DAY_US

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.element_views import Element, Reading, Sensor

MINUTE_US = 60_000_000
MOST_FACTS = 300
MOST_READINGS = 8  # of one sensor, before "and n more"
# What a person wants to see first of a part; the rest follows in the order of words.METRICS.
FIRST = ("if.in", "if.out", "rtt", "response_time", "cpu.load", "memory.used_percent", "storage.used_percent", "loss")
NOT_DRAWN = ("reachable", "if.oper_status", "if.admin_status")


class Facts(NamedTuple):
    """What one transaction reads of an element."""

    sensors: list[Sensor]
    readings: list[Reading]
    services: list[element_views.Carried]
    stretches: list[element_views.Stretch]
    days: list[days.Day]
    series: list[tuple[str, str]]
    discovered: list[element_views.Fact]


class Line(NamedTuple):
    """A sensor with what it last said: (words, instant); the newest instant of all, None without one; `more` are not shown."""

    sensor: Sensor
    said: list[tuple[str, int]]
    last: int | None
    more: int


async def element(request: Request) -> Response:
    """The page of the element in the path. Raises Refused 404."""
    if same := rendering.unchanged(request):
        return same
    now, chosen = request.app.state.clock(), bars.choice(request.query_params)
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        found = await _find(con, request.path_params["external_id"])
        facts = await _facts(con, found, chosen, now)
    return rendering.page(request, "element.html", **_values(found, facts, chosen, now))


async def series(request: Request) -> Response:
    """One series of the element as a chart. Raises Refused: 404 no such element or series, 422 no such window."""
    caller, asked = request.state.caller, request.query_params
    window = charts.span(asked, request.app.state.clock())
    which = (asked.get("metric", ""), asked.get("instance", ""))
    async with as_caller(request.app.state.pool, caller) as con:
        found = await _find(con, request.path_params["external_id"])
        usable = all("\0" not in each for each in which)
        matrix = usable and await element_views.chart(con, caller.tenant_id, found.id, which, window.start, window.end)
    if not matrix:
        raise Refused(404, "There is no such series", "This element has no series of that metric and instance.")
    mean, top = (matrix.values[name][0].astype(np.float64) for name in ("mean", "max"))
    name = figures.series_words(*which)
    line = charts.Line(name[:1].upper() + name[1:], mean, top)
    return charts.answer(request, window, figures.unit_of(which[0]), found.zone, [line])


async def _find(con: Connection, external_id: str) -> Element:
    found = await element_views.element(con, external_id) if "\0" not in external_id else None
    if found is None:
        raise Refused(404, "There is no such element", f"No element here has the number “{words.plain(external_id)}”.")
    return found


async def _facts(con: Connection, found: Element, chosen: str, now: int) -> Facts:
    until = now - now % MINUTE_US
    zone = times.zone_of(found.zone)
    spans = await element_views.spans(con, found.id, now - (days.DAYS + 2) * DAY_US)
    return Facts(
        await element_views.sensors(con, found.id),
        await element_views.readings(con, found.id, now - DAY_US),
        await element_views.services(con, found.id),
        await element_views.history(con, found.id, *bars.window(chosen, now)),
        days.days(spans, ["ignore"], until, zone),
        await element_views.series(con, found.id),
        await element_views.discovered(con, found.id, MOST_FACTS),
    )


def _values(found: Element, facts: Facts, chosen: str, now: int) -> dict[str, object]:
    view = times.View(now, found.zone)
    return {
        "element": found,
        "view": view,
        "lines": [_line(sensor, [each for each in facts.readings if each.sensor == sensor.name]) for sensor in facts.sensors],
        "services": facts.services,
        "days": facts.days,
        "day_text": lambda day: figures.spent_words(day.seconds),
        "charts": [_chart(found, *each) for each in sorted(facts.series, key=_order) if each[0] not in NOT_DRAWN],
        "chart_ranges": charts.RANGES,
        "discovered": facts.discovered,
        "why_of": lambda bar: _why(bar.span, view),
        "lead": _lead(found, view),
    } | bars.timeline(facts.stretches, chosen, now)


def _lead(found: Element, view: times.View) -> str:
    """Why it has its status, as a sentence without full stop."""
    if found.status == "Unmanaged":
        return "This element is not monitored"
    if found.status == "Up":
        return "All its required sensors are fine"
    if found.status == "No Data":
        return words.NO_DATA.get(found.reason, "Nothing is known of it")
    if found.status == "Down" and not found.evidence:
        return "It is cut off: what it stands behind is Down"
    return words.cause(Cause(0, found.id, found.name, found.status, found.reason, "", found.evidence), view)


def _why(of: Element | element_views.Stretch, view: times.View) -> str:
    """The sentence beside a status: what shows it, or why nothing is known; no full stop."""
    if of.status == "No Data":
        return words.NO_DATA.get(of.reason, "Nothing is known of it")
    if of.evidence and of.status in ("Down", "Has Issues"):
        shown = [f"{words.observation(each)} at {view.clock(each.ts, seconds=True)}" for each in of.evidence[:3]]
        return "; ".join(shown)
    return words.explain(of.reason) if of.reason else ""


def _line(sensor: Sensor, mine: list[Reading]) -> Line:
    known = sorted(mine, key=lambda each: _order((each.metric, each.instance)))
    said = [(_text(each, sensor), each.ts) for each in known]
    return Line(sensor, said[:MOST_READINGS], max((each.ts for each in mine), default=None), max(0, len(said) - MOST_READINGS))


def _text(reading: Reading, sensor: Sensor) -> str:
    """`answers`, `round trip 12.3 ms`, `ge-0/0/1: in 4 Mbit/s`."""
    if reading.metric == "reachable":
        return words.reading(element_views.as_sample(reading))
    called, unit = words.METRICS.get(reading.metric, (reading.metric.replace(".", " ").replace("_", " "), ""))
    whose = f"{words.plain(reading.instance)}: " if reading.instance not in ("", sensor.name) else ""
    return f"{whose}{called} {words.amount(reading.value, unit)}"


def _order(each: tuple[str, str]) -> tuple[int, int, str]:
    metric, instance = each
    known = list(words.METRICS)
    return (
        FIRST.index(metric) if metric in FIRST else len(FIRST),
        known.index(metric) if metric in known else len(known),
        f"{metric} {instance}",
    )


def _chart(found: Element, metric: str, instance: str) -> tuple[str, str]:
    """(address, label) of the chart of one series."""
    query = urlencode({"metric": metric, "instance": instance})
    name = figures.series_words(metric, instance)
    return f"/elements/{quote(found.external_id, safe='')}/series.json?{query}", name[:1].upper() + name[1:]
