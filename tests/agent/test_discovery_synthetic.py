"""Devices of no maker: made-up tables with everything that real ones get wrong, and recorded walks that were tampered with.

What discover lists of them is held against the second reader of walks, which shares no code with it.
"""

from __future__ import annotations

import ipaddress
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.discover import as_json, ask, profiles
from protocols.snmp import ber, message, oid
from protocols.snmp.message import Value
from protocols.uplink.plan import Snmp, Target
from tests import independent_walk
from tests.fakes.snmp_device import SnmpDevice
from tests.peers import corpus

IF, IFX, HR = independent_walk.IF, independent_walk.IFX, independent_walk.HR
ENTITY, SENSOR = independent_walk.ENTITY, independent_walk.SENSOR
UPS, BGP, LLDP, UCD = "1.3.6.1.2.1.33.1", "1.3.6.1.2.1.15.3.1", "1.0.8802.1.1.2.1.4.1.1", "1.3.6.1.4.1.2021"
NAMES = (
    b"",
    b"eth0",
    b"eth0",
    b"eth0 #7",
    b"Gi1/0/1",
    b"\x00\x01",
    b"caf\xe9",
    b"a\r\nb",
    b"  ",
    b"\xff\xfe",
    b"x" * 300,
    "й".encode(),
)
Walk = dict[str, tuple[int, Value]]


def text(said: bytes) -> tuple[int, Value]:
    return ber.OCTET_STRING, said


def interfaces(dice: random.Random, walk: Walk) -> None:
    """ifTable of all sorts of indices and names, ifXTable of some of its rows, or of none."""
    indices = {dice.choice((row, 10_000 * row, 2**31 - 1 - row, 2**32 - 1 - row)) for row in range(1, dice.randint(2, 40))}
    extended, described, bare = dice.random() < 0.6, dice.random() < 0.9, dice.random() < 0.3
    for index in indices:
        walk[f"{IF}.1.{index}"] = ber.INTEGER, index
        if described and dice.random() < 0.9:
            walk[f"{IF}.2.{index}"] = text(dice.choice(NAMES))
        if bare and dice.random() < 0.5:
            continue
        walk[f"{IF}.5.{index}"] = message.GAUGE32, dice.choice((0, 10_000_000, 2**32 - 1))
        for column in (7, 8):
            walk[f"{IF}.{column}.{index}"] = ber.INTEGER, dice.randint(1, 7)
        for column in (10, 11, 13, 14, 16, 17, 19, 20):
            if dice.random() < 0.9:
                walk[f"{IF}.{column}.{index}"] = message.COUNTER32, dice.getrandbits(32)
        if extended and dice.random() < 0.8:
            walk[f"{IFX}.1.{index}"] = text(dice.choice(NAMES))
            for column in (6, 7, 10, 11):
                walk[f"{IFX}.{column}.{index}"] = message.COUNTER64, dice.getrandbits(64)
            walk[f"{IFX}.15.{index}"] = message.GAUGE32, dice.choice((0, 1000, 100_000))
            walk[f"{IFX}.18.{index}"] = text(dice.choice(NAMES))
            walk[f"{IFX}.19.{index}"] = message.TIME_TICKS, dice.getrandbits(16)


def host(dice: random.Random, walk: Walk) -> None:
    """Processors and storage, with sizes that ran negative."""
    for row in range(dice.randrange(9)):
        walk[f"{HR}.3.3.1.2.{196_608 + row}"] = ber.INTEGER, dice.randint(0, 100)
    for row in dice.sample(range(1, 100_000), dice.randrange(12)):
        kind = oid.parse(f"{HR}.2.1.{dice.randint(1, 10)}")
        walk[f"{HR}.2.3.1.2.{row}"] = ber.OBJECT_IDENTIFIER, kind
        walk[f"{HR}.2.3.1.3.{row}"] = text(dice.choice(NAMES))
        walk[f"{HR}.2.3.1.4.{row}"] = ber.INTEGER, dice.choice((1, 1024, 4096))
        walk[f"{HR}.2.3.1.5.{row}"] = ber.INTEGER, dice.choice((0, 1000, 2**31 - 1, -1, -(2**31)))
        walk[f"{HR}.2.3.1.6.{row}"] = ber.INTEGER, dice.choice((0, 1, 999, -5))


