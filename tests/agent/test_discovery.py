"""What discovery finds by the shipped profiles on devices of families whose tables are told here row by row."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from pathlib import Path

import pytest
import yaml

from agent import app, state
from agent.discover import ask, profiles
from protocols.snmp import ber, message, oid
from protocols.snmp.message import Value
from protocols.uplink.plan import Column, Plan, Profile, Snmp, Target
from tests.fakes.snmp_device import Port, SnmpDevice

Rows = dict[str, int | str | bytes]
SYSTEM = "1.3.6.1.2.1.1."
ENTITY = "1.3.6.1.2.1.47.1.1.1.1.7."
HR = "1.3.6.1.2.1.25.2.3.1."


def device(object_id: str, rows: Rows, *, tags: dict[str, int] | None = None) -> SnmpDevice:
    """A device that says what `rows` say; ints are Integer32 unless `tags` names another for a prefix."""
    fake = SnmpDevice("x", [])
    leaves: dict[str, tuple[int, Value]] = {f"{SYSTEM}3.0": (message.TIME_TICKS, 360_000)}
    leaves[f"{SYSTEM}2.0"] = (ber.OBJECT_IDENTIFIER, oid.parse(object_id))
    for name, value in rows.items():
        tag = next((tag for prefix, tag in (tags or {}).items() if name.startswith(prefix)), ber.INTEGER)
        leaves[name] = (ber.OCTET_STRING, value.encode()) if isinstance(value, str) else (tag, value)
    fake._leaves = {oid.parse(name): lambda leaf=leaf: leaf for name, leaf in leaves.items()}  # type: ignore[misc]
    fake._order = sorted((oid.arcs(name), name) for name in fake._leaves)
    return fake


async def found(fake: SnmpDevice, tmp_path: Path, *names: str) -> dict[tuple[str, str], dict[str, float]]:
    """(kind, name) -> metric -> value."""
    port = await fake.start()
    sensor = Snmp(1, "public", names or ("auto",), port, timeout=1.0)
    try:
        there = await ask(Target("x", "x", "127.0.0.1", (sensor,)), sensor, profiles(tmp_path))
    finally:
        fake.close()
    assert there is not None
    return {(instance.kind, instance.name): dict(instance.values) for instance in there.instances}


async def test_memory_of_linux_is_told_without_its_caches(tmp_path: Path) -> None:
    ucd = "1.3.6.1.4.1.2021.4."
    rows: Rows = {f"{ucd}5.0": 8000, f"{ucd}6.0": 1000, f"{ucd}14.0": 500, f"{ucd}15.0": 2500}
    rows |= {f"{HR}3.1": "Physical memory", f"{HR}4.1": 1024, f"{HR}5.1": 8000, f"{HR}6.1": 7000}
    there = await found(
        device("1.3.6.1.4.1.8072.3.2.10", rows | {f"{HR}2.1": oid.parse("1.3.6.1.2.1.25.2.1.2")}, tags={f"{HR}2.": 6}), tmp_path
    )
    assert there["memory", ""] == {"memory.size": 8000 * 1024, "memory.used": 4000 * 1024, "memory.used_percent": 50}
    assert there["memory", "Physical memory"] == {"memory.size": 8000 * 1024, "memory.used": 7000 * 1024}


async def test_old_and_new_cisco_memory(tmp_path: Path) -> None:
    pool = "1.3.6.1.4.1.9.9.48.1.1.1."
    old = await found(device("1.3.6.1.4.1.9.1.1", {f"{pool}2.1": "Processor", f"{pool}5.1": 30, f"{pool}6.1": 70}), tmp_path)
    assert old["memory", "Processor"] == {"memory.used": 30, "memory.size": 100, "memory.used_percent": 30}
    pools = "1.3.6.1.4.1.9.9.221.1.1.1.1."
    rows: Rows = {f"{pools}3.7.1": "processor", f"{pools}7.7.1": 5, f"{pools}8.7.1": 15, f"{ENTITY}7": "RP0", f"{pool}5.1": 1}
    new = await found(device("1.3.6.1.4.1.9.1.2", rows), tmp_path)
    assert new["memory", "RP0 processor"] == {"memory.used": 5, "memory.size": 20, "memory.used_percent": 25}
    assert ("memory", "1") not in new


async def test_a_processor_is_called_by_the_part_it_sits_in(tmp_path: Path) -> None:
    cpm = "1.3.6.1.4.1.9.9.109.1.1.1.1."
    rows: Rows = {f"{cpm}2.1": 22, f"{cpm}7.1": 12, f"{cpm}8.1": 11, f"{cpm}2.2": 0, f"{cpm}4.2": 9, f"{ENTITY}22": "CPU 0/0"}
    there = await found(device("1.3.6.1.4.1.9.1.2", rows | {"1.3.6.1.4.1.9.2.1.57.0": 50}), tmp_path)
    assert there["cpu", "CPU 0/0"] == {"cpu.load": 12, "cpu.load_5min": 11}
    assert there["cpu", "2"] == {"cpu.load": 9}
    assert ("cpu", "0") not in there


WIFI: dict[str, tuple[str, Rows, dict[str, float]]] = {
    "aruba instant": (
        "1.3.6.1.4.1.14823.1.2.111",
        {
            "1.3.6.1.4.1.14823.2.3.3.1.2.1.1.2.0.11.134.1.2.3": "lobby",
            "1.3.6.1.4.1.14823.2.3.3.1.2.2.1.21.0.11.134.1.2.3.0": 4,
            "1.3.6.1.4.1.14823.2.3.3.1.2.2.1.21.0.11.134.1.2.4.1": 5,
        },
        {"lobby radio 0": 4, "00:0b:86:01:02:04 radio 1": 5},
    ),
    "ruckus": (
        "1.3.6.1.4.1.25053.3.1.5.1",
        {
            "1.3.6.1.4.1.25053.1.2.2.1.1.2.1.1.2.6.0.11.134.1.2.3": "hall",
            "1.3.6.1.4.1.25053.1.2.2.1.1.2.1.1.15.6.0.11.134.1.2.3": 7,
            "1.3.6.1.4.1.25053.1.2.2.1.1.2.1.1.15.6.0.11.134.1.2.4": 8,
        },
        {"hall": 7, "00:0b:86:01:02:04": 8},
    ),
    "huawei": (
        "1.3.6.1.4.1.2011.2.240.17",
        {
            "1.3.6.1.4.1.2011.6.139.16.1.2.1.3.0.11.134.1.2.3.0": "ap-1",
            "1.3.6.1.4.1.2011.6.139.16.1.2.1.40.0.11.134.1.2.3.0": 3,
        },
        {"ap-1 radio 0": 3},
    ),
    "fortinet": (
        "1.3.6.1.4.1.12356.101.1.1000",
        {
            "1.3.6.1.4.1.12356.101.14.4.3.1.3.1.3.65.66.67": "roof",
            "1.3.6.1.4.1.12356.101.14.4.4.1.17.1.3.65.66.67": 2,
            "1.3.6.1.4.1.12356.101.14.4.4.1.17.1.3.65.66.68": 1,
        },
        {"roof": 2, "ABD": 1},
    ),
    "airmax": (
        "1.3.6.1.4.1.10002.1",
        {"1.3.6.1.4.1.41112.1.4.5.1.2.1": "tower", "1.3.6.1.4.1.41112.1.4.5.1.15.1": 33},
        {"tower": 33},
    ),
}


@pytest.mark.parametrize("family", WIFI)
async def test_wireless_clients_are_listed_by_where_they_are(family: str, tmp_path: Path) -> None:
    object_id, rows, expected = WIFI[family]
    there = await found(device(object_id, rows), tmp_path)
    assert {name: values["wifi.clients"] for (kind, name), values in there.items() if kind == "wifi"} == expected


async def test_gauges_of_mikrotik_are_told_apart_by_their_unit(tmp_path: Path) -> None:
    gauge = "1.3.6.1.4.1.14988.1.1.3.100.1."
    rows: Rows = {f"{gauge}2.1": "cpu-temperature", f"{gauge}3.1": 41, f"{gauge}4.1": 1}
    rows |= {f"{gauge}2.2": "psu1-voltage", f"{gauge}3.2": 241, f"{gauge}4.2": 3}
    there = await found(device("1.3.6.1.4.1.14988.1", rows), tmp_path)
    assert there["sensor", "cpu-temperature"] == {"sensor.temperature": 41}
    assert there["sensor", "psu1-voltage"] == {"sensor.voltage": 24.1}


async def test_a_fahrenheit_probe_is_told_in_celsius(tmp_path: Path) -> None:
    probe = "1.3.6.1.4.1.318.1.1.10.2.3.2.1."
    rows: Rows = {f"{probe}2.1": "rack", f"{probe}4.1": 77, f"{probe}5.1": 2, f"{probe}6.1": -1}
    there = await found(device("1.3.6.1.4.1.318.1.3.27", rows), tmp_path)
    assert there["sensor", "rack"] == {"sensor.temperature": pytest.approx(25)}


async def test_a_sensor_that_the_device_cannot_read_is_left_out(tmp_path: Path) -> None:
    sensor = "1.3.6.1.2.1.99.1.1.1."
    rows: Rows = {f"{ENTITY}{n}": f"probe {n}" for n in (1, 2, 3)}
    for n, (status, value) in enumerate(((1, 235), (2, 0), (1, 1_000_000_000)), 1):
        rows |= {f"{sensor}1.{n}": 8, f"{sensor}2.{n}": 9, f"{sensor}3.{n}": 1, f"{sensor}4.{n}": value, f"{sensor}5.{n}": status}
    there = await found(device("1.3.6.1.4.1.30065.1", rows), tmp_path)
    assert there == {("sensor", "probe 1"): {"sensor.temperature": 23.5}, ("system", ""): {"system.uptime": 3600}}


async def test_a_state_in_words_becomes_a_number(tmp_path: Path) -> None:
    vm = "1.3.6.1.4.1.6876.2.1.1."
    rows: Rows = {
        f"{vm}2.1": "db",
        f"{vm}6.1": "powered on",
        f"{vm}2.2": "web",
        f"{vm}6.2": "Suspended",
        f"{vm}2.3": "x",
        f"{vm}6.3": "?",
    }
    there = await found(device("1.3.6.1.4.1.6876.4.1", rows), tmp_path)
    assert {name: values["vm.state"] for (kind, name), values in there.items() if kind == "vm"} == {"db": 1, "web": 3}


async def test_a_peer_of_either_family_is_called_by_its_address(tmp_path: Path) -> None:
    peer = "1.3.6.1.4.1.9.9.187.1.2.5.1.3."
    rows: Rows = {
        f"{peer}1.4.192.0.2.1": 6,
        f"{peer}2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1": 3,
        "1.3.6.1.2.1.15.3.1.2.192.0.2.1": 1,
    }
    there = await found(device("1.3.6.1.4.1.9.1.2", rows), tmp_path)
    states = {name: values["bgp.state"] for (kind, name), values in there.items() if kind == "bgp"}
    assert states == {"192.0.2.1": 6, "2001:db8::1": 3}  # the device's own table counts


async def test_a_device_without_uptime_is_listed_all_the_same(tmp_path: Path) -> None:
    fake = device("1.3.6.1.4.1.47196.4.1.1.1.117", {"1.3.6.1.2.1.2.2.1.2.1": "1/1/1", "1.3.6.1.2.1.2.2.1.8.1": 2})
    name = oid.parse(f"{SYSTEM}3.0")
    del fake._leaves[name]
    fake._order = [pair for pair in fake._order if pair[1] != name]
    assert await found(fake, tmp_path) == {("interface", "1/1/1"): {"if.oper_status": 2}}


async def test_a_profile_of_the_last_plan_is_used(tmp_path: Path) -> None:
    with state.locked(tmp_path):
        state.keep_plan(
            tmp_path, Plan("1", profiles={"own": Profile("own", scalars=(Column("tank.level", "1.3.6.1.4.1.99.1.0"),))})
        )
    there = await found(device("1.3.6.1.4.1.99", {"1.3.6.1.4.1.99.1.0": 7}), tmp_path)
    assert there["tank", ""] == {"tank.level": 7}


def discovered(fake: SnmpDevice, *arguments: str) -> int:
    """The exit code of the command, which has a loop of its own, against a device in another thread."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ports: list[int] = []

    def serve() -> None:
        ports.append(loop.run_until_complete(fake.start()))
        ready.set()
        loop.run_forever()
        fake.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(5)
    try:
        return app.main(["discover", "127.0.0.1", "--port", str(ports[0]), "--timeout", "0.3", *arguments])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


