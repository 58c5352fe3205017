"""What exporters say of themselves in options."""

from __future__ import annotations

import struct

import pytest

from protocols.netflow.facts import Fact, facts
from tests.protocols.netflow import recorded
from tests.protocols.netflow.messages import flowset, ipfix, options9, options10, v9
from tests.protocols.netflow.test_decoder import Decoder, fed


def told(payload: bytes) -> list[Fact]:
    decoded = fed(Decoder(), payload)
    return [fact for records in decoded.options for fact in facts(records, decoded)]


@pytest.mark.parametrize(
    ("fields", "body", "rate"),
    [
        (((34, 4), (35, 1)), struct.pack("!IB", 100, 2), 100),
        (((50, 4),), struct.pack("!I", 64), 64),
        (((305, 4), (306, 4)), struct.pack("!II", 1, 999), 1000),
        (((305, 4),), struct.pack("!I", 512), 512),
        (((309, 4), (310, 4)), struct.pack("!II", 2, 100), 50),
        (((311, 8),), struct.pack("!d", 0.01), 100),
    ],
)
def test_a_sampler_has_a_rate(fields: tuple[tuple[int, int], ...], body: bytes, rate: float) -> None:
    payload = ipfix(flowset(3, options10(256, ((302, 4),), fields)), flowset(256, struct.pack("!I", 7) + body))
    (fact,) = told(payload)
    assert (fact.kind, fact.number, fact.rate) == ("sampler", 7, rate)


@pytest.mark.parametrize("fields", [((34, 4), (35, 1)), ((305, 4), (36, 1))])
def test_a_sampler_without_a_rate_is_none(fields: tuple[tuple[int, int], ...]) -> None:
    assert told(v9(flowset(1, options9(256, ((1, 4),), fields)), flowset(256, bytes(9)))) == []


def test_interfaces_applications_vrfs_and_starts_are_told() -> None:
    payload = ipfix(
        flowset(3, options10(256, ((10, 4),), ((82, 8), (83, 65535))), options10(257, ((95, 4),), ((96, 16), (94, 8)))),
        flowset(256, struct.pack("!I8s", 3, b"Gi0/3") + b"\x06uplink"),
        flowset(257, struct.pack("!I16s8s", 0x0300_01BB, b"https", b"secure\x1b[")),
        flowset(3, options10(258, ((234, 4),), ((236, 8),)), options10(259, ((149, 4),), ((160, 8),))),
        flowset(258, struct.pack("!I8s", 9, b"customer")),
        flowset(259, struct.pack("!IQ", 0, 1_600_000_000_000)),
        domain=5,
    )
    found = {(fact.kind, fact.number, fact.name, fact.description) for fact in told(payload)}
    assert found == {
        ("interface", 3, "Gi0/3", "uplink"),
        ("application", 0x0300_01BB, "https", "secure["),
        ("vrf", 9, "customer", ""),
        ("boot", 1_600_000_000_000_000, "", ""),
    }
    assert {fact[:3] for fact in told(payload)} == {("192.0.2.1", 5, 10)}


@pytest.mark.parametrize("name", recorded.names("datagrams") or ["-"])
def test_recorded_exporters_tell_plausible_things(name: str) -> None:
    decoded = Decoder().decode(recorded.datagrams(name) if name != "-" else [], recorded.NOW)
    for records in decoded.options:
        for fact in facts(records, decoded):
            assert fact.kind != "sampler" or 1 <= fact.rate <= 1e6
            assert fact.kind != "interface" or fact.name or fact.description or fact.number == 0
