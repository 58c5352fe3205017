"""Capture files: formats, byte orders, links, VLANs, fragments, and what is cut off."""

from __future__ import annotations

import struct
from collections import Counter
from ipaddress import ip_address

import pytest

from protocols import pcap
from protocols.errors import DecodeError

UDP = struct.pack("!HHHH", 1234, 2055, 8 + 5, 0) + b"hello"
V4 = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(UDP), 7, 0, 64, 17, 0, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))) + UDP
A6, B6 = ip_address("2001:db8::1").packed, ip_address("2001:db8::2").packed
V6 = struct.pack("!IHBB", 6 << 28, len(UDP), 17, 64) + A6 + B6 + UDP
MACS = bytes(12)


def classic(*frames: bytes, link: int = 1, order: str = "<", magic: int = 0xA1B2C3D4, fraction: int = 5) -> bytes:
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, link)
    return head + b"".join(struct.pack(order + "IIII", 1_700_000_000, fraction, len(f), len(f)) + f for f in frames)


def block(kind: int, body: bytes, order: str) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


def blocks(
    *frames: bytes, link: int = 1, order: str = "<", resolution: bytes = b"\x06", at: int = 1_700_000_000_000_005
) -> bytes:
    found = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    option = struct.pack(order + "HH", 9, 1) + resolution + bytes(3) + bytes(4)
    found += block(1, struct.pack(order + "HHI", link, 0, 0) + option, order)
    for frame in frames:
        found += block(6, struct.pack(order + "IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(frame), len(frame)) + frame, order)
    return found


def read(data: bytes) -> list[pcap.Datagram]:
    return list(pcap.datagrams(data, Counter()))


EXPECTED = pcap.Datagram(1_700_000_000_000_005, "192.0.2.1", 1234, "192.0.2.2", 2055, b"hello")


@pytest.mark.parametrize(
    "data",
    [
        classic(MACS + b"\x08\0" + V4),
        classic(MACS + b"\x08\0" + V4, order=">"),
        classic(MACS + b"\x08\0" + V4, magic=0xA1B23C4D, fraction=5_000),
        classic(MACS + b"\x81\0\0\5\x08\0" + V4 + bytes(20)),  # with the padding of a short frame
        classic(MACS + b"\x88\xa8\0\5\x81\0\0\6\x08\0" + V4),
        classic(bytes(14) + b"\x08\0" + V4, link=113),
        classic(b"\x08\0" + bytes(18) + V4, link=276),
        classic(b"\2\0\0\0" + V4, link=0),
        classic(V4, link=101),
        blocks(MACS + b"\x08\0" + V4),
        blocks(MACS + b"\x08\0" + V4, order=">"),
        blocks(V4, link=101, resolution=b"\x09", at=1_700_000_000_000_005_000),
    ],
)
def test_a_datagram_is_found_in_every_kind_of_file_and_frame(data: bytes) -> None:
    assert read(data) == [EXPECTED]


def test_ipv6_with_and_without_extensions() -> None:
    extended = struct.pack("!IHBB", 6 << 28, len(UDP) + 8, 0, 64) + A6 + B6 + b"\x11\0" + bytes(6) + UDP
    for packet in (V6, extended):
        (found,) = read(classic(MACS + b"\x86\xdd" + packet))
        assert (found.source, found.destination, found.payload) == ("2001:db8::1", "2001:db8::2", b"hello")


def test_fragments_are_joined_in_any_order_and_missing_ones_counted() -> None:
    whole = struct.pack("!HHHH", 1, 2, 8 + 2_000, 0) + bytes(range(250)) * 8
    pieces = []
    for at in range(0, len(whole), 800):
        body, more = whole[at : at + 800], at + 800 < len(whole)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 9, more << 13 | at >> 3, 64, 17, 0)
        pieces.append(MACS + b"\x08\0" + head + bytes((192, 0, 2, 1, 192, 0, 2, 2)) + body)
    (found,) = read(classic(*reversed(pieces)))
    assert found.payload == whole[8:]
    six = []
    for at in range(0, len(whole), 800):
        body, more = whole[at : at + 800], at + 800 < len(whole)
        head = struct.pack("!IHBB", 6 << 28, 8 + len(body), 44, 64) + A6 + B6 + struct.pack("!BBHI", 17, 0, at | more, 77)
        six.append(head + body)
    (found,) = read(classic(*six, link=229))
    assert found.payload == whole[8:]
    counters: Counter[str] = Counter()
    assert list(pcap.datagrams(classic(*pieces[1:]), counters)) == []
    assert counters["unfinished"] == 1


def test_what_is_no_capture_is_refused_and_what_is_cut_off_ends() -> None:
    for data in (b"", b"hello", bytes(100)):
        with pytest.raises(DecodeError):
            read(data)
    for whole in (classic(MACS + b"\x08\0" + V4, MACS + b"\x86\xdd" + V6), blocks(MACS + b"\x08\0" + V4)):
        for size in range(4, len(whole)):
            assert len(read(whole[:size])) <= 2
