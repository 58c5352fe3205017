"""/alarms: what opened and has not cleared, with the services that stand on it; acknowledged and cleared by those who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from analytics.alarms import RAISED, clear_by_hand, perceived
from protocols.errors import Refused
from server.pages import forms, rendering, times
from storage import agent_views, alarms
from storage.database import as_caller

if TYPE_CHECKING:
    from server.auth import Caller

MOST = 200
SEVERITIES = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Information", "Debug")
TONES = {"critical": "down", "major": "down", "minor": "issues", "warning": "issues", "indeterminate": "none", "cleared": "up"}
STATES = {"": "Raised", "cleared": "Cleared", "closed": "Closed", "all": "All"}
_OF = {"": "open,acknowledged", "cleared": "cleared", "closed": "closed", "all": ""}
CALLED = {"has_issues": "Has Issues", "bgp_peer_down": "BGP peer down", "cpu": "CPU load", "poe_usage": "PoE usage"}


class Line(NamedTuple):
    """An alarm as a person reads it; `mrr` is what its services bring a month, by currency."""

    row: alarms.Line
    called: str
    severity: str
    perceived: str
    tone: str
    mrr: list[tuple[str, float]]


async def page(request: Request) -> Response:
    """The page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    caller, now = request.state.caller, request.app.state.clock()
    state = request.query_params.get("state", "")
    state = state if state in STATES else ""
    element = request.query_params.get("element", "").replace("\0", "")[:255]
    service = request.query_params.get("service", "").replace("\0", "")[:255]
    async with as_caller(request.app.state.pool, caller) as con:
        found = await alarms.alarms(con, caller.tenant_id, alarms.Wanted(_OF[state], element, service), MOST + 1)
        counts = await alarms.counts(con, caller.tenant_id)
        view = times.View(now, await agent_views.zone(con))
    raised = sum(counts.get(each, 0) for each in RAISED)
    shown = {"": raised, "cleared": counts.get("cleared", 0), "closed": counts.get("closed", 0), "all": sum(counts.values())}
    return rendering.page(
        request,
        "alarms.html",
        lines=[_line(row) for row in found[:MOST]],
        more=len(found) > MOST,
        state=state,
        states=[(name, called, shown[name]) for name, called in STATES.items()],
        view=view,
        element=element,
        service=service,
        may_write=may_write(caller),
        csrf=forms.token(request),
        title=f"{raised} raised · Alarms" if raised else "Alarms",
    )


async def change(request: Request) -> Response:
    """POST /alarms/{id}: acknowledge it, or clear it with a reason. Raises Refused: 403, 404, 409, 422."""
    fields = await forms.read(request)
    caller, now = request.state.caller, request.app.state.clock()
    if not may_write(caller):
        raise Refused(403, "You may look, not change", "Ask for a link or key with noc-write.")
    given = request.path_params["id"]
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    who = caller.name[:255]
    async with as_caller(request.app.state.pool, caller) as con:
        await alarms.lock(con, caller.tenant_id)
        known = {alarm.id: alarm for alarm in (await alarms.living(con, caller.tenant_id)).values()}
        alarm = known.get(number)
        if alarm is None:
            raise Refused(404, "No such alarm", "It is closed, or never was. Look at the list again.")
        if forms.one(fields, "do") == "clear":
            reason = forms.one(fields, "reason")
            if not reason:
                raise Refused(422, "A reason is missing", "Say why the alarm is cleared, then send it again.")
            if alarm.state not in RAISED:
                raise Refused(409, "The alarm is cleared already", "Look at the list again.")
            await alarms.save(con, caller.tenant_id, clear_by_hand(alarm, now, who, reason))
        elif not await alarms.acknowledge(con, caller.tenant_id, number, who, now):
            raise Refused(409, "The alarm is not open any more", "Look at the list again.")
    request.app.state.status_change.fire()
    return RedirectResponse("/alarms", 303)


def may_write(caller: Caller) -> bool:
    """Whether this caller may acknowledge and clear."""
    return caller.bound is None and bool(caller.scopes & {"noc-write", "admin"})


def called(condition: str) -> str:
    """A condition in words."""
    return CALLED.get(condition, condition.replace("_", " ").capitalize().replace("Ups ", "UPS ").replace("Ospf", "OSPF"))


def _line(row: alarms.Line) -> Line:
    sums: dict[str, float] = {}
    for *_, mrr, currency in row.services:
        sums[currency] = sums.get(currency, 0.0) + float(mrr)
    seen_as = perceived(row.severity, row.state)
    return Line(row, called(row.condition), SEVERITIES[row.severity], seen_as, TONES[seen_as], sorted(sums.items()))
