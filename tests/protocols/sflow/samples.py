"""sFlow datagrams, made by hand."""

from __future__ import annotations

import struct

from tests.protocols.test_pcap import A6, B6, MACS

TCP = struct.pack("!HHIIBBHHH", 443, 50_000, 1, 2, 0x50, 0x12, 0, 0, 0)
V4 = struct.pack("!BBHHHBBH4s4s", 0x45, 0xB8, 1500, 7, 0, 64, 6, 0, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))) + TCP
V6 = struct.pack("!IHBB", 6 << 28 | 0xB8 << 20, 1460, 17, 64) + A6 + B6 + struct.pack("!HHHH", 53, 40_000, 1460, 0)
TAGGED = MACS + b"\x81\0\0\5\x08\0" + V4


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("!II", kind, len(body)) + body + bytes(-len(body) % 4)


def raw_header(packet: bytes, kind: int = 1, frame: int = 1518) -> bytes:
    return record(1, struct.pack("!IIII", kind, frame, 4, len(packet)) + packet)


def sample(kind: int, body: bytes) -> bytes:
    return struct.pack("!II", kind, len(body)) + body


def flow(*records: bytes, rate: int = 100) -> bytes:
    return sample(1, struct.pack("!8I", 1, 3, rate, 1000, 2, 3, 0x80000002, len(records)) + b"".join(records))


def expanded(*records: bytes, rate: int = 100) -> bytes:
    return sample(3, struct.pack("!11I", 1, 0, 3, rate, 1000, 2, 0, 3, 2, 2, len(records)) + b"".join(records))


def counters(index: int = 3) -> bytes:
    body = struct.pack("!IIQIIQIIIIIIQIIIIII", index, 6, 10**9, 1, 3, 10**12, *range(6), 10**13, *range(6))
    return sample(2, struct.pack("!III", 9, index, 1) + record(1, body))


def datagram(*samples: bytes, agent: bytes = bytes((192, 0, 2, 9))) -> bytes:
    return (
        struct.pack("!II", 5, 1 if len(agent) == 4 else 2)
        + agent
        + struct.pack("!4I", 0, 1, 5000, len(samples))
        + b"".join(samples)
    )


SWITCH = record(1001, struct.pack("!IIII", 10, 1, 20, 2))
ROUTER = record(1002, struct.pack("!I4sII", 1, bytes((192, 0, 2, 254)), 24, 16))
GATEWAY = record(1003, struct.pack("!I4s4I2I3I2I", 1, bytes(4), 64500, 64501, 64502, 1, 2, 3, 64510, 64511, 64512, 0, 0))
SAMPLED_V4 = record(3, struct.pack("!II4s4sIIII", 1500, 6, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)), 443, 50_000, 0x12, 0xB8))
SEEDS = [
    datagram(flow(raw_header(TAGGED), SWITCH, ROUTER, GATEWAY), counters()),
    datagram(expanded(raw_header(V6, 12)), expanded(SAMPLED_V4), agent=A6),
    datagram(sample(5, struct.pack("!10I", 1, 0, 3, 2, 4, 5, 1, 0, 0, 0)), sample(4, struct.pack("!4I", 9, 0, 3, 0))),
]
