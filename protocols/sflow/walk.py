"""The samples in an sFlow datagram and the records in them; a sample that makes no sense does not lose those behind it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from protocols.errors import DecodeError

FLOW, COUNTERS, DISCARDED = "flow", "counters", "discarded"
_KINDS = {1: (FLOW, False), 2: (COUNTERS, False), 3: (FLOW, True), 4: (COUNTERS, True), 5: (DISCARDED, True)}
_SAMPLES, _RECORDS = 512, 64  # more are not read: a datagram has room for neither
_WORD = struct.Struct("!I")


class Header(NamedTuple):
    """Of a datagram: `agent` is who sampled, whoever sent it; uptime in ms."""

    agent: str
    sub_agent: int
    sequence: int
    uptime: int
    samples: int


class Sample(NamedTuple):
    """One sample. `input` and `output` are (format, value): 0 ifIndex, 1 discarded for that reason, 2 so many interfaces.

    `rate`: one in so many packets; `pool`: packets that could have been sampled; `drops`: samples lost in the device, or packets
    discarded. `reason`: why (DISCARDED). `records`: (enterprise << 12 | format, body).
    """

    kind: str
    sequence: int
    source: tuple[int, int]  # type and index
    rate: int
    pool: int
    drops: int
    input: tuple[int, int]
    output: tuple[int, int]
    reason: int
    records: list[tuple[int, bytes]]


def header(data: bytes) -> tuple[Header, int]:
    """(header, offset behind it). Raises DecodeError: version, address, truncated."""
    if len(data) < 28:
        raise DecodeError("truncated")
    version, family = struct.unpack_from("!II", data)
    if version != 5:
        raise DecodeError("version", f"sFlow version {version}")
    size = {1: 4, 2: 16}.get(family)
    if size is None:
        raise DecodeError("address", f"an agent with an address of kind {family}")
    at = 8 + size
    if len(data) < at + 16:
        raise DecodeError("truncated")
    return Header(str(ip_address(data[8:at])), *struct.unpack_from("!IIII", data, at)), at + 16


def samples(data: bytes, at: int, count: int) -> Iterator[Sample | DecodeError]:
    """The samples from an offset on; a DecodeError stands for one that is broken. Unknown kinds are left out."""
    for _ in range(min(count, _SAMPLES)):
        if at + 8 > len(data):
            yield DecodeError("truncated")
            return
        kind, size = struct.unpack_from("!II", data, at)
        at += 8
        body = data[at : at + size]
        if kind in _KINDS:
            try:
                yield _sample(*_KINDS[kind], body)
            except (struct.error, DecodeError):
                yield DecodeError("sample", f"a broken sample of kind {kind}")
        if at + size > len(data):
            yield DecodeError("truncated")
            return
        at += size


def _sample(kind: str, expanded: bool, body: bytes) -> Sample:
    sequence, first = struct.unpack_from("!II", body)
    source, at = ((first, *_WORD.unpack_from(body, 8)), 12) if expanded else ((first >> 24, first & 0xFFFFFF), 8)
    rate = pool = drops = reason = 0
    into = out = (0, 0)
    if kind == DISCARDED:
        drops, entry, leave, reason = struct.unpack_from("!IIII", body, at)
        into, out, at = (0, entry), (0, leave), at + 16
    elif kind == FLOW and expanded:
        rate, pool, drops, *four = struct.unpack_from("!7I", body, at)
        into, out, at = (four[0], four[1]), (four[2], four[3]), at + 28
    elif kind == FLOW:
        rate, pool, drops, entry, leave = struct.unpack_from("!5I", body, at)
        into, out, at = (entry >> 30, entry & 0x3FFFFFFF), (leave >> 30, leave & 0x3FFFFFFF), at + 20
    return Sample(kind, sequence, source, rate, pool, drops, into, out, reason, _records(body, at))


def _records(body: bytes, at: int) -> list[tuple[int, bytes]]:
    (count,) = _WORD.unpack_from(body, at)
    at += 4
    found = []
    for _ in range(min(count, _RECORDS)):
        kind, size = struct.unpack_from("!II", body, at)
        at += 8
        if at + size > len(body):
            raise DecodeError("truncated")
        found.append((kind, body[at : at + size]))
        at += size + -size % 4
    return found
