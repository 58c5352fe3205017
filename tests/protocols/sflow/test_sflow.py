"""sFlow: samples, the packets in them, interface counters, hostile bytes."""

from __future__ import annotations

from collections import Counter

import pytest

from protocols.sflow.columns import Sampled, decode
from protocols.sflow.words import described
from tests.protocols.sflow import samples
from tests.protocols.sflow.samples import (
    GATEWAY,
    ROUTER,
    SAMPLED_V4,
    SWITCH,
    TAGGED,
    V6,
    counters,
    datagram,
    expanded,
    flow,
    raw_header,
)


def sampled(*datagrams: bytes) -> Sampled:
    return decode([("198.51.100.1", data) for data in datagrams], Counter())


@pytest.mark.parametrize("kind", [flow, expanded])
def test_a_sampled_packet_is_read_to_its_ports(kind: object) -> None:
    found = sampled(datagram(kind(raw_header(TAGGED), SWITCH, ROUTER, GATEWAY)))  # type: ignore[operator]
    (row,) = found.flows
    head = row["header"]
    assert found.exporters == ("192.0.2.9",)
    assert [int(row[name]) for name in ("rate", "pool", "drops", "frame", "input", "output_format", "output")] == [
        100,
        1000,
        2,
        1518,
        3,
        2,
        2,
    ]
    assert [int(head[name]) for name in ("vlan", "family", "protocol", "tos", "source_port", "destination_port", "flags")] == [
        5, 4, 6, 0xB8, 443, 50_000, 0x12
    ]  # fmt: skip
    assert (int(head["source4"]), int(head["ip_length"])) == (0xC0000201, 1500)
    assert [int(row[name]) for name in ("in_vlan", "out_vlan", "source_mask", "destination_mask", "next_hop4")] == [
        10,
        20,
        24,
        16,
        0xC00002FE,
    ]
    assert [int(row[name]) for name in ("router_as", "source_as", "source_peer_as", "destination_as", "destination_peer_as")] == [
        64500, 64501, 64502, 64512, 64510
    ]  # fmt: skip


def test_ipv6_and_packets_given_by_their_fields() -> None:
    six, four = sampled(datagram(flow(raw_header(V6, 12)), flow(SAMPLED_V4))).flows["header"]
    assert (six["family"], six["protocol"], six["source_port"], six["tos"]) == (6, 17, 53, 0xB8)
    assert six["source6"].tolist() == [0x20010DB8 << 32, 1]
    assert (four["family"], four["source_port"], four["flags"], four["ip_length"]) == (4, 443, 0x12, 1500)


def test_counters_of_interfaces_are_read() -> None:
    found = sampled(datagram(counters(7), flow(raw_header(TAGGED))))
    (row,) = found.interfaces
    assert [int(row[name]) for name in ("index", "speed", "in_octets", "out_octets", "out_errors")] == [
        7,
        10**9,
        10**12,
        10**13,
        4,
    ]
    assert len(found.flows) == 1


def test_a_broken_sample_does_not_lose_the_next() -> None:
    counted: Counter[str] = Counter()
    bad = samples.sample(1, bytes(8))
    found = decode([("a", datagram(bad, samples.sample(99, b"abcd"), flow(raw_header(TAGGED))))], counted)
    assert len(found.flows) == 1
    assert counted["broken_samples"] == 1


def test_ports_beyond_the_bytes_that_were_taken_are_zero() -> None:
    cut = raw_header(TAGGED[: 18 + 20 + 2])
    (row,) = sampled(datagram(flow(cut))).flows
    assert (int(row["header"]["protocol"]), int(row["header"]["source_port"]), int(row["header"]["destination_port"])) == (
        6,
        443,
        0,
    )


def test_a_datagram_in_words_has_every_record() -> None:
    first, second = described(samples.SEEDS[0], "198.51.100.1")
    assert (first["kind"], first["exporter"], first["fields"]["source"], first["fields"]["next_hop"]) == (
        "flow", "192.0.2.9", "192.0.2.1", "192.0.2.254"
    )  # fmt: skip
    assert set(first["raw"]) == {"0.1", "0.1001", "0.1002", "0.1003"}
    assert (second["kind"], second["fields"]["in_octets"]) == ("counters", 10**12)


@pytest.mark.parametrize("seed", range(len(samples.SEEDS)))
def test_every_truncation_and_wrong_byte_is_survived(seed: int) -> None:
    data = samples.SEEDS[seed]
    variants = [data[:size] for size in range(len(data))]
    variants += [data[:place] + bytes([value]) + data[place + 1 :] for place in range(len(data)) for value in (0, 1, 0x7F, 0xFF)]
    for variant in variants:
        sampled(variant)
        described(variant, "198.51.100.1")
