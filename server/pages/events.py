"""GET /events: what devices said by themselves, the newest first, by element, severity and text."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from server.pages import rendering, times
from storage import agent_views, events
from storage.database import as_caller

MOST = 100  # events shown
SEVERITIES = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Information", "Debug")
TONES = ("down", "down", "down", "issues", "issues", "none", "off", "off")
KINDS = {"trap": "Trap", "inform": "Inform", "syslog": "Syslog", "agent": "Agent"}


class Query(NamedTuple):
    """What was asked for; `severity` is the least that is shown, as text."""

    q: str = ""
    element: str = ""
    service: str = ""
    severity: str = ""
    kind: str = ""

    def address(self, **changes: str) -> str:
        """The address of the page with some of it changed."""
        given = {name: value for name, value in self._replace(**changes)._asdict().items() if value}
        return "/events" + (f"?{urlencode(given)}" if given else "")


class Line(NamedTuple):
    """An event as a person reads it."""

    row: events.Event
    kind: str
    severity: str
    tone: str
    said: list[tuple[str, str]]  # name and value; a line of syslog has one without a name


async def page(request: Request) -> Response:
    """The page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    query, caller, now = _query(request), request.state.caller, request.app.state.clock()
    least = int(query.severity) if query.severity else 7
    wanted = events.Wanted(query.element, query.service, least, query.q, query.kind)
    async with as_caller(request.app.state.pool, caller) as con:
        found = await events.events(con, caller.tenant_id, wanted, MOST + 1)
        view = times.View(now, await agent_views.zone(con))
    return rendering.page(
        request,
        "events.html",
        query=query,
        lines=[_line(event) for event in found[:MOST]],
        more=len(found) > MOST,
        view=view,
        severities=SEVERITIES,
        kinds=KINDS,
        any=any(query),
    )


def _query(request: Request) -> Query:
    given = {name: request.query_params.get(name, "").replace("\0", "").strip()[:255] for name in Query._fields}
    severity = given["severity"] if given["severity"] in set("01234567") else ""
    return Query(**given | {"severity": severity, "kind": given["kind"] if given["kind"] in KINDS else ""})


def _line(event: events.Event) -> Line:
    said = [("", event.detail)]
    if event.kind in ("trap", "inform"):
        try:
            values = msgspec.json.decode(event.detail, type=dict[str, object])
            said = [(name, "" if value is None else str(value)) for name, value in values.items()]
        except msgspec.MsgspecError:
            pass
    return Line(event, KINDS.get(event.kind, event.kind), SEVERITIES[event.severity], TONES[event.severity], said)
