"""Sensors beside SNMP through the whole server: inventory, plan, samples, status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocols.uplink.batch import REASON_CODE, REASONS
from protocols.uplink.plan import Dns, Http, Ping, decode_plan
from tests.fakes.world import INVENTORY, SECOND, SECRET, START, batch, bearer, world

SENSORS: list[dict[str, Any]] = [
    {"kind": "ping", "count": 10, "spacing": 0.02},
    {
        "kind": "http",
        "name": "shop",
        "url": "https://shop.example.net/health",
        "status": [200, 204],
        "expect": ["ready"],
        "verify": False,
    },
    {"kind": "dns", "query": "www.example.net", "type": "AAAA", "expect": ["2001:db8::1"], "interval": 30, "timeout": 0.5},
]
SHOP = INVENTORY | {
    "elements": [{"id": "shop", "name": "shop", "site": "hq", "address": "192.0.2.80", "sensors": SENSORS}],
    "services": [INVENTORY["services"][0] | {"elements": [{"element": "shop"}]}],
}


async def test_the_plan_says_what_the_inventory_says(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, SHOP) as w:
        plan = decode_plan((await w.client.get("/agent/v1/plan", headers=bearer(SECRET))).content)
        ping, http, dns = plan.targets[0].sensors
        assert ping == Ping(ping.number, count=10, spacing=0.02)
        url = "https://shop.example.net/health"
        assert http == Http(http.number, url, status=(200, 204), expect=("ready",), verify=False)
        assert dns == Dns(dns.number, "www.example.net", "AAAA", interval=30, timeout=0.5, expect=("2001:db8::1",))
        again = await w.client.put("/api/v1/inventory?dry_run=true", json=SHOP, headers=bearer(w.key))
        assert again.json()["changes"] == []


async def test_figures_belong_to_their_sensor(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, SHOP) as w:
        ping, shop, dns = (number for _, number in sorted((await w.sensors()).items(), key=lambda item: item[1]))
        samples = [(number, "reachable", "", START, 1.0) for number in (ping, shop, dns)]
        samples += [(shop, "response_time", "", START, 0.4), (dns, "response_time", "", START, 0.02)]
        samples += [
            (shop, "certificate.days_left", "", START, 40.0),
            (ping, "loss", "", START, 10.0),
            (ping, "jitter", "", START, 0.0),
        ]
        assert (await w.put(batch(samples), 1)).status_code == 200
        found = {(row["metric"], row["instance"]) for row in await w.con.fetch("select metric, instance from series")}
        own = {
            ("response_time", "shop"),
            ("response_time", "dns"),
            ("certificate.days_left", "shop"),
            ("loss", "ping"),
            ("jitter", "ping"),
        }
        assert found == own | {("reachable", name) for name in ("ping", "shop", "dns")}


@pytest.mark.parametrize(
    ("failing", "metric", "value", "reason", "status"),
    [
        (("shop", "dns"), "reachable", 0.0, "http_status", "Has Issues"),  # ping still answers
        (("ping", "shop", "dns"), "reachable", 0.0, "content", "Down"),
        (("dns",), "response_time", 3.5, "", "Has Issues"),
        (("shop",), "certificate.days_left", 13.0, "", "Has Issues"),
        (("ping",), "loss", 30.0, "", "Has Issues"),
        (("ping",), "jitter", 0.2, "", "Has Issues"),
        (("shop",), "certificate.days_left", 90.0, "", "Up"),
    ],
)
async def test_each_kind_counts_for_the_status(
    failing: tuple[str, ...], metric: str, value: float, reason: str, status: str, database: str, tmp_path: Path
) -> None:
    async with world(database, tmp_path, SHOP) as w:
        numbers = {name.removeprefix("shop "): number for name, number in (await w.sensors()).items()}
        for turn in range(4):
            ts = START + turn * 30 * SECOND
            w.now = ts + SECOND
            bad = [(numbers[name], metric, "", ts, value) for name in failing]
            answered = numbers if metric != "reachable" else numbers.keys() - set(failing)
            good = [(numbers[name], "reachable", "", ts, 1.0) for name in answered]
            assert (await w.put(batch(bad, 30.0, REASON_CODE[reason]), 2 * turn + 1)).status_code == 200
            if good:
                assert (await w.put(batch(good, 30.0), 2 * turn + 2)).status_code == 200
        await w.decide()
        found = await w.status()
        assert found["shown"] == status


def test_codes_of_reasons_stay_what_spools_and_databases_hold() -> None:
    assert REASONS[:8] == (
        "",
        "timeout",
        "refused",
        "unreachable",
        "no_such_object",
        "bad_answer",
        "authentication",
        "local_error",
    )
    assert REASONS[8:12] == ("tls", "http_status", "content", "dns_error")
