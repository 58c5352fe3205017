"""What is heard: names, whose datagram it is, limits, our engine over restarts, and the hint to poll."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from agent import engine, names, senders
from agent.hearing import Buckets, Ear, bind
from agent.hints import Hints
from protocols.errors import ConfigError
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from protocols.snmp.trap import Trap
from protocols.uplink import listeners
from protocols.uplink.plan import Target
from server import alarm_rules
from tests.protocols.snmp.notifications import BINDS, LINK_DOWN

CALLED = names.load()


def told(*binds: VarBind, named: bytes = LINK_DOWN) -> names.Named:
    return CALLED.trap(Trap(message.TRAP, 1, named, 0, binds))


def bound(name: str, tag: int, value: int | bytes | None) -> VarBind:
    return VarBind(oid.parse(name), tag, value)


def test_a_trap_is_told_in_the_words_of_its_mib() -> None:
    found = told(
        *BINDS, bound("1.3.6.1.2.1.2.2.1.8.3", ber.INTEGER, 2), bound("1.3.6.1.6.3.1.1.4.3.0", 6, oid.parse("1.3.6.1.4.1.9"))
    )
    assert (found.name, found.severity, found.oid) == ("linkDown", 3, "1.3.6.1.6.3.1.1.5.3")
    assert msgspec.json.decode(found.detail) == {
        "ifIndex.3": 3,
        "ifName.3": "ge-0/0/3",
        "ifOperStatus.3": "down",
        "snmpTrapEnterprise.0": "1.3.6.1.4.1.9",
    }


def test_what_nobody_knows_keeps_its_numbers() -> None:
    found = told(bound("1.3.6.1.4.1.99999.1.2", 0x44, b"\x00\xff"), named=oid.parse("1.3.6.1.4.1.99999.0.7"))
    assert (found.name, found.severity) == ("1.3.6.1.4.1.99999.0.7", 5)
    assert msgspec.json.decode(found.detail) == {"1.3.6.1.4.1.99999.1.2": "00:ff"}


def test_hostile_texts_are_cleaned_and_cut() -> None:
    values = [
        bound(f"1.3.6.1.4.1.99999.{n}", ber.OCTET_STRING, b"x\x1b[31m" + "\u202e".encode() + b"y" * 900) for n in range(200)
    ]
    detail = told(*values).detail
    assert len(detail) <= 2_000
    assert "\u202e" not in detail
    assert "\x1b" not in detail
    assert msgspec.json.decode(detail)["more"] == 200 - len(msgspec.json.decode(detail)) + 1


def test_own_names_go_before_the_shipped_ones(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text('{"notifications": {"1.3.6.1.4.1.99999.0.7": ["tooHot", 1]}}')
    found = names.load(file).trap(Trap(message.TRAP, 1, oid.parse("1.3.6.1.4.1.99999.0.7"), 0, ()))
    assert (found.name, found.severity) == ("tooHot", 1)
    file.write_text("{")
    with pytest.raises(ConfigError, match=re.escape(str(file))):
        names.load(file)


def test_the_rules_of_alarms_use_names_that_are_shipped() -> None:
    shipped = msgspec.json.decode(Path(names.__file__).with_name("names.json").read_bytes())
    events = {name for name, _ in shipped["notifications"].values()}
    objects = dict(shipped["objects"].values())
    for rule in alarm_rules.shipped():
        assert {*rule.raises, *rule.clears} <= events, rule.condition
        assert {each.removeprefix("@") for each in rule.instance} <= objects.keys(), rule.condition
        for name, values in rule.when.items():
            assert set(values) <= set(objects[name].values()), rule.condition


async def test_a_sender_belongs_to_the_smallest_network_that_holds_it() -> None:
    near = listeners.Trap(1, senders=("192.0.2.0/24", "2001:db8::/32"))
    wide = listeners.Trap(2, senders=("192.0.0.0/8",))
    made = await senders.of(
        [Target("a", "a", "198.51.100.1", (near,)), Target("b", "b", "198.51.100.2", (wide,))], listeners.Trap, Counter()
    )
    who = {
        host: [owner.sensor.number for owner in made.find(host)]
        for host in ("192.0.2.9", "192.9.9.9", "198.51.100.2", "2001:db8::1", "10.0.0.1")
    }
    assert who == {"192.0.2.9": [1], "192.9.9.9": [2], "198.51.100.2": [2], "2001:db8::1": [1], "10.0.0.1": []}
    assert senders.plain("::ffff:192.0.2.1") == "192.0.2.1"


def test_one_sender_uses_up_only_its_own_share() -> None:
    buckets = Buckets(100.0, 1_000.0, 50_000.0)
    assert sum(buckets.admit("storm", 0.0) for _ in range(5_000)) == 1_000
    assert all(buckets.admit("honest", 0.0) for _ in range(900))
    assert sum(buckets.admit("storm", 1.0) for _ in range(500)) == 100
    assert buckets.told() == {"storm": 4_400}
    assert buckets.told() == {}


def test_our_engine_keeps_its_id_and_counts_its_starts(tmp_path: Path) -> None:
    first, second = engine.started(tmp_path), engine.started(tmp_path)
    assert (second.id, second.boots) == (first.id, first.boots + 1)
    (tmp_path / "engine.json").write_text("damaged")
    third = engine.started(tmp_path)
    assert (third.boots, third.id != first.id) == (1, True)


def test_a_hint_is_given_once_in_a_while() -> None:
    heard: list[str] = []
    hints = Hints()
    hints.give("192.0.2.1")  # nobody polls
    hints.on_hint = heard.append
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        hints.give(address)
    assert heard == ["192.0.2.1", "192.0.2.2"]


async def test_a_port_that_is_taken_is_one_plain_sentence() -> None:
    taken = bind(0, "SNMP traps")
    try:
        with pytest.raises(ConfigError, match="another program has port"):
            bind(taken[0].getsockname()[1], "SNMP traps")
        heard: list[tuple[bytes, str]] = []
        ear = Ear("trap", taken, lambda data, came, _: heard.append((data, came.host)), Counter())
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", ear.port)
        )
        for _ in range(3):
            transport.sendto(b"x")
        await asyncio.sleep(0.1)
        assert heard == [(b"x", "127.0.0.1")] * 3
        transport.close()
    finally:
        ear.close()
