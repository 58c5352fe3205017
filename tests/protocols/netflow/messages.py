"""Messages of NetFlow and IPFIX, made by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SECONDS = 1_700_000_000
UPTIME = 10_000_000  # ms

V4 = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 4), (2, 4), (22, 4), (21, 4))


def v5(*rows: bytes, sequence: int = 0, uptime: int = UPTIME, engine: int = 0, sampling: int = 0) -> bytes:
    return struct.pack("!HHIIIIHH", 5, len(rows), uptime, SECONDS, 500_000_000, sequence, engine, sampling) + b"".join(rows)


def v5_row(**given: int) -> bytes:
    names = ("source", "destination", "hop", "input", "output", "packets", "bytes", "first", "last", "sport", "dport", "pad",
             "flags", "protocol", "tos", "source_as", "destination_as", "smask", "dmask", "pad2")  # fmt: skip
    return struct.pack("!IIIHHIIIIHHBBBBHHBBH", *(given.get(name, 0) for name in names))


def v9(*sets: bytes, sequence: int = 0, source: int = 0, uptime: int = UPTIME, seconds: int = SECONDS) -> bytes:
    return struct.pack("!HHIIII", 9, len(sets), uptime, seconds, sequence, source) + b"".join(sets)


def ipfix(*sets: bytes, sequence: int = 0, domain: int = 0, seconds: int = SECONDS) -> bytes:
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), seconds, sequence, domain) + body


def flowset(number: int, *bodies: bytes, padding: int = 0) -> bytes:
    body = b"".join(bodies) + bytes(padding)
    return struct.pack("!HH", number, 4 + len(body)) + body


def specified(fields: Sequence[tuple[int, ...]]) -> bytes:
    """Fields (number, size) or (number, size, enterprise)."""
    found = b""
    for number, size, *pen in fields:
        found += struct.pack("!HHI", number | 0x8000, size, pen[0]) if pen else struct.pack("!HH", number, size)
    return found


def template(number: int, fields: Sequence[tuple[int, ...]]) -> bytes:
    return struct.pack("!HH", number, len(fields)) + specified(fields)


def options9(number: int, scopes: Sequence[tuple[int, ...]], fields: Sequence[tuple[int, ...]]) -> bytes:
    return struct.pack("!HHH", number, 4 * len(scopes), 4 * len(fields)) + specified([*scopes, *fields])


def options10(number: int, scopes: Sequence[tuple[int, ...]], fields: Sequence[tuple[int, ...]]) -> bytes:
    return struct.pack("!HHH", number, len(scopes) + len(fields), len(scopes)) + specified([*scopes, *fields])


def row(fields: Sequence[tuple[int, ...]], *values: int) -> bytes:
    return b"".join(value.to_bytes(size, "big") for (_, size, *_), value in zip(fields, values, strict=True))


def counted(text: bytes) -> bytes:
    """A field of variable length."""
    return bytes([len(text)]) + text if len(text) < 255 else b"\xff" + struct.pack("!H", len(text)) + text


NAMED = ((8, 4), (82, 65535), (1, 3), (96, 65535))
SEEDS = [
    v5(v5_row(source=1, bytes=2), v5_row(source=3)),
    v9(flowset(0, template(256, V4)), flowset(256, row(V4, 1, 2, 3, 4, 6, 7, 8, 9, 10) * 2, padding=2)),
    v9(
        flowset(1, options9(257, ((1, 4),), ((48, 1), (50, 4), (84, 8)))),
        flowset(257, struct.pack("!IBI8s", 1, 1, 100, b"sampler")),
    ),
    ipfix(
        flowset(2, template(258, NAMED)),
        flowset(258, b"\1\2\3\4", counted(b"eth0"), b"\0\1\0", counted(b"dns" * 100)),
    ),
    ipfix(
        flowset(3, options10(259, ((302, 4),), ((305, 4), (306, 4), (335, 65535), (33, 2, 6871)))),
        flowset(259, struct.pack("!III", 1, 1, 999), counted(b"one in 1000"), b"\0\1"),
        flowset(2, template(260, ((8, 4), (27, 16), (8, 4), (154, 8), (155, 8), (291, 65535), (160, 8), (22, 4), (95, 9)))),
        flowset(260, bytes(24), bytes(range(16)), counted(b"\xff\0\x08\0\4abcd"), bytes(8 + 4 + 9)),
        flowset(2, struct.pack("!HH", 258, 0)),
        flowset(3, struct.pack("!HH", 3, 0)),
    ),
]
