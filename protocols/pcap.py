"""Capture files, pcap and pcapng, as the UDP datagrams in them: Ethernet with VLAN, Linux cooked, raw IP and loopback frames.

Fragments of IPv4 and IPv6 are joined. What cannot be read is left out and counted; a file that breaks off ends there.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from protocols.errors import DecodeError

_LONGEST = 262_144  # bytes of a frame; longer ones are damage
_SECTIONS = (b"\x0a\x0d\x0d\x0a",)
_MAGICS = {
    b"\xa1\xb2\xc3\xd4": (">", 1), b"\xd4\xc3\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1_000), b"\x4d\x3c\xb2\xa1": ("<", 1_000),
}  # fmt: skip
_PENDING = 256  # packets whose fragments are not all here
_UDP, _VLAN = 17, frozenset({0x8100, 0x88A8, 0x9100})
_EXTENSIONS = frozenset({0, 43, 60})


class Datagram(NamedTuple):
    """One UDP datagram: `at` in µs since 1970, addresses as text."""

    at: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    payload: bytes


class Frame(NamedTuple):
    """What was captured: `at` in µs, the link type of its interface, the bytes."""

    at: int
    link: int
    data: bytes


def datagrams(data: bytes, counters: Counter[str]) -> Iterator[Datagram]:
    """All UDP datagrams of a file. Raises DecodeError: magic (before anything is given out).

    counters   frames, datagrams, not_udp, not_ip, unreadable, fragments, unfinished (packets with fragments missing), cut (file)
    """
    pieces: dict[tuple[bytes, bytes, int, int], dict[int, bytes]] = {}
    for frame in frames(data, counters):
        counters["frames"] += 1
        try:
            packet = _network(frame)
            if packet is None:
                counters["not_ip"] += 1
                continue
            found = _transport(packet, pieces, counters)
        except (struct.error, IndexError, ValueError):
            counters["unreadable"] += 1
            continue
        if found is None:
            continue
        source, destination, segment = found
        try:
            sport, dport, length, _ = struct.unpack_from("!HHHH", segment)
        except struct.error:
            counters["unreadable"] += 1
            continue
        counters["datagrams"] += 1
        end = length if 8 <= length <= len(segment) else len(segment)  # zero: segmentation offload
        yield Datagram(frame.at, _text(source), sport, _text(destination), dport, segment[8:end])
    counters["unfinished"] += len(pieces)


def frames(data: bytes, counters: Counter[str]) -> Iterator[Frame]:
    """All frames of a file. Raises DecodeError: magic."""
    magic = data[:4]
    if magic in _MAGICS:
        return _classic(data, *_MAGICS[magic], counters)
    if magic in _SECTIONS:
        return _blocks(data, counters)
    raise DecodeError("magic", "this is neither a pcap nor a pcapng file")


def _classic(data: bytes, order: str, unit: int, counters: Counter[str]) -> Iterator[Frame]:
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF if len(data) >= 24 else 0
    header, at = struct.Struct(order + "IIII"), 24
    while at + 16 <= len(data):
        seconds, fraction, size, _ = header.unpack_from(data, at)
        at += 16
        if size > _LONGEST or at + size > len(data):
            counters["cut"] += 1
            return
        yield Frame(seconds * 1_000_000 + fraction // unit, link, bytes(data[at : at + size]))
        at += size
    counters["cut"] += at < len(data)


def _blocks(data: bytes, counters: Counter[str]) -> Iterator[Frame]:
    order, at = "<", 0
    interfaces: list[tuple[int, int]] = []  # link type, units of time in a second
    while at + 12 <= len(data):
        if data[at : at + 4] in _SECTIONS:
            order = ">" if data[at + 8 : at + 12] == b"\x1a\x2b\x3c\x4d" else "<"
            interfaces = []
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12 or size % 4 or at + size > len(data):
            break
        body = bytes(data[at + 8 : at + size - 4])
        at += size
        try:
            if kind == 1 and len(interfaces) < 65_536:
                interfaces.append((struct.unpack_from(order + "H", body)[0], _resolution(order, body)))
            elif kind == 6:
                yield _enhanced(order, body, interfaces)
            elif kind == 3 and interfaces:
                length = struct.unpack_from(order + "I", body)[0]
                yield Frame(0, interfaces[0][0], body[4 : 4 + length])
        except (struct.error, IndexError):
            counters["unreadable"] += 1
    counters["cut"] += at < len(data)


def _enhanced(order: str, body: bytes, interfaces: list[tuple[int, int]]) -> Frame:
    number, high, low, size = struct.unpack_from(order + "IIII", body)
    link, units = interfaces[number]
    return Frame((high << 32 | low) * 1_000_000 // units, link, body[20 : 20 + size])


def _resolution(order: str, body: bytes) -> int:
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            break
        if code == 9 and size == 1:
            exponent = body[at + 4] & 0x7F
            return 1 << min(exponent, 63) if body[at + 4] & 0x80 else int(10 ** min(exponent, 18))
        at += 4 + size + -size % 4
    return 1_000_000


def _network(frame: Frame) -> bytes | None:
    """The IP packet in a frame; None if it carries something else."""
    data, link = frame.data, frame.link
    if link == 1:
        at = 12
        while int.from_bytes(data[at : at + 2], "big") in _VLAN:
            at += 4
        return _ip(data, at + 2, int.from_bytes(data[at : at + 2], "big"))
    if link == 113:  # Linux cooked
        return _ip(data, 16, int.from_bytes(data[14:16], "big"))
    if link == 276:  # and its second version
        return _ip(data, 20, int.from_bytes(data[0:2], "big"))
    if link in {0, 108}:  # loopback: the address family, in the byte order of some machine
        return _ip(data, 4, 0)
    return _ip(data, 0, 0) if link in {12, 14, 101, 228, 229} else None


def _ip(data: bytes, at: int, kind: int) -> bytes | None:
    if kind in _VLAN:  # behind a cooked header
        return _ip(data, at + 4, int.from_bytes(data[at + 2 : at + 4], "big"))
    if kind in {0, 0x0800, 0x86DD} and at < len(data) and data[at] >> 4 in {4, 6}:
        return data[at:]
    return None


_Pieces = dict[tuple[bytes, bytes, int, int], dict[int, bytes]]


def _transport(packet: bytes, pieces: _Pieces, counters: Counter[str]) -> tuple[bytes, bytes, bytes] | None:
    """(source, destination, UDP segment) of a packet, or of the fragments it completes."""
    if packet[0] >> 4 == 4:
        header, total = 4 * (packet[0] & 15), int.from_bytes(packet[2:4], "big") or len(packet)
        ident, flags = struct.unpack_from("!HH", packet, 4)
        kind, source, destination = packet[9], packet[12:16], packet[16:20]
        body, offset, more = packet[header:total], 8 * (flags & 0x1FFF), bool(flags & 0x2000)
        if header < 20:
            raise ValueError("an IPv4 header of less than 20 bytes")
    else:
        kind, source, destination = packet[6], packet[8:24], packet[24:40]
        total = 40 + int.from_bytes(packet[4:6], "big")
        at, offset, more, ident = 40, 0, False, 0
        while kind in _EXTENSIONS or kind == 44:
            if kind == 44:
                flags, ident = struct.unpack_from("!HI", packet, at + 2)
                offset, more = flags & 0xFFF8, bool(flags & 1)
            kind, at = packet[at], at + (8 if kind == 44 else 8 + 8 * packet[at + 1])
        body = packet[at : total if total > 40 else len(packet)]
    if kind != _UDP:
        counters["not_udp"] += 1
        return None
    if offset or more:
        counters["fragments"] += 1
        whole = _joined(pieces, (source, destination, ident, kind), offset, body, more=more)
        return None if whole is None else (source, destination, whole)
    return source, destination, body


def _joined(pieces: _Pieces, key: tuple[bytes, bytes, int, int], offset: int, body: bytes, *, more: bool) -> bytes | None:
    known = pieces.setdefault(key, {})
    known[offset] = body
    if not more:
        known[-1] = (offset + len(body)).to_bytes(4, "big")
    if -1 in known:
        whole, size = b"", int.from_bytes(known[-1], "big")
        while len(whole) < size and known.get(len(whole)):
            whole += known[len(whole)]
        if len(whole) == size:
            del pieces[key]
            return whole
    if len(pieces) > _PENDING:
        del pieces[next(iter(pieces))]
    return None


def _text(address: bytes) -> str:
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
