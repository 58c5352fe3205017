"""Packets of RADIUS accounting, and what they say: right, wrong, cut short."""

from __future__ import annotations

import pytest
from pyrad.packet import AcctPacket

from protocols.errors import DecodeError
from protocols.radius import packet
from protocols.radius.accounting import accounting, called_station, event_time, mac
from tests.protocols.radius.packets import FULL, SECRET, number, request, status_server, value


def test_all_that_a_record_says_is_read() -> None:
    said = accounting(packet.request(FULL, SECRET).attributes)
    assert said._asdict() == {
        "status": 2,
        "nas": "ap1",
        "session": "s1",
        "part": b"class-1".hex(),
        "multi": "m1",
        "user": "alice",
        "station": "aabbcc001122",
        "called": "020000000001",
        "ssid": "Guest",
        "octets_in": (2 << 32) + 0xFFFF_FFFF,
        "octets_out": 5,
        "packets_in": 10,
        "packets_out": 20,
        "seconds": 600,
        "timestamp": 1_790_000_000,
        "delay": 3,
        "cause": 1,
        "interim": 300,
        "address": "10.0.0.1",
    }


def test_an_attribute_of_a_wrong_length_is_lost_and_not_the_record() -> None:
    said = accounting(
        packet.request(request(value(42, b"abc"), value(46, b""), number(43, 9), value(4, b"1")), SECRET).attributes
    )
    assert (said.octets_in, said.seconds, said.octets_out, said.nas) == (0, 0, 9, "ap1")


def test_every_truncation_and_every_changed_byte_is_refused() -> None:
    for size in range(len(FULL)):
        with pytest.raises(DecodeError):
            packet.request(FULL[:size], SECRET)
    for at in (*range(2, 40), len(FULL) - 3):
        damaged = FULL[:at] + bytes((FULL[at] ^ 1,)) + FULL[at + 1 :]
        with pytest.raises(DecodeError):
            packet.request(damaged, SECRET)


def test_a_wrong_message_authenticator_is_refused_though_the_authenticator_is_right() -> None:
    with pytest.raises(DecodeError) as caught:
        packet.request(request(value(80, bytes(16))), SECRET)
    assert caught.value.kind == "message_authenticator"


@pytest.mark.parametrize(
    "asked", [request(), FULL, request(value(33, b"a"), number(5, 1), value(33, b"b"), signed=True), status_server()]
)
def test_pyrad_reads_and_answers_the_same(asked: bytes) -> None:
    ours = packet.request(asked, SECRET)
    theirs = AcctPacket(packet=asked, secret=SECRET)
    assert theirs.VerifyAcctRequest()
    assert ours.attributes == dict(theirs.items())
    assert ours.answer == theirs.CreateReply().ReplyPacket()


def test_an_attribute_that_runs_over_the_end_is_refused_where_pyrad_takes_it_cut_short() -> None:
    cut = bytearray(request(value(1, b"alice")))
    cut[-6] = 200
    assert AcctPacket(packet=bytes(cut), secret=SECRET)[1] == [b"alice"]
    with pytest.raises(DecodeError):
        packet.attributes(bytes(cut))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("02-00-00-00-00-01:Guest", ("020000000001", "Guest")),
        ("02:00:00:00:00:01:Gu:est", ("020000000001", "Gu:est")),
        ("0200.0000.0001:Guest", ("020000000001", "Guest")),
        ("020000000001", ("020000000001", "")),
        ("02-00-00-00-00-01", ("020000000001", "")),
        ("hotspot1", ("hotspot1", "")),
        ("", ("", "")),
    ],
)
def test_the_called_station_is_split_behind_the_mac_address(said: str, expected: tuple[str, str]) -> None:
    assert called_station(said) == expected


def test_mac_addresses_of_all_notations_are_one() -> None:
    assert {mac(each) for each in ("AA-BB-CC-00-11-22", "aa:bb:cc:00:11:22", "aabb.cc00.1122", "AABBCC001122")} == {
        "aabbcc001122"
    }
    assert mac("+44 20 7946 0000") == "+44 20 7946 0000"


def test_the_delay_is_never_subtracted_from_the_nass_own_time() -> None:
    assert event_time(1_000_000_000, 970, 30) == 970_000_000
    assert event_time(1_000_000_000, 0, 30) == 970_000_000
    assert event_time(1_000_000_000, 5, 4_000_000_000) == 5_000_000
