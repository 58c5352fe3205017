"""Synthetic flows as datagrams of NetFlow v5, v9 and IPFIX, the same each time: who talks to whom is as uneven as in life."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SECONDS = 1_700_000_000
UPTIME = 500_000_000  # ms
SERVICES = (443, 443, 443, 443, 80, 53, 53, 123, 5060, 3478, 3479, 3480, 22, 25, 993, 3389, 445, 6881, 8080, 19302)
UDP = (53, 123, 5060, 3478, 3479, 3480)
# Element, bytes in v9, bytes in IPFIX.
FIELDS = ((8, 4, 4), (12, 4, 4), (15, 4, 4), (10, 4, 4), (14, 4, 4), (1, 4, 8), (2, 4, 8), (7, 2, 2), (11, 2, 2), (4, 1, 1), (6, 1, 1),
          (5, 1, 1), (61, 1, 1), (22, 4, 0), (21, 4, 0), (152, 0, 8), (153, 0, 8), (16, 4, 4), (17, 4, 4), (9, 1, 1), (13, 1, 1))  # fmt: skip
PAYLOAD = 1_376  # bytes of records in a datagram
TEMPLATE = 256


def flows(count: int, seed: int = 1) -> dict[int, NDArray[np.int64]]:
    """Columns [count] by element."""
    dice = np.random.default_rng(seed)
    inside = 0x0A000000 + dice.zipf(1.3, count) % 60_000
    outside = dice.integers(0x01000000, 0xDF000000, 200_000)[dice.zipf(1.15, count) % 200_000]
    turned = dice.random(count) < 0.5
    service, port = np.array(SERVICES)[dice.integers(0, len(SERVICES), count)], dice.integers(1024, 65535, count)
    packets = np.clip(dice.pareto(1.2, count) * 3 + 1, 1, 1e6).astype(np.int64)
    ended = dice.integers(0, 60_000, count)  # ms before the export
    columns = {
        8: np.where(turned, outside, inside), 12: np.where(turned, inside, outside),
        7: np.where(turned, service, port), 11: np.where(turned, port, service), 4: np.where(np.isin(service, UDP), 17, 6),
        2: packets, 1: packets * dice.integers(60, 1400, count), 10: dice.integers(1, 24, count), 14: dice.integers(1, 24, count),
        6: dice.integers(0, 64, count), 21: UPTIME - ended, 22: UPTIME - ended - packets % 20_000,
        153: 1000 * SECONDS - ended, 152: 1000 * SECONDS - ended - packets % 20_000,
    }  # fmt: skip
    return {number: columns.get(number, np.zeros(count, np.int64)) for number, _, _ in FIELDS}


def datagrams(version: int, count: int, exporters: int = 8, seconds: int = SECONDS) -> list[tuple[str, bytes]]:
    """(exporter, payload) of so many flows in version 9 or 10, sent at `seconds`; first each exporter's template."""
    fields = [(number, sizes[version - 9]) for number, *sizes in FIELDS if sizes[version - 9]]
    rows = _rows(flows(count), fields, seconds)
    size = len(rows) // count
    per = PAYLOAD // size
    sequences = [0] * exporters
    template = struct.pack("!HH", TEMPLATE, len(fields)) + b"".join(struct.pack("!HH", *field) for field in fields)
    first = struct.pack("!HH", 0 if version == 9 else 2, 4 + len(template)) + template
    found = [(f"192.0.2.{number}", _message(version, first, (0, number, seconds))) for number in range(exporters)]
    for turn, at in enumerate(range(0, count, per)):
        exporter = turn % exporters
        body = rows[at * size : (at + per) * size]
        body += bytes(-len(body) % 4)
        part = struct.pack("!HH", TEMPLATE, 4 + len(body)) + body
        sequences[exporter] += 1 if version == 9 else 0
        found.append((f"192.0.2.{exporter}", _message(version, part, (sequences[exporter], exporter, seconds))))
        sequences[exporter] += min(per, count - at) if version == 10 else 0
    return found


def _rows(columns: dict[int, NDArray[np.int64]], fields: list[tuple[int, int]], seconds: int) -> bytes:
    dtype: np.dtype[Any] = np.dtype([(str(number), f">u{size}") for number, size in fields])
    rows = np.zeros(len(columns[8]), dtype)
    for number, _ in fields:
        rows[str(number)] = columns[number] + (1_000 * (seconds - SECONDS) if number in (152, 153) else 0)
    return rows.tobytes()


def _message(version: int, body: bytes, head: tuple[int, int, int]) -> bytes:
    """`head`: sequence, domain, seconds."""
    sequence, domain, seconds = head
    if version == 9:
        return struct.pack("!HHIIII", 9, 1, UPTIME, seconds, sequence, domain) + body
    return struct.pack("!HHIII", 10, 16 + len(body), seconds, sequence, domain) + body


def prefixes(count: int = 15_000, seed: int = 2) -> list[str]:
    """Networks of /16 to /24 among the addresses outside, each once."""
    dice = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        size = int(dice.integers(16, 25))
        at = int(dice.integers(0x01000000, 0xDF000000)) >> 32 - size << 32 - size
        found[f"{IPv4Address(at)}/{size}"] = None
    return list(found)


def write(path: Path, sent: list[tuple[str, bytes]]) -> None:
    """A file for flow_sender.c: of each datagram its exporter's number, its length, its bytes."""
    parts = [struct.pack("!HH", int(exporter.rpartition(".")[2]), len(data)) + data for exporter, data in sent]
    path.write_bytes(b"".join(parts))
