"""The record of the spool as bytes: header, CRC32, identity, batch; and the scan that survives damage. No I/O here.

    magic(4) length(4) seq(8) flags(4) crc(4) | epoch(8) kind(1) rows(4) first(8) last(8) | body

The CRC covers length, seq, flags and payload, and starts from a seed that is random for every segment: bytes of a deleted
segment, or a record somebody smuggled into a batch's text, never pass for a record of this segment.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from protocols.uplink import batch

MAGIC = b"\xa5LS1"
KIND_BATCH = 1  # the body is a batch of protocols/uplink/batch.py, zstd
HEADER = struct.Struct("<4sIQII")
CHECKED = struct.Struct("<IQI")  # the part of the header under the CRC
IDENTITY = struct.Struct("<8sBIqq")
MAX_PAYLOAD = IDENTITY.size + batch.MAX_PACKED
MAX_RECORD = HEADER.size + MAX_PAYLOAD


class Record(NamedTuple):
    """One batch in the spool. (lane, epoch, seq) is its identity for ever; rows, first and last (µs) describe its loss."""

    epoch: str  # 16 hex digits: the process start that wrote it
    seq: int
    rows: int
    first: int
    last: int
    body: bytes


class Step(NamedTuple):
    """One step of a scan: a good record that ends at `end`, or None = damage was skipped up to `end`."""

    end: int
    record: Record | None


def seed_of(name: str) -> int:
    """The CRC seed of a segment, from its file name (which carries 64 random bits)."""
    return zlib.crc32(name.encode())


def pack(record: Record, seed: int) -> bytes:
    """`record` as bytes for a segment with `seed`."""
    identity = IDENTITY.pack(bytes.fromhex(record.epoch), KIND_BATCH, record.rows, record.first, record.last)
    payload = identity + record.body
    crc = zlib.crc32(payload, zlib.crc32(CHECKED.pack(len(payload), record.seq, 0), seed))
    return HEADER.pack(MAGIC, len(payload), record.seq, 0, crc) + payload


def _record_at(data: bytes, at: int, seed: int) -> tuple[Record | None, int]:
    """The record at `at` and its whole size; (None, size) when it may go on behind `data`, (None, 0) when there is none."""
    magic, length, seq, flags, crc = HEADER.unpack_from(data, at)
    if magic != MAGIC or not IDENTITY.size <= length <= MAX_PAYLOAD:
        return None, 0
    size = HEADER.size + length
    payload = data[at + HEADER.size : at + size]
    if len(payload) < length:
        return None, size
    if zlib.crc32(payload, zlib.crc32(CHECKED.pack(length, seq, flags), seed)) != crc:
        return None, 0
    epoch, kind, rows, first, last = IDENTITY.unpack_from(payload)
    if kind != KIND_BATCH or flags:
        return None, 0  # written by a later version: counted as damage, never guessed at
    return Record(epoch.hex(), seq, rows, first, last, payload[IDENTITY.size :]), size


def scan(data: bytes, seed: int, whole: bool) -> Iterator[Step]:
    """Every good record in `data`, and where damage was skipped.

    `whole`: `data` reaches to the end of the segment, so an unfinished record is damage; otherwise it is left for the
    next window. `data` must hold MAX_RECORD bytes or be whole, then at least one step is made unless it is empty.
    """
    at = 0
    while at + HEADER.size <= len(data):
        record, size = _record_at(data, at, seed)
        if record is not None:
            at += size
        elif size and not whole and at:
            return
        else:
            found = data.find(MAGIC, at + 1)
            at = found if found >= 0 else len(data) if whole else max(at + 1, len(data) - len(MAGIC) + 1)
        yield Step(at, record)
    if whole and at < len(data):
        yield Step(len(data), None)
