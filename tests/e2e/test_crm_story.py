"""What a CRM does, by HTTP only: it tells what was sold, a device feeds it, and it reads status, availability and traffic."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from tests.fakes import lineside
from tests.fakes.snmp_device import Port, SnmpDevice

ACCOUNT, SERVICE = "AC/1 Hafen", "SP 1/Grüner Weg"  # ids are the CRM's, whatever they hold
MEAN_DOWN = 60e6  # bit/s that the device sends to the customer


class Crm:
    """A CRM with its key."""

    def __init__(self, url: str, key: str) -> None:
        self.client = httpx2.AsyncClient(base_url=f"{url}/crm/v1/", headers={"Authorization": f"Bearer {key}"})

    async def put(self, noun: str, external_id: str, **record: Any) -> str:
        answer = await self.client.put(f"{noun}/{quote(external_id, safe='')}", json=record)
        assert answer.is_success, answer.text
        return str(answer.json()["result"])

    async def get(self, noun: str, external_id: str, more: str = "") -> Any:
        answer = await self.client.get(f"{noun}/{quote(external_id, safe='')}{more}")
        assert answer.is_success, answer.text
        return answer.json()

    async def until(self, status: str) -> Any:
        """The service once it has that status."""
        end = time.monotonic() + 40
        while (service := await self.get("services", SERVICE))["computed"]["operational_status"] != status:
            assert time.monotonic() < end, f"it is not {status}: {service['computed']}"
            await asyncio.sleep(0.2)
        return service


async def sell(crm: Crm, port: int) -> list[str]:
    """Everything that has to be told for one service, and what each telling did."""
    snmp = {"kind": "snmp", "community": "public", "port": port, "interval": 1, "timeout": 0.3, "retries": 0}
    meter = {"metric": "if.in", "facing": "customer"}
    return [
        await crm.put("accounts", ACCOUNT, name="Harbour Logistics", timezone="Europe/Berlin", country="DE"),
        await crm.put("products", "internet-100", name="Internet 100", down_bps=100_000_000, up_bps=20_000_000),
        await crm.put("sites", "pop", name="Point of presence"),
        await crm.put("elements", "edge1", name="edge1", site="pop", address="127.0.0.1", sensors=[snmp]),
        await crm.put("elements", "edge1/ge1", name="edge1 ge-0/0/1", device="edge1", port="ge-0/0/1"),
        await crm.put(
            "services",
            SERVICE,
            name="Grüner Weg 1",
            account=ACCOUNT,
            product="internet-100",
            mrr={"amount": "79.00", "currency": "EUR"},
            elements=[{"element": "edge1"}, {"element": "edge1/ge1", "parent": ["edge1"], "meter": meter}],
        ),
        await crm.put("cases", "C-1", account=ACCOUNT, service=SERVICE, status="New", opened_at="2026-01-01T08:00:00Z"),
    ]


async def test_what_the_crm_sold_is_measured_and_read_back(tmp_path: Path) -> None:
    device = SnmpDevice("edge1", [Port(1, "ge-0/0/1", mean_in=5e6, mean_out=MEAN_DOWN)])
    port = await device.start()
    with contextlib.closing(device), lineside.running() as server:
        key = server.command("key", "create", "--name", "crm", "--scope", "crm-read", "--scope", "crm-write")
        crm = Crm(server.url, key)
        assert set(await sell(crm, port)) == {"created"}
        assert set(await sell(crm, port)) == {"unchanged"}
        assert (await crm.get("services", SERVICE))["computed"]["operational_status"] == "No Data"
        with lineside.running_agent(server, "pop", server.key(), tmp_path / "agent"):
            await _see_it_live_and_die(crm, device)
        await crm.client.aclose()


async def _see_it_live_and_die(crm: Crm, device: SnmpDevice) -> None:
    up = await crm.until("Up")
    assert (up["computed"]["active"], up["computed"]["open_cases"]) == (True, 1)
    await asyncio.sleep(3)  # some more polls to read about
    await _see_figures(crm)
    device.silent = True
    down = await crm.until("Down")
    assert down["computed"]["cause"][0]["element"] == "edge1", "it says what shows it"
    listed = (await crm.client.get("services", params={"view": "down", "account": ACCOUNT})).json()
    assert [item["id"] for item in listed["items"]] == [SERVICE]
    timeline = await crm.get("services", SERVICE, "/timeline")
    assert [span["status"] for span in timeline["items"]][-2:] == ["Up", "Down"]


async def _see_figures(crm: Crm) -> None:
    """Availability and traffic of the last day."""
    answer = await crm.get("services", SERVICE, "/availability")
    day = next(each for each in answer["periods"] if each["period"] == "Last 24 Hours")
    assert day["availability"] == 1.0
    assert day["coverage"] < 1.0, "it was not measured before it was sold"
    found = await crm.get("services", SERVICE, "/metrics?period=Last%2024%20Hours")
    (down,) = [each for each in found["metrics"] if each["metric"] == "traffic.down"]
    assert MEAN_DOWN / 4 < down["average"] < MEAN_DOWN * 2
    assert down["sold"] == 100_000_000
