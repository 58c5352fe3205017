"""GET /services/{external_id}/flows: what a service's traffic is made of, by application, cloud provider and remote network."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from fastapi import Request, Response

from analytics import traffic_mix
from analytics.periods import local_date, midnight
from protocols.errors import Refused
from server import service_flows
from server.pages import charts, rendering, times, words
from storage import views
from storage.database import as_caller
from storage.flows import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from analytics.traffic_mix import Check, Part, Ranking
    from server.service_flows import Counted, Sources
    from storage.database import Connection
    from storage.flow_views import By, Step

RANGES = {name: charts.RANGES[name] for name in ("24h", "7d", "30d")}
CHOICES: dict[str, str] = {"application": "Application", "provider": "Cloud provider", "remote": "Remote network"}
UNNAMED = {"application": "not recognised", "provider": "no known cloud", "remote": "inside the network"}
SMALLER = "other"  # what the agent calls all networks beyond the largest ones of a minute
MOST = 15  # in the table
DRAWN = 6  # in a colour of its own
WIDTH, HEIGHT = 1_000.0, 200.0  # units of the drawing
# Frames and their headers are octets to SNMP, and to flows they are not: up to a tenth where packets are small.
EXPECTED = (0.85, 1.05)


class Bar(NamedTuple):
    """One piece of a stack, in units of the drawing; `colour` is a position among those drawn, DRAWN = all others."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    said: str


class Facts(NamedTuple):
    """What one transaction reads: `steps` are the starts of the hours or days that are drawn, µs."""

    of: Sources
    steps: list[int]
    made: Counted
    clouds: Counted
    compared: Check | None


async def flows(request: Request) -> Response:
    """The page of the service in the path. Raises Refused 404."""
    if same := rendering.unchanged(request):
        return same
    external_id: str = request.path_params["external_id"]
    now, caller = request.app.state.clock(), request.state.caller
    chosen, by = _choice(request.query_params, RANGES, "24h"), _choice(request.query_params, CHOICES, "application")
    async with as_caller(request.app.state.pool, caller) as con:
        found = await views.service(con, external_id) if "\0" not in external_id else None
        if found is None:
            raise Refused(404, "There is no such service", f"No service here has the number “{words.plain(external_id)}”.")
        facts = await _facts(con, caller.tenant_id, found, (chosen, by), now)
    values = _values(facts, by, chosen, times.View(now, found.zone))
    choices = {"by": by, "choices": CHOICES, "chosen": chosen, "ranges": RANGES}
    return rendering.page(request, "flows.html", service=found, **choices, **values)


