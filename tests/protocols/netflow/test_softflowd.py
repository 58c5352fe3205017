"""softflowd reads a capture of ours and exports it in each version: packets and bytes are exactly those that were in it."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pytest

from protocols.netflow.columns import addresses, column, family
from protocols.netflow.decoder import Decoder
from tests.peers import need
from tests.protocols.test_pcap import A6, B6, MACS, classic

TALKS = 60
Talk = tuple[str, str, int, int]


def frames() -> tuple[list[bytes], dict[Talk, tuple[int, int]]]:
    """Frames of UDP in IPv4 and IPv6, and for each (source, destination, ports) its packets and bytes."""
    found, told = [], {}
    for number in range(TALKS):
        size, count = 10 + 7 * number, 1 + number % 5
        udp = struct.pack("!HHHH", 2000 + number, 53, 8 + size, 0) + bytes(size)
        if number % 3:
            source, target = bytes((10, 0, 0, number)), bytes((192, 0, 2, 1))
            packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + source + target + udp
            frame = MACS + b"\x08\0" + packet
        else:
            source, target = A6, B6
            packet = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + source + target + udp
            frame = MACS + b"\x86\xdd" + packet
        found += [frame] * count
        told[str(ip_address(source)), str(ip_address(target)), 2000 + number, 53] = (count, count * len(packet))
    return found, told


@pytest.mark.parametrize("version", [5, 9, 10])
def test_totals_are_exact(version: int, tmp_path: Path) -> None:
    program = need("softflowd")
    packets, told = frames()
    path = tmp_path / "talks.pcap"
    path.write_bytes(classic(*packets))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [program, "-r", path, "-n", target, "-v", str(version), "-d", "-c", "none"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        received = _drained(listener)
    decoded = Decoder().decode([("127.0.0.1", payload) for payload in received], time.time_ns() // 1_000)
    found: Counter[Talk] = Counter()
    octets: Counter[Talk] = Counter()
    for records in decoded.flows:
        (sources, sources6), (targets, targets6) = addresses(records, "source"), addresses(records, "destination")
        columns = (column(records, name).tolist() for name in ("source_port", "destination_port", "packets", "bytes"))
        for row, (sport, dport, count, size) in enumerate(zip(*columns, strict=True)):
            six = family(records)[row] == 6
            pair = (sources6[row], targets6[row]) if six else (sources[row], targets[row])
            talk = (*(_address(side, six=six) for side in pair), sport, dport)
            found[talk] += count
            octets[talk] += size
    expected = {talk: sums for talk, sums in told.items() if version != 5 or ":" not in talk[0]}
    assert {talk: (found[talk], octets[talk]) for talk in found} == expected


def _address(side: object, *, six: bool) -> str:
    if six:
        high, low = (int(half) for half in side)  # type: ignore[attr-defined]
        return str(ip_address((high << 64 | low).to_bytes(16, "big")))
    return str(ip_address(int(side)))  # type: ignore[call-overload]


def _drained(listener: socket.socket) -> list[bytes]:
    listener.settimeout(0.3)
    found = []
    while True:
        try:
            found.append(listener.recv(65_535))
        except TimeoutError:
            return found
