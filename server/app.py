"""The server: its routes and jobs, readable top to bottom, and the only place here that reads the clock."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec

if find_spec("fastapi") is None or find_spec("asyncpg") is None:
    sys.stderr.write("lineside: the server is not installed here; run: pip install 'lineside[server]'\n")
    sys.exit(2)

from server import cli, web
from server.api import agent, enrol_tokens, inventory, openapi
from server.api.crm.read_routes import routes as crm_read_routes
from server.api.crm.routes import routes as crm_routes
from server.jobs import count_sessions, decide_status, make_days, pack_history, raise_alarms, retain, roll_flows, watch_agents
from server.jobs_process import Job
from server.pages import (
    account,
    accounts,
    agents,
    alarms,
    assets,
    calendar,
    element,
    events,
    flows,
    maintenance,
    overview,
    service,
    services,
    sessions,
    sign_in,
    traffic,
    window,
)
from server.status_page import page as status_page
from server.web import Route

ROUTES = (
    Route("POST", "/agent/v1/enrol", agent.enrol, "public", agent.ENROL),
    Route("PUT", "/agent/v1/ingest/{lane}/{epoch}/{seq}", agent.ingest, "agent", agent.INGEST),
    Route("GET", "/agent/v1/plan", agent.plan, "agent", agent.PLAN),
    Route("POST", "/agent/v1/heartbeat", agent.heartbeat, "agent", agent.HEARTBEAT),
    Route("GET", "/api/v1/inventory", inventory.export, "admin", inventory.EXPORT),
    Route("PUT", "/api/v1/inventory", inventory.apply, "admin", inventory.APPLY),
    Route("POST", "/api/v1/enrol-tokens", enrol_tokens.create, "admin", enrol_tokens.CREATE),
    Route("GET", "/crm/v1/openapi.json", openapi.crm, "public", openapi.DESCRIPTION),
    Route("GET", "/crm/v1/openapi-3.0.json", openapi.crm_3_0, "public", openapi.DESCRIPTION),
    Route("GET", "/openapi.json", openapi.whole, "public", openapi.DESCRIPTION),
    *crm_read_routes(),
    *crm_routes(),
    Route("GET", "/", overview.overview, "noc-read"),
    Route("GET", "/accounts", accounts.accounts, "noc-read"),
    Route("GET", "/accounts/{external_id:path}", account.account, "noc-read"),
    Route("GET", "/services", services.services, "noc-read"),
    Route("GET", "/services/{external_id:path}/traffic.json", traffic.traffic, "noc-read"),
    Route("GET", "/services/{external_id:path}/flows", flows.flows, "noc-read"),
    Route("GET", "/services/{external_id:path}", service.service, "noc-read"),
    Route("GET", "/elements/{external_id:path}/series.json", element.series, "noc-read"),
    Route("GET", "/elements/{external_id:path}", element.element, "noc-read"),
    Route("GET", "/sessions", sessions.sessions, "noc-read"),
    Route("GET", "/agents", agents.agents, "noc-read"),
    Route("GET", "/alarms", alarms.page, "noc-read"),
    Route("POST", "/alarms/{id}", alarms.change, "noc-write"),
    Route("GET", "/events", events.page, "noc-read"),
    Route("POST", "/agents", agents.change, "admin"),
    Route("GET", "/maintenance", maintenance.maintenance, "noc-read"),
    Route("POST", "/maintenance", window.create, "noc-write"),
    Route("GET", "/maintenance/calendar.ics", calendar.calendar, "public"),
    Route("POST", "/maintenance/calendar", maintenance.subscribe, "noc-read"),
    Route("GET", "/maintenance/new", window.new, "noc-write"),
    Route("GET", "/maintenance/{external_id:path}", window.window, "noc-read"),
    Route("POST", "/maintenance/{external_id:path}", window.change, "noc-write"),
    Route("GET", "/sign-in", sign_in.sign_in, "public"),
    Route("POST", "/sign-out", sign_in.sign_out, "public"),
    Route("GET", "/static/{path:path}", assets.static, "public"),
    Route("GET", "/status/{slug}", status_page.page, "status-public"),
    Route("GET", "/status/{slug}/api/v2/summary.json", status_page.summary, "status-public"),
    Route("GET", "/status/{slug}/api/v2/status.json", status_page.status, "status-public"),
    Route("GET", "/status/{slug}/api/v2/components.json", status_page.components, "status-public"),
    Route("GET", "/status/{slug}/api/v2/incidents.json", status_page.incidents, "status-public"),
    Route("GET", "/status/{slug}/api/v2/incidents/unresolved.json", status_page.unresolved_incidents, "status-public"),
    Route("GET", "/status/{slug}/api/v2/scheduled-maintenances.json", status_page.maintenances, "status-public"),
    Route(
        "GET", "/status/{slug}/api/v2/scheduled-maintenances/upcoming.json", status_page.upcoming_maintenances, "status-public"
    ),
    Route("GET", "/status/{slug}/api/v2/scheduled-maintenances/active.json", status_page.active_maintenances, "status-public"),
    Route("GET", "/status/{slug}/feed.atom", status_page.atom, "status-public"),
    Route("GET", "/status/{slug}/badge.svg", status_page.badge, "status-public"),
    Route("GET", "/healthz", web.healthz, "public"),
    Route("GET", "/readyz", web.readyz, "public"),
)

JOBS: dict[str, Job] = {
    "count_sessions": count_sessions.run,
    "decide_status": decide_status.run,
    "make_days": make_days.run,
    "pack_history": pack_history.run,
    "raise_alarms": raise_alarms.run,
    "retain": retain.run,
    "roll_flows": roll_flows.run,
    "watch_agents": watch_agents.run,
}


def clock() -> int:
    """Now, in microseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1000


def main() -> None:
    """The program `lineside`."""
    sys.exit(cli.main(sys.argv[1:], os.environ, ROUTES, JOBS, clock))


if __name__ == "__main__":
    main()
