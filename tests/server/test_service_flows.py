"""The page and the answer to the CRM about what a service's traffic is made of, from batches to words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.auth import Caller
from server.jobs.roll_flows import roll
from server.service_flows import counted, sources
from storage.database import Bound, as_caller
from tests.fakes.flow_batches import MINUTE, Row, body
from tests.fakes.world import INVENTORY, START, World, batch, bearer, world
from tests.server.test_pages import text_of

HOUR = 60 * MINUTE
NOW = START // HOUR * HOUR + 10 * MINUTE
OPEN = NOW // HOUR * HOUR
GB = 1e9
DEVICE = {**INVENTORY["elements"][0], "sensors": [*INVENTORY["elements"][0]["sensors"], {"kind": "flow"}]}
METER = {"element": "edge1-ge1", "meter": {"metric": "if.in", "facing": "customer"}}
SERVICE = INVENTORY["services"][0]


def inventory(
    *placements: dict[str, Any], more: tuple[dict[str, Any], ...] = (), device: dict[str, Any] = DEVICE
) -> dict[str, Any]:
    first = SERVICE | {"elements": list(placements)}
    return INVENTORY | {"elements": [device, INVENTORY["elements"][1]], "services": [first, *more]}


async def flows(w: World, rows: list[dict[str, Any]], seq: int = 1) -> None:
    w.now = NOW
    number = (await w.sensors())["edge1 flow"]
    answer = await w.put(body([Row(sensor=number, **row) for row in rows]), seq)
    assert answer.json()["rejected"] == {}
    await roll(w.app.state.pool, NOW)


async def page(w: World, query: str = "") -> str:
    answer = await w.client.get(f"/services/SP-1/flows{query}", headers=bearer(w.key) | {"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


async def told(w: World, query: str = "") -> Any:
    answer = await w.client.get(f"/crm/v1/services/SP-1/traffic{query}", headers=bearer(w.key))
    assert answer.status_code == 200, answer.text
    return answer.json()


MIX: list[dict[str, Any]] = [
    {"ts": OPEN - 2 * HOUR, "octets": 6 * GB, "application": "https", "provider": "AWS", "remote": "AS16509"},
    {"ts": OPEN - HOUR, "octets": 2 * GB, "application": "teams", "provider": "Microsoft 365", "remote": "AS8075"},
    {"ts": OPEN, "octets": 1 * GB, "application": "", "provider": "", "remote": "other"},
    {"ts": OPEN - HOUR, "octets": 1 * GB, "direction": 0, "application": "https", "provider": "AWS", "remote": "AS16509"},
]


@pytest.mark.every_database
async def test_a_mix_is_told_by_application_cloud_and_network(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, inventory({"element": "edge1"}, METER)) as w:
        await flows(w, MIX)
        said = text_of(await page(w))
        assert (
            "10 GB passed, 9 GB down and 1 GB up. 90 % of it went to or came from known clouds, most of it with AWS, 70 % of all."
            in said
        )
        assert "https 70 % 7 GB 6 GB 1 GB teams 20 % 2 GB 2 GB 0 B not recognised 10 % 1 GB 1 GB 0 B" in said
        assert "Heard at the meter of the service, edge1 ge1." in said
        assert "AWS 70 % 7 GB 6 GB 1 GB Microsoft 365 20 %" in text_of(await page(w, "?by=provider&range=7d"))
        assert "AS16509 70 %" in text_of(await page(w, "?by=remote&range=30d"))
        assert "all smaller networks 10 %" in text_of(await page(w, "?by=remote&range=30d"))
        answer = await told(w)
        assert answer["octets"] == {"down": 9 * GB, "up": 1 * GB, "total": 10 * GB}
        assert [(each["name"], each["share"]) for each in answer["providers"]] == [
            ("AWS", 0.7),
            ("Microsoft 365", 0.2),
            ("", 0.1),
        ]
        assert answer["cloud_share"] == 0.9
        assert [day["cloud_share"] for day in answer["days"] if day["cloud_share"] is not None] == [0.9]


async def test_flows_are_set_against_what_snmp_counted(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, inventory({"element": "edge1"}, METER)) as w:
        hour = OPEN - 2 * HOUR
        await flows(w, [{"ts": hour + i * MINUTE, "octets": 900e6 / 60} for i in range(60)])
        snmp = (await w.sensors())["edge1 snmp"]
        rates = [
            (snmp, name, "ge1", hour + (i + 1) * MINUTE, value)
            for i in range(60)
            for name, value in (("if.out", 2e6), ("if.in", 0.0))
        ]
        await w.put(batch(rates), 2)  # of 0 s each: points that count as covered whole
        answer = await told(w, "?period=Last%2024%20Hours")
        assert answer["against_snmp"] == {"flow_octets": 900_000_000, "snmp_octets": 900_000_000, "hours": 1, "factor": 1.0}
        said = text_of(await page(w))
        assert "Flows tell of 100 % of the octets that SNMP counted on the same ports (factor 1.00, over 1 hour that both" in said
        assert "Nothing is heard of what goes up" in said


@pytest.mark.parametrize(
    ("octets", "words"), [(450e6, "part of the traffic is not exported"), (1_800e6, "something is counted twice")]
)
async def test_a_factor_far_from_one_says_what_it_means(database: str, tmp_path: Path, octets: float, words: str) -> None:
    async with world(database, tmp_path, inventory({"element": "edge1"}, METER)) as w:
        hour = OPEN - 2 * HOUR
        await flows(w, [{"ts": hour + i * MINUTE, "octets": octets / 60} for i in range(60)])
        snmp = (await w.sensors())["edge1 snmp"]
        rates = [
            (snmp, name, "ge1", hour + (i + 1) * MINUTE, value)
            for i in range(60)
            for name, value in (("if.out", 2e6), ("if.in", 0.0))
        ]
        await w.put(batch(rates), 2)
        assert words in text_of(await page(w))


async def test_without_a_meter_what_comes_into_a_device_of_its_own_counts_once(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, inventory({"element": "edge1"})) as w:
        passes = [
            {"ts": OPEN - HOUR, "octets": 5 * GB, "name": "lan", "direction": 0},
            {"ts": OPEN - HOUR, "octets": 5 * GB, "name": "wan"},
        ]
        await flows(w, passes)
        said = text_of(await page(w))
        assert "5 GB passed." in said
        assert "what comes into the device is counted once and no direction is told" in said
        assert (await told(w))["octets"] == {"down": None, "up": None, "total": 5 * GB}
        assert (await told(w))["against_snmp"] is None


async def test_what_others_use_too_counts_only_at_a_meter(database: str, tmp_path: Path) -> None:
    other = SERVICE | {"id": "SP-2", "name": "SP-2", "elements": [{"element": "edge1"}]}
    async with world(database, tmp_path, inventory({"element": "edge1"}, {"element": "edge1-ge1"}, more=(other,))) as w:
        await flows(w, [{"ts": OPEN - HOUR, "octets": 5 * GB, "name": "ge9", "direction": 0}])
        said = text_of(await page(w))
        assert "No flows in the last 24 hours" in said
        assert "Elements that other services use too count only at a port that is named as the service's meter" in said
        assert (await told(w))["counted_by"] == "nothing"


async def test_a_bound_caller_sees_no_traffic_of_a_device_that_others_use(database: str, tmp_path: Path) -> None:
    other = SERVICE | {"id": "SP-2", "name": "SP-2", "elements": [{"element": "edge1"}]}
    async with world(database, tmp_path, inventory({"element": "edge1"}, METER, more=(other,))) as w:
        await flows(w, [{"ts": OPEN - HOUR, "octets": 1 * GB}, {"ts": OPEN - HOUR, "octets": 5 * GB, "name": "ge9"}])
        await w.con.execute(
            """update service set show_in_reseller_portal = true, reseller_id = account_id where external_id = 'SP-1'"""
        )
        reseller = await w.con.fetchval("select reseller_id from service where external_id = 'SP-1'")
        seen = {}
        for bound in (None, Bound(None, reseller)):
            caller = Caller(w.tenant, "key", 1, "k", frozenset({"crm-read"}), None, bound)
            async with as_caller(w.app.state.pool, caller) as con:
                seen[bound is None] = [row[0] for row in await con.fetch("select interface from flow_key order by 1")]
                found = await sources(con, w.tenant, 1, (OPEN - 2 * HOUR, OPEN))
                made = await counted(con, w.tenant, found, (OPEN - 2 * HOUR, OPEN), "application", "hour")
                assert (made.ranking(5).whole.total, found.shared) == (GB, False)
                assert [(each.external_id, each.shared) for each in found.placed] == [("edge1", True), ("edge1-ge1", False)]
        assert seen == {True: ["", "ge9"], False: [""]}


async def test_a_service_without_an_exporter_says_how_to_add_one(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        said = text_of(await page(w))
        assert "No flow exporter tells of this service" in said
        assert "- id: edge1 sensors: - kind: flow" in said
        answer = await told(w)
        assert (answer["octets"], answer["applications"]) == ({"down": None, "up": None, "total": 0}, [])
        assert "/services/SP-1/flows" in (await w.client.get("/services/SP-1", headers=bearer(w.key))).text


async def test_another_tenant_and_a_name_that_is_not_there_get_404(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        for path in ("/services/nope/flows", "/services/%00/flows", "/crm/v1/services/nope/traffic"):
            assert (await w.client.get(path, headers=bearer(w.key))).status_code == 404
        assert (await w.client.get("/crm/v1/services/SP-1/traffic?period=Ever", headers=bearer(w.key))).status_code == 400
