"""What discover lists of devices of makers of whom there is no recorded walk: a few rows each, and what they stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.test_discovery import Rows, device, found

ENTERPRISE = "1.3.6.1.4.1."
Listed = dict[tuple[str, str], dict[str, float]]

# name -> (sysObjectID, rows below enterprises, what is listed)
MAKERS: dict[str, tuple[str, Rows, Listed]] = {
    "synology": (
        "8072.3.2.10",
        {"6574.1.1.0": 1, "6574.1.2.0": 41, "6574.2.1.1.2.0": "Disk 1", "6574.2.1.1.5.0": 5, "6574.2.1.1.6.0": 33},
        {
            ("system", ""): {"system.state": 1},
            ("sensor", ""): {"sensor.temperature": 41},
            ("disk", "Disk 1"): {"disk.state": 5, "disk.temperature": 33},
        },
    ),
    "f5": (
        "3375.2.1.3.4.43",
        {"3375.2.1.1.2.20.29.0": 12, "3375.2.1.1.2.1.44.0": 2000, "3375.2.1.1.2.1.45.0": 500, "3375.2.1.1.2.1.8.0": 77,
         "3375.2.2.10.2.3.1.1.2.118.49": "/Common/v1", "3375.2.2.10.2.3.1.12.2.118.49": 5},
        {
            ("cpu", ""): {"cpu.load": 12},
            ("memory", ""): {"memory.size": 2000, "memory.used": 500, "memory.used_percent": 25},
            ("firewall", ""): {"firewall.sessions": 77},
            ("server", "/Common/v1"): {"server.connections": 5},
        },
    ),
    "sonicwall": (
        "8741.1",
        {"8741.1.3.1.1.0": 1000, "8741.1.3.1.2.0": 10, "8741.1.3.1.3.0": 5, "8741.1.3.1.4.0": 40},
        {
            ("cpu", ""): {"cpu.load": 5},
            ("memory", ""): {"memory.used_percent": 40},
            ("firewall", ""): {"firewall.sessions": 10, "firewall.session_limit": 1000},
        },
    ),
    "zyxel": ("890.1.15", {"890.1.6.22.1.1.0": 7, "890.1.6.22.1.6.0": 99},
              {("cpu", ""): {"cpu.load": 7}, ("firewall", ""): {"firewall.sessions": 99}}),
    "extreme": (
        "1916.2.93",
        {"1916.1.32.1.2.0": "9", "1916.1.1.1.8.0": 35, "1916.1.32.2.2.1.2.1": "1000", "1916.1.32.2.2.1.3.1": "250"},
        {
            ("cpu", ""): {"cpu.load": 9},
            ("sensor", ""): {"sensor.temperature": 35},
            ("memory", "slot 1"): {"memory.size": 1_024_000, "memory.used": 768_000, "memory.used_percent": 75},
        },
    ),
    "brocade": (
        "1991.1.3.48",
        {"1991.1.1.2.1.52.0": 3, "1991.1.1.2.1.53.0": 50, "1991.1.1.2.13.1.1.3.1.1": "intake", "1991.1.1.2.13.1.1.4.1.1": 61},
        {
            ("cpu", ""): {"cpu.load": 3},
            ("memory", ""): {"memory.used_percent": 50},
            ("sensor", "intake"): {"sensor.temperature": 30.5},
        },
    ),
    "netapp": (
        "789.2.5",
        {"789.1.2.1.3.0": 20, "789.1.5.4.1.2.1": "/vol/vol0/", "789.1.5.4.1.29.1": 4, "789.1.5.4.1.30.1": 1, "789.1.5.4.1.6.1": 25},
        {
            ("cpu", ""): {"cpu.load": 20},
            ("storage", "/vol/vol0/"): {"storage.size": 4096, "storage.used": 1024, "storage.used_percent": 25},
        },
    ),
    "cyberpower": (
        "3808.1.1.1",
        {"3808.1.1.1.2.2.1.0": 100, "3808.1.1.1.2.2.4.0": 360_000, "3808.1.1.1.3.2.1.0": 2301, "3808.1.1.1.4.2.3.0": 14},
        {("ups", ""): {"ups.charge": 100, "ups.runtime": 3600, "ups.input_voltage": 230.1, "ups.output_load": 14}},
    ),
    "nokia": (
        "6527.1.3.4",
        {"6527.3.1.2.1.1.1.0": 8, "6527.3.1.2.2.1.8.1.8.1.2": "Slot 1", "6527.3.1.2.2.1.8.1.18.1.2": 44,
         "6527.3.1.2.2.1.8.1.8.1.3": "fan", "6527.3.1.2.2.1.8.1.18.1.3": -1},
        {("cpu", ""): {"cpu.load": 8}, ("sensor", "Slot 1"): {"sensor.temperature": 44}},
    ),
    "dell": (
        "674.10892.5",
        {"674.10892.5.2.1.0": 3, "674.10892.5.4.700.20.1.8.1.1": "Inlet", "674.10892.5.4.700.20.1.6.1.1": 215,
         "674.10892.5.4.700.12.1.8.1.1": "Fan1", "674.10892.5.4.700.12.1.6.1.1": 5280},
        {
            ("system", ""): {"system.state": 3},
            ("sensor", "Inlet"): {"sensor.temperature": 21.5},
            ("sensor", "Fan1"): {"sensor.fan": 5280},
        },
    ),
    "tp_link": ("11863.5.33", {"11863.6.4.1.1.1.1.3.1": 9, "11863.6.4.1.2.1.1.2.1": 60},
                {("cpu", "unit 1"): {"cpu.load": 9}, ("memory", "unit 1"): {"memory.used_percent": 60}}),
    "cambium": ("17713.21", {"17713.21.1.2.10.0": 17}, {("wifi", ""): {"wifi.clients": 17}}),
    "aerohive": ("26928.1", {"26928.1.2.3.0": 4, "26928.1.2.4.0": 50, "26928.1.2.9.0": 12},
                 {("cpu", ""): {"cpu.load": 4}, ("memory", ""): {"memory.used_percent": 50}, ("wifi", ""): {"wifi.clients": 12}}),
    "pfsense": ("12325.1.1.2.1.1", {"12325.1.200.1.3.1.0": 321}, {("firewall", ""): {"firewall.sessions": 321}}),
}  # fmt: skip


@pytest.mark.parametrize("maker", MAKERS)
async def test_a_device_of_this_maker_is_listed(maker: str, tmp_path: Path) -> None:
    object_id, rows, listed = MAKERS[maker]
    there = await found(device(ENTERPRISE + object_id, {ENTERPRISE + name: value for name, value in rows.items()}), tmp_path)
    assert {what: values for what, values in there.items() if "system.uptime" not in values or len(values) > 1} == {
        what: values | ({"system.uptime": 3600} if what == ("system", "") else {}) for what, values in listed.items()
    }


async def test_a_printer_lists_its_supplies(tmp_path: Path) -> None:
    table = "1.3.6.1.2.1.43.11.1.1."
    rows: Rows = {f"{table}6.1.1": "Black", f"{table}8.1.1": 2000, f"{table}9.1.1": 500}
    rows |= {f"{table}6.1.2": "Waste", f"{table}8.1.2": -2, f"{table}9.1.2": -3}
    there = await found(device(f"{ENTERPRISE}11.2.3.9.1", rows), tmp_path)
    assert there["printer", "Black"] == {"printer.supply_percent": 25, "printer.supply_capacity": 2000}
    assert ("printer", "Waste") not in there
