"""GET /agents: who measures, where, and how well: silent ones first; what could not be stored, and what agents lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastapi import Request, Response

from protocols.errors import ConfigError, Refused
from server import auth
from server.pages import forms, rendering, times
from server.plan import make_plan
from storage import agent_views, enrol_tokens
from storage import agents as stored_agents
from storage.agents import SILENT_US, AgentRow
from storage.database import as_caller
from storage.times import DAY_US

if TYPE_CHECKING:
    from storage.agent_views import AgentLine
    from storage.database import Connection

MOST = 20  # rejects and gaps shown
MOST_PLANS = 50  # agents whose wanted plan is computed for one page
CLOCK_WRONG = 5.0  # seconds off that are worth saying
SECOND_US = 1_000_000
UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


class Line(NamedTuple):
    """An agent with its state in one word, its tone, and whether the plan that it applies is the one wanted (None: not known)."""

    row: AgentLine
    state: str
    tone: str
    current: bool | None
    clock: str
    spool: str
    dropped: int


async def agents(request: Request) -> Response:
    """The page, or its live part for htmx."""
    if same := rendering.unchanged(request):
        return same
    return await shown(request)


async def change(request: Request) -> Response:
    """POST /agents: make a token that enrols an agent at a site, shown once; or revoke an agent, within seconds. Raises Refused."""
    fields = await forms.read(request)
    now, tenant = request.app.state.clock(), request.state.caller.tenant_id
    site, agent = forms.one(fields, "site"), forms.one(fields, "agent")
    token = auth.new_secret()
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        if forms.one(fields, "do") == "revoke":
            if not forms.one(fields, "sure"):
                raise Refused(422, "Nothing was revoked", "Tick that you are sure: a revoked agent has to be enrolled anew.")
            name = await stored_agents.revoke(con, tenant, agent, now)
            if name is None:
                raise Refused(404, "There is no such agent", "It is not known here, or was revoked already.")
            return await shown(request, revoked=name)
        if not await enrol_tokens.create(con, tenant, site, auth.sha256(token), now, now + auth.TOKEN_US):
            raise Refused(404, "There is no such site", "Choose one of the sites of the inventory.")
    return await shown(request, token=token)


async def shown(request: Request, token: str = "", revoked: str = "") -> Response:
    """The page; `token` was just made, `revoked` is the name of the agent that was just revoked."""
    now, caller = request.app.state.clock(), request.state.caller
    async with as_caller(request.app.state.pool, caller) as con:
        rows = await agent_views.agents(con, now - DAY_US)
        wanted = {} if caller.bound else await _wanted(con, request, rows, now)
        rejects, gaps = await agent_views.rejects(con, MOST), await agent_views.gaps(con, MOST)
        view = times.View(now, await agent_views.zone(con))
        bare = await agent_views.sites_without_agent(con)
        sites = await agent_views.sites(con) if "admin" in caller.scopes else []
    lines = sorted((_line(row, wanted.get(row.external_id), now) for row in rows), key=_worst_first)
    silent = sum(line.state in ("Silent", "Never heard") for line in lines)
    values = {"lines": lines, "silent": silent, "rejects": rejects, "gaps": gaps, "view": view, "bare": bare}
    values |= {"may_write": "admin" in caller.scopes, "sites": sites, "token": token, "revoked": revoked}
    values |= {"csrf": forms.token(request), "url": request.app.state.settings.url}
    return rendering.page(request, "agents.html", **values, title=f"{silent} silent · Agents" if silent else "Agents")


async def _wanted(con: Connection, request: Request, rows: list[AgentLine], now: int) -> dict[str, str]:
    """The revision of the plan that each agent should have; of those that were heard lately, for so many as a page bears."""
    state, tenant = request.app.state, request.state.caller.tenant_id
    heard = [row for row in rows if row.revoked is None and row.heard is not None and row.heard >= now - SILENT_US]
    found = {}
    for row in heard[:MOST_PLANS]:
        agent = AgentRow(tenant, row.id, row.external_id, row.site_id)
        try:
            found[row.external_id] = (await make_plan(con, agent, state.profiles, state.secret_key, now)).revision
        except (ConfigError, Refused):  # a secret that this server cannot open: the agent's own request says so
            continue
    return found


def _line(row: AgentLine, wanted: str | None, now: int) -> Line:
    if row.revoked is not None:
        state, tone = "Revoked", "off"
    elif row.heard is None:
        state, tone = "Never heard", "none"
    elif row.heard < now - SILENT_US:
        state, tone = "Silent", "down"
    elif row.plan_error or row.rejected or abs(row.skew or 0) > CLOCK_WRONG:
        state, tone = "Heard, with trouble", "issues"
    else:
        state, tone = "Heard", "up"
    return Line(
        row, state, tone, None if wanted is None else wanted == row.plan, _clock(row.skew), _spool(row), sum(row.dropped.values())
    )


def _worst_first(line: Line) -> tuple[int, str, str]:
    order = ("down", "none", "issues", "up", "off")
    return order.index(line.tone), line.row.site.casefold(), line.row.name.casefold()


def _clock(skew: float | None) -> str:
    """`right`, `12 s ahead`, `3 min behind`."""
    if skew is None:
        return ""
    if abs(skew) < 1:
        return "right"
    far = f"{abs(skew):.0f} s" if abs(skew) < 60 else times.length(int(abs(skew) * SECOND_US))
    return f"{far} {'ahead' if skew > 0 else 'behind'}"


def _spool(row: AgentLine) -> str:
    """`empty`, `1,204 records, 3.1 MB`: what waits on its disk to be delivered."""
    if row.spool_records is None:
        return ""
    if not row.spool_records:
        return "empty"
    size = row.spool_bytes or 0
    unit = next((f"{size / factor:.1f} {name}" for factor, name in UNITS if size >= factor), f"{size} B")
    return f"{row.spool_records:,} records, {unit}"
