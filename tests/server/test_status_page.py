"""The customer's status page: opt-in, only its own services, the same story for people, programs and feeds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from storage import maintenance, status_pages
from storage.database import as_tenant
from storage.maintenance import Change
from storage.times import DAY_US
from tests.fakes.world import INVENTORY, SECOND, START, World, batch, bearer, world

MINUTE = 60 * SECOND
ATOM = "{http://www.w3.org/2005/Atom}"
SECRET_WORDS = ("Bluefin", "SP-2", "edge1", "192.0.2", "Acme router swap", "bx1")


def inventory(*pages: dict[str, Any]) -> dict[str, Any]:
    """Acme's service on edge1 and Bluefin's on bx1, and these status pages."""
    more = {"id": "SP-2", "name": "SP-2 Bluefin", "account": "bluefin", "product": "line", "elements": [{"element": "bx1"}]}
    box = {"id": "bx1", "name": "bx1", "site": "hq", "address": "192.0.2.2", "sensors": [{"kind": "ping"}]}
    first = INVENTORY["services"][0] | {"name": "Internet Berlin", "customer_service_name": "Office line"}
    return INVENTORY | {
        "accounts": [*INVENTORY["accounts"], {"id": "bluefin", "name": "Bluefin"}],
        "elements": [*INVENTORY["elements"], box],
        "services": [first, more],
        "status_pages": list(pages),
    }


ACME = {"id": "acme", "title": "Acme <services>", "account": "acme"}
PUBLIC = {
    "id": "public",
    "title": "Example Networks",
    "components": [{"name": "Internet access", "description": "All regions", "services": ["SP-1", "SP-2"]}],
}


@contextlib.asynccontextmanager
async def pages(database: str, folder: Path, *wanted: dict[str, Any]) -> AsyncIterator[tuple[World, dict[str, str]]]:
    """A world with those status pages, and their addresses by id."""
    async with world(database, folder, inventory(*wanted)) as w:
        async with as_tenant(w.app.state.pool, w.tenant) as con:
            slugs = await status_pages.addresses(con, w.tenant)
        yield w, {key: f"/status/{slug}" for key, slug in slugs.items()}


async def polls(w: World, first: int, answers: str, element: str = "edge1") -> None:
    """A poll a minute of every sensor of the element: u = up, d = down."""
    sensors = [(name, number) for name, number in (await w.sensors()).items() if name.startswith(f"{element} ")]
    for minute, answer in enumerate(answers, first):
        at = START + minute * MINUTE
        rows = [(number, "reachable", "", at, float(answer == "u")) for _, number in sensors]
        if answer == "u" and element == "edge1":
            rows.append((dict(sensors)["edge1 snmp"], "if.oper_status", "ge1", at, 1.0))
        w.now = at
        await w.put(batch(rows, reason=0 if answer == "u" else 1), seq=minute + 1 + (1_000 if element == "bx1" else 0))
        await w.decide()


async def get(w: World, address: str) -> Any:
    w.now += 11 * SECOND  # a page is kept for ten seconds
    answer = await w.client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.headers["content-type"] == "application/json" else answer.text


async def test_a_page_is_at_an_address_nobody_can_guess_and_only_while_it_is_wanted(database: str, tmp_path: Path) -> None:
    async with pages(database, tmp_path, ACME) as (w, at):
        slug = at["acme"].removeprefix("/status/")
        assert len(slug) == 32
        assert (await w.client.get(at["acme"])).status_code == 200
        assert (await w.client.head(f"{at['acme']}/api/v2/status.json")).status_code == 200
        for other in ("0" * 32, slug[:-1], "acme", "%00", "x'--"):
            assert (await w.client.get(f"/status/{other}")).status_code == 404, other
        await w.apply({"status_pages": [ACME | {"enabled": False}]})
        w.now += 11 * SECOND
        assert (await w.client.get(f"{at['acme']}/api/v2/summary.json")).status_code == 404
        await w.apply({"status_pages": [ACME]})
        assert (await w.client.get(at["acme"])).status_code == 200  # at the same address as before


async def test_status_and_outage_are_told_alike_to_people_programs_and_feeds(database: str, tmp_path: Path) -> None:
    async with pages(database, tmp_path, ACME) as (w, at):
        summary = await get(w, f"{at['acme']}/api/v2/summary.json")
        assert summary["components"][0]["status"] == "not_measured"
        assert summary["status"] == {"indicator": "none", "description": "Not Measured"}
        unmeasured = await get(w, at["acme"])
        assert "Nothing is measured, so no trouble can be told of." in unmeasured
        assert "No trouble" not in unmeasured
        await polls(w, 0, "uu")
        assert (await get(w, f"{at['acme']}/api/v2/status.json"))["status"]["description"] == "All Systems Operational"
        await polls(w, 3, "ddd")
        summary = await get(w, f"{at['acme']}/api/v2/summary.json")
        (component,) = summary["components"]
        assert (component["name"], component["status"], component["lineside_status"]) == ("Office line", "major_outage", "Down")
        assert summary["status"]["indicator"] == "critical"
        (incident,) = summary["incidents"]
        assert (incident["status"], incident["impact"], incident["resolved_at"]) == ("investigating", "major", None)
        assert incident["started_at"] == "2026-09-21T14:16:20.000Z"
        assert "Office line is down" in (await get(w, at["acme"])).replace("<bdi>", "").replace("</bdi>", "")
        await polls(w, 7, "uu")
        assert (await get(w, f"{at['acme']}/api/v2/incidents/unresolved.json"))["incidents"] == []
        (incident,) = (await get(w, f"{at['acme']}/api/v2/incidents.json"))["incidents"]
        assert (incident["status"], incident["resolved_at"]) == ("resolved", "2026-09-21T14:20:20.000Z")
        feed = ET.fromstring(await get(w, f"{at['acme']}/feed.atom"))
        assert [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")] == ["Office line was down"]


async def test_no_page_tells_of_another_customer_a_device_an_address_or_an_inside_title(database: str, tmp_path: Path) -> None:
    async with pages(database, tmp_path, ACME, PUBLIC) as (w, at):
        await polls(w, 0, "uuddd")
        await polls(w, 0, "uuddd", element="bx1")
        window = Change("swap", "Acme router swap for Bluefin", w.now + MINUTE, w.now + 60 * MINUTE, "UTC", ["SP-1", "SP-2"])
        async with as_tenant(w.app.state.pool, w.tenant) as con:
            await maintenance.save(con, w.tenant, "api", window, w.now)
        for base in at.values():
            for part in ("", "/api/v2/summary.json", "/api/v2/components.json", "/feed.atom", "/badge.svg"):
                w.now += 11 * SECOND
                text = (await w.client.get(base + part)).text
                assert text
                assert [word for word in SECRET_WORDS if word in text] == [], base + part


async def test_planned_work_is_announced_shown_while_it_goes_on_and_keeps_the_status_beside_it(
    database: str, tmp_path: Path
) -> None:
    async with pages(database, tmp_path, ACME) as (w, at):
        await polls(w, 0, "uu")
        start = w.now + 10 * MINUTE
        async with as_tenant(w.app.state.pool, w.tenant) as con:
            change = Change("swap", "Swap", start, start + 10 * MINUTE, "UTC", ["SP-1"], rrule="FREQ=WEEKLY;COUNT=3")
            await maintenance.save(con, w.tenant, "api", change, w.now)
        await w.decide()
        upcoming = await get(w, f"{at['acme']}/api/v2/scheduled-maintenances/upcoming.json")
        assert [item["status"] for item in upcoming["scheduled_maintenances"]] == ["scheduled"] * 3
        assert upcoming["scheduled_maintenances"][0]["name"] == "Planned maintenance: Office line"
        await polls(w, 11, "ddd")
        summary = await get(w, f"{at['acme']}/api/v2/summary.json")
        (component,) = summary["components"]
        assert (component["status"], component["lineside_status"]) == ("under_maintenance", "Down")
        assert summary["status"]["indicator"] == "maintenance"
        active = await get(w, f"{at['acme']}/api/v2/scheduled-maintenances/active.json")
        assert [item["status"] for item in active["scheduled_maintenances"]] == ["in_progress"]


async def test_a_component_of_several_services_counts_who_is_measured_and_bars_go_by_local_days(
    database: str, tmp_path: Path
) -> None:
    async with pages(database, tmp_path, PUBLIC) as (w, at):
        await polls(w, 0, "uuddd")
        (component,) = (await get(w, f"{at['public']}/api/v2/components.json"))["components"]
        assert (component["status"], component["measured"], component["services"]) == ("major_outage", 1, 2)
        text = await get(w, at["public"])
        assert text.count("<rect ") == 90
        assert "1 of 2 are measured" in text
        w.now += DAY_US
        await w.decide()  # three minutes after the last measurement it was No Data
        assert "5 min down" in await get(w, at["public"])
        (incident,) = (await get(w, f"{at['public']}/api/v2/incidents.json"))["incidents"]
        assert incident["incident_updates"][0]["body"] == (
            "Internet access is not measured at present; whether it works is not known."
        )


async def test_a_public_page_must_name_its_components_and_a_customers_page_only_their_own(database: str, tmp_path: Path) -> None:
    async with pages(database, tmp_path) as (w, _):
        for wanted, words in (
            ({"id": "p", "title": "Everything"}, "say what it shows"),
            (ACME | {"components": [{"name": "x", "services": ["SP-2"]}]}, "is of account 'bluefin', not 'acme'"),
            (ACME | {"account": "nobody"}, "nobody"),
        ):
            answer = await w.client.put("/api/v1/inventory", json={"status_pages": [wanted]}, headers=bearer(w.key))
            assert (answer.status_code, words in answer.text) == (422, True), answer.text
