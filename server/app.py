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
from server.api import agent, enrol_tokens, inventory
from server.jobs import decide_status, make_days, pack_history, retain, watch_agents
from server.jobs_process import Job
from server.pages import assets, service, services, sign_in
from server.web import Route

ROUTES = (
    Route("POST", "/agent/v1/enrol", agent.enrol, "public"),
    Route("PUT", "/agent/v1/ingest/{lane}/{epoch}/{seq}", agent.ingest, "agent"),
    Route("GET", "/agent/v1/plan", agent.plan, "agent"),
    Route("POST", "/agent/v1/heartbeat", agent.heartbeat, "agent"),
    Route("GET", "/api/v1/inventory", inventory.export, "admin"),
    Route("PUT", "/api/v1/inventory", inventory.apply, "admin"),
    Route("POST", "/api/v1/enrol-tokens", enrol_tokens.create, "admin"),
    Route("GET", "/", services.home, "noc-read"),
    Route("GET", "/services", services.services, "noc-read"),
    Route("GET", "/services/{external_id:path}", service.service, "noc-read"),
    Route("GET", "/sign-in", sign_in.sign_in, "public"),
    Route("GET", "/static/{path:path}", assets.static, "public"),
    Route("GET", "/healthz", web.healthz, "public"),
    Route("GET", "/readyz", web.readyz, "public"),
)

JOBS: dict[str, Job] = {
    "decide_status": decide_status.run,
    "make_days": make_days.run,
    "pack_history": pack_history.run,
    "retain": retain.run,
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
