"""GET /sessions: Wi-Fi sessions and users now and over time, by SSID and access point; open sessions, without names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fastapi import Request, Response

from server.pages import charts, figures, rendering, times, words
from storage import agent_views, session_views
from storage.database import as_caller

if TYPE_CHECKING:
    from storage.session_views import Place

MOST_PLACES = 200
MOST_SESSIONS = 100
METRICS = ("wifi.sessions", "wifi.users")


async def sessions(request: Request) -> Response:
    """The page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    now = request.app.state.clock()
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        places = await session_views.places(con, MOST_PLACES)
        people = await session_views.users(con)
        rows = await session_views.open_sessions(con, MOST_SESSIONS)
        view = times.View(now, await agent_views.zone(con))
    values = {"places": [(place, called(place)) for place in places], "people": people, "rows": rows, "view": view}
    values |= {
        "charts": [chart(place, metric) for place in places if place.counted for metric in METRICS],
        "chart_ranges": charts.RANGES,
    }
    values |= {"total": sum(place.sessions for place in places if not place.instance)}
    return rendering.page(request, "sessions.html", **values)


def called(place: Place) -> str:
    """`SSID Guest`, `access point 020000000001`, or the element's name."""
    kind, _, name = place.instance.partition(":")
    return f"{'SSID' if kind == 'ssid' else 'access point'} {words.plain(name)}" if name else words.plain(place.name)


def chart(place: Place, metric: str) -> tuple[str, str]:
    """(address, label) of the chart of one count."""
    query = urlencode({"metric": metric, "instance": place.instance})
    what = figures.series_words(metric, "")
    whose = called(place) + (f" ({words.plain(place.name)})" if place.instance else "")
    return f"/elements/{quote(place.element, safe='')}/series.json?{query}", f"{what[:1].upper()}{what[1:]}: {whose}"