def sensors(dice: random.Random, walk: Walk) -> None:
    """ENTITY-SENSOR-MIB, some of whose rows have no name, and some no value."""
    for row in dice.sample(range(1, 2**31), dice.randrange(20)):
        if dice.random() < 0.8:
            walk[f"{ENTITY}.7.{row}"] = text(dice.choice(NAMES))
        walk[f"{SENSOR}.1.{row}"] = ber.INTEGER, dice.randint(1, 14)
        walk[f"{SENSOR}.2.{row}"] = ber.INTEGER, dice.randint(7, 11)
        walk[f"{SENSOR}.3.{row}"] = ber.INTEGER, dice.randint(0, 3)
        walk[f"{SENSOR}.4.{row}"] = ber.INTEGER, dice.randint(-(10**6), 10**6)
        walk[f"{SENSOR}.5.{row}"] = ber.INTEGER, dice.choice((1, 1, 1, 2, 3))


def others(dice: random.Random, walk: Walk) -> None:
    """UPS-MIB, BGP4-MIB, LLDP-MIB and UCD-SNMP-MIB."""
    if dice.random() < 0.5:
        walk |= {f"{UPS}.2.1.0": (ber.INTEGER, 2), f"{UPS}.2.4.0": (ber.INTEGER, 97), f"{UPS}.4.1.0": (ber.INTEGER, 3)}
        walk |= {f"{UPS}.4.4.1.5.{line}": (ber.INTEGER, dice.randint(0, 100)) for line in range(1, dice.randint(1, 4) + 1)}
    for _ in range(dice.randrange(6)):
        peer = ipaddress.IPv4Address(dice.getrandbits(32))
        walk[f"{BGP}.2.{peer}"] = ber.INTEGER, dice.randint(1, 6)
        walk[f"{BGP}.9.{peer}"] = ber.INTEGER, dice.randint(1, 2**31 - 1)
    for row in range(dice.randrange(6)):
        index = f"{dice.getrandbits(32)}.{dice.randint(1, 48)}.{row + 1}"
        walk[f"{LLDP}.4.{index}"] = ber.INTEGER, 4
        walk[f"{LLDP}.9.{index}"] = text(dice.choice(NAMES))
    if dice.random() < 0.5:
        for row, name in enumerate((b"Load-1", b"Load-5", b"Load-15"), 1):
            walk[f"{UCD}.10.1.2.{row}"], walk[f"{UCD}.10.1.5.{row}"] = text(name), (ber.INTEGER, dice.randint(0, 900))


def served(walk: Walk) -> SnmpDevice:
    """A device that says it."""
    device = SnmpDevice("x", [])
    walk.setdefault("1.3.6.1.2.1.1.3.0", (message.TIME_TICKS, 12_345))
    device._leaves = {oid.parse(name): lambda leaf=leaf: leaf for name, leaf in walk.items()}  # type: ignore[misc]
    device._order = sorted((oid.arcs(name), name) for name in device._leaves)
    return device


async def listed(walk: Walk, folder: Path) -> list[dict]:
    """What discover prints of it, as objects."""
    device = served(walk)
    port = await device.start()
    sensor = Snmp(1, "public", ("auto",), port, timeout=2.0)
    try:
        found = await ask(Target("x", "x", "127.0.0.1", (sensor,)), sensor, profiles(folder))
    finally:
        device.close()
    assert found is not None
    assert found.lost == 0
    return [json.loads(as_json(instance)) for instance in found.instances]


def as_read(walk: Walk) -> dict[str, object]:
    """The walk as the second reader would have read it from a file."""
    said: dict[str, object] = {}
    for name, (tag, value) in walk.items():
        if isinstance(value, bytes):
            said[name] = oid.dotted(value) if tag == ber.OBJECT_IDENTIFIER else independent_walk.clean(value)
        else:
            said[name] = value
    return said


