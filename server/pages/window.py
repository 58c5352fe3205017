"""/maintenance/new and /maintenance/{external_id}: one window as it is planned, and the form that plans, changes, cancels it."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from analytics.periods import instant, local
from protocols.errors import Refused
from server.pages import forms, recurrence, rendering, times, words
from storage import maintenance, window_views
from storage.database import as_caller

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.window_views import Covered, WindowView

OWNER = "api"  # whose windows are that people plan here; the inventory's and the CRM's are changed there
MOST_CHOICES = 200
MOST_SERVICES = 1_000
HOUR_US = 3_600_000_000
MOST_COMING = 10


class Form(NamedTuple):
    """What stands in the fields, as text; `fault` and the field that it is about are empty while nothing is wrong."""

    title: str
    start: str
    end: str
    zone: str
    choice: recurrence.Choice
    services: tuple[str, ...]
    reason: str
    fault: str = ""
    field: str = ""


class Wrong(Exception):  # noqa: N818 - it is about a field, and goes back to who filled it in
    """A field that cannot be used: its name, and what to do as a sentence."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(fault)
        self.field, self.fault = field, fault


async def new(request: Request) -> Response:
    """The empty form: the next full hour, for the service in the address if one is there."""
    now = request.app.state.clock()
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        zone, _ = await window_views.calendar_of(con)
        begin = (now // HOUR_US + 1) * HOUR_US
        given = request.query_params.get("service", "")
        empty = recurrence.Choice("", (), "", "")
        form = Form("", _field(begin, zone), _field(begin + HOUR_US, zone), zone, empty, (given,) if given else (), "")
        return await _page(con, request, None, form)


async def window(request: Request) -> Response:
    """The window in the path; with its form for those who may change it. Raises Refused 404."""
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        found = await _find(con, request.path_params["external_id"])
        newest = found.newest
        choice = recurrence.choose(newest.rrule)
        ends = (_field(newest.start, found.zone), _field(newest.end, found.zone))
        form = Form(found.title, *ends, found.zone, choice, tuple(each.external_id for each in found.services), "")
        return await _page(con, request, found, form)


async def create(request: Request) -> Response:
    """POST /maintenance: plan a window. Raises Refused 403."""
    return await _save(request, None)


async def change(request: Request) -> Response:
    """POST /maintenance/{external_id}: change or cancel it. Raises Refused: 403, 404, 409 where another owner keeps it."""
    return await _save(request, request.path_params["external_id"])


async def _save(request: Request, external_id: str | None) -> Response:
    fields = await forms.read(request)
    caller, now = request.state.caller, request.app.state.clock()
    form = _form(fields)
    found = None
    try:
        async with as_caller(request.app.state.pool, caller) as con:
            found = None if external_id is None else await _find(con, external_id)
            if found is not None and found.owner != OWNER:
                raise Refused(409, "Another owner keeps this window", f"It is changed where it comes from: {_kept_by(found)}.")
            key = external_id or f"page-{secrets.token_hex(8)}"
            wanted = _change(form, key, found, canceled=forms.one(fields, "do") == "cancel")
            await maintenance.save(con, caller.tenant_id, OWNER, wanted, now)
    except Wrong as wrong:
        form = form._replace(fault=wrong.fault, field=wrong.field)
    except Refused as refused:
        if refused.status not in (409, 422) or (found is not None and found.owner != OWNER):
            raise
        form = form._replace(fault=refused.detail, field="reason" if refused.status == 409 else _about(refused.detail))
    else:
        return RedirectResponse(f"/maintenance/{quote(key, safe='')}?saved=1", 303)
    async with as_caller(request.app.state.pool, caller) as con:
        return await _page(con, request, found, form)


def _form(fields: dict[str, list[str]]) -> Form:
    days = tuple(code for code in recurrence.CODES if code in fields.get("day", ()))
    choice = recurrence.Choice(forms.one(fields, "repeat"), days, forms.one(fields, "times"), forms.one(fields, "until"))
    named = [*fields.get("service", ()), *forms.one(fields, "more", 100_000).splitlines()]
    services = tuple(dict.fromkeys(each.strip() for each in named if each.strip() and "\0" not in each))
    title, start, end, zone = (forms.one(fields, name) for name in ("title", "start", "end", "zone"))
    return Form(title, start, end, zone, choice, services, forms.one(fields, "reason", 1_000))


def _change(form: Form, key: str, found: WindowView | None, *, canceled: bool) -> maintenance.Change:
    """The version that the form asks for. Raises Wrong."""
    if canceled and found is not None:
        newest, named = found.newest, [each.external_id for each in found.services]
        return maintenance.Change(
            key, found.title, newest.start, newest.end, found.zone, named, newest.rrule, form.reason, canceled=True
        )
    if not form.title:
        raise Wrong("title", "Give the work a title, such as “Router software, POP Gdynia”.")
    if form.zone not in available_timezones():
        raise Wrong("zone", f"{form.zone or 'Nothing'} is no time zone: write Europe/Warsaw, America/New_York or UTC.")
    if not form.services:
        raise Wrong("services", "Choose at least one service that the work concerns.")
    if len(form.services) > MOST_SERVICES:
        raise Wrong("services", f"One window may name {MOST_SERVICES:,} services: plan several.")
    zone = ZoneInfo(form.zone)
    start, end = (_moment(getattr(form, name), name, zone) for name in ("start", "end"))
    if end <= start:
        raise Wrong("end", "The work must end after it begins.")
    rule = recurrence.rule(_checked(form.choice), local(start, zone), found.newest.rrule if found else "")
    return maintenance.Change(key, form.title, start, end, form.zone, form.services, rule, form.reason)


def _checked(choice: recurrence.Choice) -> recurrence.Choice:
    if choice.repeat not in recurrence.CHOICES:
        raise Wrong("repeat", "Choose how often the work comes from the list.")
    until = choice.until.replace("-", "")
    if until and not re.fullmatch(r"\d{8}", until):
        raise Wrong("until", "Write the last day as 2026-12-31.")
    if choice.times and not re.fullmatch(r"[1-9]\d{0,3}", choice.times):
        raise Wrong("times", "Write a whole number from 1 to 9999, or leave it empty.")
    return choice._replace(until=until)


def _moment(text: str, name: str, zone: ZoneInfo) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(name, "Write day and time as 2026-11-29T01:00.") from None
    if at.tzinfo is not None or not 1970 <= at.year < 2200:
        raise Wrong(name, "Write day and time as 2026-11-29T01:00, in the zone that stands below.")
    return instant(at.replace(tzinfo=zone))


def _about(detail: str) -> str:
    """The field that a refusal of the domain is about."""
    return "services" if "service" in detail else "repeat" if "rule" in detail or "=" in detail else "end"


async def _find(con: Connection, external_id: str) -> WindowView:
    found = await window_views.windows(con, 0, external_id=external_id) if "\0" not in external_id else []
    if not found:
        raise Refused(404, "There is no such window", f"No maintenance window has the number “{words.plain(external_id)}”.")
    return found[0]


async def _page(con: Connection, request: Request, found: WindowView | None, form: Form) -> Response:
    now, caller = request.app.state.clock(), request.state.caller
    writes = caller.bound is None and bool(caller.scopes & {"noc-write", "admin"})
    offered: list[Covered] = await window_views.choices(con, "", MOST_CHOICES) if writes else []
    known = {each.external_id for each in offered}
    covered = {each.external_id: each for each in found.services} if found else {}
    offered = [covered[name] for name in form.services if name in covered and name not in known] + offered
    known = {each.external_id for each in offered}
    made = rendering.page(
        request,
        "window.html",
        view=times.View(now, found.zone if found else form.zone if form.zone in available_timezones() else "UTC"),
        window=found,
        form=form,
        may_write=writes and (found is None or found.owner == OWNER),
        kept_by=_kept_by(found) if found else "",
        going=found.now(now) if found else None,
        coming=_coming(found, now) if found else [],
        repeats=recurrence.words(found.newest.rrule) if found else "",
        offered=offered,
        more="\n".join(name for name in form.services if name not in known),
        choices={key: said for key, said in recurrence.CHOICES.items() if key != "keep" or form.choice.repeat == "keep"},
        weekdays=recurrence.DAYS,
        csrf=forms.token(request),
        saved="saved" in request.query_params and not form.fault,
    )
    made.status_code = 422 if form.fault else made.status_code
    return made


def _coming(found: WindowView, now: int) -> list[tuple[int, int]]:
    """The next occurrences, so that a person sees what a rule means."""
    out: list[tuple[int, int]] = []
    at = now
    while len(out) < MOST_COMING and (span := found.next(at)) is not None:
        out.append(span)
        at = span[0]
    return out


def _kept_by(found: WindowView) -> str:
    return {"crm": "the CRM", "yaml": "the inventory file"}.get(found.owner, "the API")


def _field(us: int, zone: str) -> str:
    """An instant as a field for day and time holds it, in `zone`."""
    return local(us, times.zone_of(zone)).strftime("%Y-%m-%dT%H:%M")
