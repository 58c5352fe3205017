"""ICMP echo and the errors that answer it (RFC 792, RFC 4443): bytes to records and back."""

from __future__ import annotations

from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.wire import Reader

ECHO, REPLY, UNREACHABLE = 8, 0, 3
ECHO6, REPLY6, UNREACHABLE6 = 128, 129, 1


class Reply(NamedTuple):
    """An echo reply."""

    identifier: int
    sequence: int
    payload: bytes


class Unreachable(NamedTuple):
    """Somebody says that our echo request cannot be delivered: its destination (packed), identifier and sequence."""

    destination: bytes
    identifier: int
    sequence: int


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of `data`."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(padded[::2]) * 256 + sum(padded[1::2])
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(identifier: int, sequence: int, payload: bytes, *, v6: bool) -> bytes:
    """An echo request. For IPv6 the kernel fills in the checksum, which covers addresses (RFC 3542 section 3.1)."""
    rest = identifier.to_bytes(2, "big") + sequence.to_bytes(2, "big") + payload
    kind = bytes((ECHO6 if v6 else ECHO, 0))
    total = 0 if v6 else checksum(kind + b"\0\0" + rest)
    return kind + total.to_bytes(2, "big") + rest


def strip_ipv4(packet: bytes) -> bytes:
    """What an IPv4 packet carries. Raises DecodeError: truncated, header."""
    reader = Reader(packet)
    _ipv4(reader)
    return reader.take(reader.end - reader.at)


def decode(message: bytes, *, v6: bool) -> Reply | Unreachable | None:
    """The ICMP message; None = one that does not concern a pinger. Raises DecodeError: truncated, header."""
    reader = Reader(message)
    kind = reader.u8()
    reader.take(3)  # code; the checksum, which the kernel has verified
    if kind == (REPLY6 if v6 else REPLY):
        return Reply(reader.u16(), reader.u16(), reader.take(reader.end - reader.at))
    if kind != (UNREACHABLE6 if v6 else UNREACHABLE):
        return None
    reader.take(4)  # unused
    destination, carried = _ipv6(reader) if v6 else _ipv4(reader)
    if carried != (58 if v6 else 1) or reader.u8() != (ECHO6 if v6 else ECHO):
        return None
    reader.take(3)
    return Unreachable(destination, reader.u16(), reader.u16())


def _ipv4(reader: Reader) -> tuple[bytes, int]:
    """Destination and protocol; the reader then stands behind the header and its options."""
    first = reader.u8()
    length = (first & 0x0F) * 4
    if first >> 4 != 4 or length < 20:
        raise DecodeError("header", "this is no IPv4 header")
    reader.take(8)
    protocol = reader.u8()
    reader.take(6)
    destination = reader.take(4)
    reader.take(length - 20)
    return destination, protocol


def _ipv6(reader: Reader) -> tuple[bytes, int]:
    if reader.u8() >> 4 != 6:
        raise DecodeError("header", "this is no IPv6 header")
    reader.take(5)
    following = reader.u8()
    reader.take(1 + 16)
    return reader.take(16), following
