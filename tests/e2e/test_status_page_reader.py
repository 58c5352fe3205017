"""A program that others wrote for Statuspage's pages reads ours, over HTTP, and finds every field it knows."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from storage import maintenance, status_pages
from storage.database import as_tenant
from storage.maintenance import Change
from tests.e2e.browser import NOW, Theme, chromium, keep, listen, served, violations
from tests.fakes import seed
from tests.peers import ROOT, missing

READER = ROOT / "node_modules" / "statuspage.io" / "dist"
HOUR = 3_600_000_000
SCRIPT = """
const { Statuspage } = require(process.argv[1]);
const reader = new Statuspage("any");
reader.setApiUrl(process.argv[2]);
const api = reader.api;
Promise.all([api.getSummary(), api.getStatus(), api.getComponents(), api.incidents.getAll(), api.incidents.getUnresolved(),
  api.scheduledMaintenances.getAll(), api.scheduledMaintenances.getUpcoming()]).then((all) => console.log(JSON.stringify(all)));
"""


async def read(address: str) -> Any:
    node = ROOT / ".venv" / "bin" / "node"
    if not READER.exists() or not node.exists():
        missing("the reader of status pages is not there: ./dev setup")
    process = await asyncio.create_subprocess_exec(
        node, "-e", SCRIPT, str(READER), address, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


def fields(name: str) -> set[str]:
    """The fields of an interface as the reader declares it, those of one level."""
    text = (READER / "interfaces" / "Result.d.ts").read_text()
    body = re.search(rf"interface {name}(?: extends \w+)? \{{\n(.*?)\n\}}", text, re.DOTALL)
    assert body, name
    return set(re.findall(r"^ {4}(\w+):", body[1], re.MULTILINE))


async def test_a_reader_of_statuspage_pages_reads_ours(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site:
        async with as_tenant(site.app.state.pool, seed.TENANT) as con:
            services = [row["external_id"] for row in await con.fetch("select external_id from service where in_service")]
            await con.execute(
                "insert into status_page (tenant_id, external_id, owner, title, account_id) select $1, 'p', 'yaml', 'P', account_id"
                " from service where in_service order by id limit 1",
                seed.TENANT,
            )
            window = Change("w", "Work", NOW + HOUR, NOW + 2 * HOUR, "UTC", services)
            await maintenance.save(con, seed.TENANT, "api", window, NOW)
            slug = (await status_pages.addresses(con, seed.TENANT))["p"]
        summary, status, components, incidents, unresolved, planned, upcoming = await read(f"{site.url}/status/{slug}")
    assert fields("Component") <= set(components["components"][0])
    assert summary["components"] == components["components"]
    assert summary["status"] == status["status"]
    assert set(status["status"]) == {"indicator", "description"}
    assert summary["incidents"] == unresolved["incidents"]
    assert planned == upcoming
    assert fields("Incident") <= set(planned["scheduled_maintenances"][0])
    for incident in incidents["incidents"]:
        assert fields("Incident") <= set(incident)
        assert fields("IncidentUpdate") <= set(incident["incident_updates"][0])
    assert set(summary["page"]) == {"id", "name", "url", "time_zone", "updated_at"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("content", ["data", "empty"])
async def test_the_page_itself_is_accessible_quiet_and_fits(database: str, tmp_path: Path, theme: Theme, content: str) -> None:
    await seed.world(database, NOW)
    faults: list[str] = []
    async with served(database, tmp_path) as site, chromium(theme) as browser:
        async with as_tenant(site.app.state.pool, seed.TENANT) as con:
            chosen = "account_id from service where in_service" if content == "data" else "null from service where not in_service"
            await con.execute(
                f"insert into status_page (tenant_id, external_id, owner, title, account_id) select 1, 'p', 'yaml', 'Northline', {chosen}"
                " order by id limit 1"
            )
            slug = (await status_pages.addresses(con, seed.TENANT))["p"]
        page = await browser.new_page()
        listen(page, faults)
        await page.goto(f"{site.url}/status/{slug}")
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            where = f"status-page-{content}-{theme}-{width}"
            await keep(page, where)
            faults += [f"{where}: {found}" for found in await violations(page)]
            if await page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{where}: wider than the window")
    assert faults == []