@pytest.fixture(autouse=True)
def no_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LINESIDE_AGENT_STATE", str(tmp_path))


def test_the_words_name_what_there_is_and_the_yaml_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    assert discovered(SnmpDevice("edge1", [Port(1, "ge-0/0/0"), Port(2, "ge-0/0/1", oper=2)])) == 0
    said = capsys.readouterr().out
    assert said.startswith("127.0.0.1 is edge1: Simulated router edge1\n")
    assert (
        "Interfaces (2, of which 1 are up):\n  ge-0/0/0 (alias to ge-0/0/0): speed 1 Gbit/s, admin status up, oper status up, 8 rates\n"
        in said
    )
    pasted = yaml.safe_load(said[said.index("elements:") :])["elements"]
    assert [element["id"] for element in pasted] == ["edge1", "edge1-ge-0-0-0"]
    assert pasted[0]["sensors"][1]["community"] == "env:SNMP_COMMUNITY"
    assert pasted[1]["port"] == "ge-0/0/0"


def test_json_has_an_object_for_each_instance(capsys: pytest.CaptureFixture[str]) -> None:
    assert discovered(SnmpDevice("edge1", [Port(1, "ge-0/0/0")]), "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(list(found) == ["kind", "name", "metrics", "values"] for found in listed)
    assert Counter(found["kind"] for found in listed)["interface"] == 1
    assert all(found["metrics"] == list(found["values"]) for found in listed)


def test_a_device_that_does_not_answer_is_told_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert discovered(SnmpDevice("edge1", []), "--community", "wrong") == 1
    assert "gives no answer to SNMP" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--profile", "sytem"], "there is no profile 'sytem': did you mean 'system'?"),
        (["--community", "env:NOT_THERE"], "the environment variable NOT_THERE is not set."),
        (["--port", "0"], "Expected `int` >= 1"),
    ],
)
def test_a_wrong_call_is_answered_in_a_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ.pop("NOT_THERE", None)
    assert app.main(["discover", "127.0.0.1", *arguments]) == 1
    assert sentence in capsys.readouterr().err


async def test_a_column_that_cannot_be_walked_costs_only_itself(tmp_path: Path) -> None:
    table = "1.3.6.1.2.1.2.2.1."
    rows: Rows = {f"{table}{c}.{n}": n for c in (7, 8, 14) for n in (1, 2)} | {f"{table}2.1": "a", f"{table}2.2": "b"}
    fake = device("1.3.6.1.4.1.99", rows)
    broken, after = oid.parse(f"{table}14.1"), fake._after
    fake._after = lambda name: after(oid.parse(f"{table}14")) if name == broken else after(name)  # type: ignore[method-assign]
    there = await found(fake, tmp_path)
    assert there["interface", "b"] == {"if.admin_status": 2, "if.oper_status": 2}


async def test_an_old_processor_counts_where_there_is_no_newer_figure(tmp_path: Path) -> None:
    there = await found(device("1.3.6.1.4.1.9.1.1", {"1.3.6.1.4.1.9.2.1.57.0": 50}), tmp_path)
    assert there["cpu", ""] == {"cpu.load": 50}