async def _facts(con: Connection, tenant_id: int, found: views.Service, choice: tuple[str, str], now: int) -> Facts:
    chosen, by = choice
    zone = times.zone_of(found.zone)
    steps = _steps(chosen, now, zone)
    window = (steps[0] // HOUR_US * HOUR_US, -(-now // HOUR_US) * HOUR_US)
    of = await service_flows.sources(con, tenant_id, found.id, window)
    step: Step = "day" if by == "remote" and chosen != "24h" else "hour"
    made = await service_flows.counted(con, tenant_id, of, window, _by(by), step, zone.key)
    clouds = made if by == "provider" else await service_flows.counted(con, tenant_id, of, window, "provider", "hour")
    return Facts(of, steps, made, clouds, await service_flows.check(con, tenant_id, of, clouds, window, now))


def _values(facts: Facts, by: str, chosen: str, view: times.View) -> dict[str, object]:
    of, steps, ranked = facts.of, facts.steps, facts.made.ranking(MOST)
    return {
        "view": view,
        "of": of,
        "ranked": ranked,
        "bars": _bars(facts.made, ranked, steps, by, view),
        "ticks": [view.hour(at) if chosen == "24h" else view.date(at) for at in steps[:: max(1, len(steps) // 6)]],
        "drawn": DRAWN,
        "name_of": lambda part: name_of(by, part.name),
        "volume": lambda octets: words.amount(octets, "B"),
        "percent": _percent,
        "lead": _lead(facts.clouds, of),
        "compared": _compared(facts.compared),
        "one_way": _one_way(ranked.whole, of),
        "sensor": any(each.sensor for each in of.placed),
        "size": (WIDTH, HEIGHT),
    }


def name_of(by: str, name: str) -> str:
    """What a page calls an application, provider or network."""
    if not name:
        return UNNAMED[by]
    return "all smaller networks" if (by, name) == ("remote", SMALLER) else words.plain(name)


def _choice(query: Mapping[str, str], known: Mapping[str, object], usual: str) -> str:
    asked = query.get("range" if usual == "24h" else "by", usual)
    return asked if asked in known else usual


def _by(name: str) -> By:
    return "provider" if name == "provider" else "remote" if name == "remote" else "application"


def _steps(chosen: str, now: int, zone: ZoneInfo) -> list[int]:
    """When the hours or days of the range begin, µs; the last one goes on."""
    if chosen == "24h":
        end = -(-now // HOUR_US) * HOUR_US
        return [end - hours * HOUR_US for hours in range(24, 0, -1)]
    today = local_date(now, zone)
    return [midnight(today - timedelta(days=back), zone) for back in range(RANGES[chosen][1] - 1, -1, -1)]


def _bars(made: Counted, ranked: Ranking, steps: list[int], by: str, view: times.View) -> list[Bar]:
    """A stack an hour or day, the largest part at its foot."""
    sums = made.sums
    names = [part.name for part in ranked.parts[:DRAWN]]
    places = [sums.names.index(name) for name in names]
    # a day of the database's calendar begins where ours does; where a clock was changed it is the nearest before
    bucket = np.maximum(np.searchsorted(steps, sums.bucket, side="right") - 1, 0)
    stacks = traffic_mix.stacked(bucket, len(steps), sums.name, places, made.octets.total)
    top = float(stacks.sum(axis=0).max(initial=0.0))
    wide = WIDTH / len(steps)
    bars = []
    for column, at in enumerate(steps):
        y = HEIGHT
        for colour, octets in enumerate(stacks[:, column].tolist()):
            if not octets:
                continue
            height = octets / top * HEIGHT
            y -= height
            called = name_of(by, names[colour]) if colour < len(names) else "all others"
            said = f"{view.clock(at) if len(steps) == 24 else view.date(at)}: {called} {words.amount(octets, 'B')}"
            colour_of = colour if colour < len(names) else DRAWN
            bars.append(
                Bar(round(column * wide + wide * 0.08, 2), round(y, 2), round(wide * 0.84, 2), round(height, 2), colour_of, said)
            )
    return bars


def _lead(clouds: Counted, of: Sources) -> str:
    """The traffic in two sentences."""
    ranked = clouds.ranking(3)
    whole, known = ranked.whole, [part for part in ranked.parts if part.name]
    if not whole.total:
        return ""
    ways = (
        f", {words.amount(whole.down, 'B')} down and {words.amount(whole.up, 'B')} up" if None not in of.facing.values() else ""
    )
    passed = f"{words.amount(whole.total, 'B')} passed{ways}."
    if not known:
        return f"{passed} None of it went to a cloud that is known here."
    most = f", most of it with {words.plain(known[0].name)}, {_percent(known[0].share)} of all" if len(known) > 1 else ""
    only = f" ({words.plain(known[0].name)})" if len(known) == 1 else ""
    return f"{passed} {_percent(clouds.named).capitalize()} of it went to or came from known clouds{only}{most}."


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.01 else "less than 1 %"


def _compared(found: Check | None) -> str:
    """How far flows and SNMP agree, in a sentence that says what it means."""
    if found is None or found.factor is None:
        return ""
    hours = f"{found.hours:,} {'hour' if found.hours == 1 else 'hours'} that both measured whole"
    head = f"Flows tell of {found.factor * 100:.0f} % of the octets that SNMP counted on the same ports (factor {found.factor:.2f}, over {hours})"
    if found.factor < EXPECTED[0]:
        return f"{head}: part of the traffic is not exported, its sampling is not told, or datagrams are lost on the way."
    if found.factor > EXPECTED[1]:
        return f"{head}: something is counted twice, or the sampling that the exporter tells is too high."
    return f"{head}: they agree, since SNMP also counts the headers of the frames."


def _one_way(whole: Part, of: Sources) -> str:
    if not whole.total or None in of.facing.values() or (whole.down and whole.up):
        return ""
    way = "down" if not whole.down else "up"
    return f"Nothing is heard of what goes {way}: let the exporter tell of both directions of the port."
