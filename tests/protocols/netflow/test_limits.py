"""No sender fills the memory or drives out those whose records we read; no bytes make the decoder raise."""

from __future__ import annotations

import resource
import struct

import pytest

from protocols.errors import DecodeError
from protocols.netflow import exporters
from protocols.netflow.decoder import Decoder
from tests.peers import corpus
from tests.protocols.netflow import messages, recorded
from tests.protocols.netflow.messages import V4, flowset, template, v9
from tests.protocols.netflow.test_decoder import DEFINE, NOW, ONE, fed, flows

SECOND = 1_000_000


def test_a_hundred_thousand_templates_of_a_thousand_senders_leave_the_honest_one_alone() -> None:
    decoder = Decoder()
    fed(decoder, v9(DEFINE, flowset(256, ONE)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    now, read = NOW, 0
    for turn in range(10):
        spoofed = [
            (
                f"10.{sender >> 8}.{sender & 255}.{turn}",
                v9(flowset(0, *(template(256 + number, [(turn * 10 + number, 4)] * 20) for number in range(10))), source=sender),
            )
            for sender in range(1_000)
        ]
        now += SECOND
        decoder.decode(spoofed, now)
        read += flows(fed(decoder, v9(flowset(256, ONE)), now=now))
    assert read == 10
    assert len({key[0] for key in decoder.exporters.domains}) <= exporters.EXPORTERS
    assert decoder.exporters.templates <= exporters.TEMPLATES_IN_ALL
    assert decoder.exporters.templates == sum(len(domain.templates) for domain in decoder.exporters.domains.values())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_domains_and_templates_of_an_exporter_are_bounded() -> None:
    decoder = Decoder()
    fed(decoder, *(v9(DEFINE, source=number) for number in range(1_000)))
    assert len(decoder.exporters.domains) == exporters.DOMAINS
    fed(decoder, *(v9(flowset(0, template(number, V4)), source=999) for number in range(256, 1_500)))
    assert max(len(domain.templates) for domain in decoder.exporters.domains.values()) == exporters.TEMPLATES


def test_what_nobody_uses_for_half_an_hour_is_forgotten() -> None:
    decoder = Decoder()
    fed(decoder, v9(DEFINE, flowset(0, template(257, V4))), exporter="192.0.2.9")
    fed(decoder, v9(DEFINE, flowset(0, template(257, V4))))
    for minutes in range(1, 40):
        fed(decoder, v9(flowset(256, ONE)), now=NOW + minutes * 60 * SECOND)
    ((key, domain),) = decoder.exporters.domains.items()
    assert (key[0], list(domain.templates)) == ("192.0.2.1", [256])
    assert decoder.exporters.templates == 1


def test_layouts_are_bounded_too() -> None:
    decoder = Decoder()
    for number in range(2_000):
        fields = [(1 + number % 400, 4), (1 + number // 400, 2)]
        assert flows(fed(decoder, v9(flowset(0, template(256, fields)), flowset(256, bytes(6))))) == 1
    assert len(decoder._queues) <= 512


@pytest.mark.parametrize("seed", range(len(messages.SEEDS)))
def test_every_truncation_and_every_single_wrong_byte_is_survived(seed: int) -> None:
    data = messages.SEEDS[seed]
    for size in range(len(data)):
        _all(data[:size])
    for place in range(len(data)):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            _all(data[:place] + bytes([value]) + data[place + 1 :])


def _all(data: bytes) -> None:
    reader = recorded.Flows()
    for _ in range(2):
        recorded.plain(reader, reader.decoder.decode([("192.0.2.1", data)], NOW))


@pytest.mark.parametrize("name", recorded.names("datagrams") or ["-"])
def test_every_truncation_of_every_capture_is_survived(name: str) -> None:
    corpus()
    decoder = Decoder()
    captured = recorded.datagrams(name)
    for exporter, data in captured[:: max(1, len(captured) // 25)]:
        decoder.decode([(exporter, data[:size]) for size in range(len(data))], NOW)
    assert flows(decoder.decode(captured, NOW)) >= 0


@pytest.mark.parametrize("damage", [b"", b"LSFT1", b"x" * 100])
def test_a_damaged_snapshot_is_refused(damage: bytes) -> None:
    with pytest.raises(DecodeError):
        Decoder().restore(damage, NOW)
    whole = Decoder().snapshot()
    with pytest.raises(DecodeError):
        Decoder().restore(whole[:-1] + struct.pack("B", whole[-1] ^ 1), NOW)