@pytest.mark.parametrize("seed", range(12))
async def test_every_row_of_a_made_up_device_is_listed(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    walk: Walk = {"1.3.6.1.2.1.1.2.0": (ber.OBJECT_IDENTIFIER, oid.parse(f"1.3.6.1.4.1.{90_000 + seed}.1"))}
    for table in (interfaces, host, sensors, others):
        table(dice, walk)
    found = await listed(walk, tmp_path)
    assert independent_walk.contradictions(as_read(walk), found) == []
    assert sum(each["kind"] == "interface" for each in found) == sum(name.startswith(f"{IF}.1.") for name in walk)
    assert sum("lldp.neighbour" in each["values"] for each in found) == sum(name.startswith(f"{LLDP}.4.") for name in walk)
    assert sum("bgp.state" in each["values"] for each in found) == sum(name.startswith(f"{BGP}.2.") for name in walk)
    assert sum("system.load" in each["values"] for each in found) == sum(name.startswith(f"{UCD}.10.1.5.") for name in walk)


def recorded(name: str) -> Walk:
    """One of the recorded walks, whole."""
    walk: Walk = {}
    for line in (corpus() / "captures" / "snmp" / f"{name}.snmprec").read_bytes().split(b"\n"):
        dotted, _, rest = line.partition(b"|")
        kind, _, raw = rest.partition(b"|")
        tag = kind.decode().rstrip("x")
        if not dotted or not tag.isdigit():
            continue
        if kind.endswith(b"x"):
            raw = bytes.fromhex(raw.decode())
        number = int(tag)
        if number in {2, 65, 66, 67, 70}:
            walk[dotted.decode()] = number, int(raw)
        elif number == ber.OBJECT_IDENTIFIER:
            walk[dotted.decode()] = number, oid.parse(raw.decode())
        elif number != message.IP_ADDRESS:
            walk[dotted.decode()] = number, raw
    return walk


def without(*prefixes: str) -> Callable[[random.Random, Walk], Walk]:
    return lambda _, walk: {name: said for name, said in walk.items() if not name.startswith(prefixes)}


def one_name(_: random.Random, walk: Walk) -> Walk:
    """All ports are called the same."""
    return {name: (4, b"port") if name.startswith((f"{IF}.2.", f"{IFX}.1.")) else said for name, said in walk.items()}


def shuffled(dice: random.Random, walk: Walk) -> Walk:
    """The names of the ports change places."""
    names = [name for name in walk if name.startswith(f"{IFX}.1.")] or [name for name in walk if name.startswith(f"{IF}.2.")]
    values = [walk[name] for name in names]
    dice.shuffle(values)
    return walk | dict(zip(names, values, strict=True))


def thinned(dice: random.Random, walk: Walk) -> Walk:
    """A tenth of the ports' cells is missing."""
    gone = {name for name in walk if name.startswith((f"{IF}.", f"{IFX}.")) and dice.random() < 0.1}
    return {name: said for name, said in walk.items() if name not in gone}


HARM = {
    "no ifXTable": without(f"{IFX}."),
    "no ifDescr": without(f"{IF}.2."),
    "no names": without(f"{IF}.2.", f"{IFX}.1."),
    "no ifIndex": without(f"{IF}.1."),
    "no maker": without("1.3.6.1.2.1.1.2."),
    "one name": one_name,
    "names shuffled": shuffled,
    "cells missing": thinned,
}
WALKS = (
    "apc_smx750i",
    "linux_powermon",
    "draytek_vdsl",
    "motorola-cm",
    "eaton-mgeups_9pxle",
    "unifi_nanohd",
    "edgeosolt",
    "routeros",
)


@pytest.mark.parametrize(("harm", "name"), [(harm, WALKS[k % len(WALKS)]) for k, harm in enumerate(HARM)])
async def test_a_walk_that_was_tampered_with_still_gives_all_its_ports(harm: str, name: str, tmp_path: Path) -> None:
    whole = HARM[harm](random.Random(name), recorded(name))
    walk = {each: said for each, said in whole.items() if each.startswith(("1.3.6.1.2.1.", "1.0.8802."))}
    walk["1.3.6.1.2.1.1.2.0"] = ber.OBJECT_IDENTIFIER, oid.parse("1.3.6.1.4.1.99999")
    if harm == "no maker":
        del walk["1.3.6.1.2.1.1.2.0"]
    found = await listed(walk, tmp_path)
    assert independent_walk.contradictions(as_read(walk), found) == []
