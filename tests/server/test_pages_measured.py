"""Pages of a service, an element and the agents: figures, history, charts' data, what is missing, and whose they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from storage.database import connect_owner
from tests.fakes import seed, seed_measured
from tests.server.pages import NOW
from tests.server.test_pages import text_of
from tests.server.test_pages_maintenance import form_of, signed_in

SERVICE = "/services/SP-IN-60-0001"
SECOND = 1_000_000


@pytest.fixture
async def browser(database: str, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    await seed.world(database, NOW)
    await seed_measured.fill(database, NOW)
    async with signed_in(database, tmp_path, "noc-read") as client:
        yield client


async def said(browser: httpx2.AsyncClient, address: str, status: int = 200) -> str:
    answer = await browser.get(address)
    assert answer.status_code == status, answer.text
    return text_of(answer.text)


async def test_a_service_shows_its_promise_contract_cases_and_planned_work(browser: httpx2.AsyncClient) -> None:
    page = await said(browser, SERVICE)
    assert "Last 24 Hours 93.194 % missed 93.194 % 1 h 38 min 100.0 % –" in page
    assert "Prior Day 23 Nov 100.000 % met" in page
    assert "Prior Month 1 Oct to 31 Oct not measured not measured" in page
    assert "Traffic against what was sold (100 / 20 Mbit/s)" in page
    assert "A month € 420" in page
    assert "rack R7" in page
    assert "Line drops at noon C-1 · Working · open for 1 day 6 h" in page
    assert "Going on Router software, POP Gdynia until 16:00" in page
    assert "24 Nov: Down, 92.698 % available: Down 1 h 38 min, Up" in page or "24 Nov: Down" in page


async def test_a_service_without_a_meter_says_so(browser: httpx2.AsyncClient) -> None:
    assert "No port is named as the meter of this service" in await said(browser, "/services/SP-IN-60-0002")


@pytest.mark.parametrize(
    ("chosen", "words"), [("7d", "since 22 Nov 22:00"), ("90d", "since 22 Nov 22:00"), ("nonsense", "last 24 hours")]
)
async def test_the_timeline_has_ranges(browser: httpx2.AsyncClient, chosen: str, words: str) -> None:
    assert f"Operational status, {words}" in await said(browser, f"{SERVICE}?range={chosen}")


async def test_traffic_comes_with_gaps_as_gaps_and_every_p95_of_5_minute_means(browser: httpx2.AsyncClient) -> None:
    day = (await browser.get(f"{SERVICE}/traffic.json?range=24h")).json()
    assert (day["n"], day["step"], day["unit"], day["zone"]) == (288, 300, "bit/s", "Europe/Warsaw")
    down, up = day["lines"]
    assert (down["sold"], up["sold"]) == (100_000_000, 20_000_000)
    assert len(down["mean"]) == len(down["max"]) == 288
    week = (await browser.get(f"{SERVICE}/traffic.json?range=7d")).json()
    gaps = [i for i, value in enumerate(week["lines"][0]["mean"]) if value is None]
    assert len(gaps) == len(seed_measured.GAP)
    assert week["rows"][0][-1] == "98.5 %"  # 30 of 2016 buckets
    month = (await browser.get(f"{SERVICE}/traffic.json?range=30d")).json()
    assert (month["step"], month["n"]) == (3600, 30 * 24)
    values = sorted(seed_measured.value(seed_measured.DOWN, 3, bucket) for bucket in range(288))
    whole = await browser.get(f"{SERVICE}/traffic.json?from={_midnight(3)}&to={_midnight(2)}")
    assert whole.json()["lines"][0]["p95"] == pytest.approx(values[273], rel=5e-3)  # nearest rank: ceil(0.95 x 288) = 274
    year = (await browser.get(f"{SERVICE}/traffic.json?range=1y")).json()
    assert (year["step"], year["n"]) == (86_400, 366)


def _midnight(back: int) -> int:
    return (NOW // (86_400 * SECOND) - back) * 86_400


@pytest.mark.parametrize(
    "query", ["range=eternity", "from=1", "from=a&to=b", "from=1795500000&to=1795500001", "from=0&to=1795500000", "from=-1&to=9"]
)
async def test_a_window_that_makes_no_sense_is_refused(browser: httpx2.AsyncClient, query: str) -> None:
    assert (await browser.get(f"{SERVICE}/traffic.json?{query}")).status_code == 422


async def test_an_element_shows_sensors_services_facts_and_its_series(browser: httpx2.AsyncClient) -> None:
    page = await said(browser, "/elements/E-edge1")
    assert "edge1 does not answer ping and SNMP (no answer in time) since 14:22." in page
    assert "ping ping 60 s Says whether it is reachable ping: no answer in time 14:59:40" in page
    assert f"AB{seed.SCRIPT}0".replace("<", "&lt;").replace(">", "&gt;") in (await browser.get("/elements/E-edge1")).text
    assert "SP-IN-60-0001 Harbour Foods Required the service is Down without it" in page
    port = await said(browser, "/elements/E-port")
    assert "port ge-0/0/7 of edge1" in port
    assert "It is cut off: what it stands behind is Down." in port
    chart = (await browser.get("/elements/E-port/series.json?metric=if.out&instance=&range=24h")).json()
    assert chart["lines"][0]["name"] == "Out"
    assert chart["unit"] == "bit/s"
    assert (await browser.get("/elements/E-port/series.json?metric=none&instance=")).status_code == 404
    assert "There is no such element" in await said(browser, "/elements/nope%00", 404)


async def test_agents_stand_with_the_silent_ones_first(browser: httpx2.AsyncClient) -> None:
    page = await said(browser, "/agents")
    assert "2 of 3 are silent: what they watch has no data." in page
    assert page.index("Silent pop-1-b") < page.index("Never heard new") < page.index("Heard, with trouble pop-1-a")
    assert "1 min ahead 4,000 records, 3.4 MB 1,200 lost" in page
    assert "not yet as wanted applies abcdef01" in page
    assert "pop-1-b metrics 12:00 to 13:00 spool full 1,200" in page
    assert "pop-1-a 10:00 · metrics unknown sensor sensor 99 12" in page


async def test_an_admin_makes_a_token_that_enrols_and_revokes_an_agent(
    browser: httpx2.AsyncClient, database: str, tmp_path
) -> None:
    assert "Revoke" not in await said(browser, "/agents")
    assert (await browser.post("/agents", data={"do": "token", "site": "x"})).status_code == 403
    secret = {"authorization": f"Bearer {'ef' * 32}"}
    async with signed_in(database, tmp_path, "noc-read", "admin") as admin:
        page = (await admin.get("/agents")).text
        csrf = {"csrf": form_of(page)["csrf"]}
        site = re.search(r'<option value="([^"]+)"', page)
        assert site
        assert (await admin.post("/agents", data={"do": "token", "site": site[1]})).status_code == 403
        assert (await admin.post("/agents", data=csrf | {"do": "token", "site": "no\0where"})).status_code == 404
        made = await admin.post("/agents", data=csrf | {"do": "token", "site": site[1]})
        token = re.search(r"--token ([0-9a-f]{64})", made.text)
        assert token
        wanted = {"token": token[1], "secret": "ef" * 32, "name": "<b>new box</b>"}
        agent = (await admin.post("/agent/v1/enrol", json=wanted)).json()["agent"]
        assert (await admin.get("/agent/v1/plan", headers=secret)).status_code == 200
        revoke = csrf | {"do": "revoke", "agent": agent}
        assert "Tick that you are sure" in text_of((await admin.post("/agents", data=revoke)).text)
        done = (await admin.post("/agents", data=revoke | {"sure": "yes"})).text
        assert "is revoked: within seconds" in done
        assert "<b>new box</b>" not in done
        for _ in range(50):  # the other processes are told at once; without word it is 4 s of the server's clock
            status = (await admin.get("/agent/v1/plan", headers=secret)).status_code
            if status == 401:
                break
            await asyncio.sleep(0.05)
        assert status == 401
        assert (await admin.post("/agents", data=revoke | {"sure": "yes"})).status_code == 404
        assert "Revoked" in await said(admin, "/agents")


async def test_another_tenant_sees_none_of_it(browser: httpx2.AsyncClient, database: str) -> None:
    con = await connect_owner(database)
    try:
        await con.execute("update page_session set tenant_id = 2")
    finally:
        await con.close()
    for address in (
        SERVICE,
        f"{SERVICE}/traffic.json",
        "/elements/E-edge1",
        "/maintenance/W-1",
        "/elements/E-port/series.json?metric=if.in",
    ):
        await said(browser, address, 404)
    assert "No agent is enrolled yet" in await said(browser, "/agents")
    assert "Weekly backup" not in await said(browser, "/maintenance")


async def test_an_account_manager_sees_own_services_work_and_no_address_to_give_away(
    browser: httpx2.AsyncClient, database: str
) -> None:
    con = await connect_owner(database)
    try:
        manager = await seed.put(con, "account_manager", external_id="M", owner="crm", name="Ada", email="a@example.net")
        await con.execute("update account set account_manager_id = $1 where id = 2", manager)
        await con.execute("update page_session set account_manager_id = $1", manager)
    finally:
        await con.close()
    await said(browser, SERVICE, 404)
    await said(browser, "/services/SP-DL-20-0007")
    page = await said(browser, "/maintenance")
    assert "Weekly backup window" in page
    assert "Fibre splice" not in page
    assert "Make an address" not in page
    await said(browser, "/agents")
