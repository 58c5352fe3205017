"""sFlow datagrams in, columns out.

    sampled = decode([("192.0.2.1", payload), …], counters)
    sampled.flows        FLOW [n]: a sampled packet each. `header` as in headers.py; `frame`: bytes of the packet on the wire,
                         `stripped` of them taken off before sampling; volume = frame * rate. `exporter`: index into sampled.exporters, which are agents, not senders.
    sampled.interfaces   INTERFACE [m]: the counters of an interface, with the exporter

counters: datagrams, flows, interfaces, samples_dropped (in the devices: their own counts, not added up), unknown_version,
malformed (datagrams), broken_samples.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DecodeError
from protocols.sflow import walk
from protocols.sflow.headers import HEADER, IPV4, headers
from protocols.sflow.walk import Sample

FLOW = np.dtype(
    [("exporter", "u4"), ("sub_agent", "u4"), ("uptime", "u4"), ("source_type", "u4"), ("source_index", "u4"),
     ("sequence", "u4"), ("rate", "u4"), ("pool", "u4"), ("drops", "u4"), ("input_format", "u4"), ("input", "u4"),
     ("output_format", "u4"), ("output", "u4"), ("frame", "u4"), ("stripped", "u4"), ("in_vlan", "u4"), ("in_priority", "u4"), ("out_vlan", "u4"),
     ("out_priority", "u4"), ("source_mask", "u4"), ("destination_mask", "u4"), ("next_hop4", "u4"), ("next_hop6", "u8", 2),
     ("router_as", "u4"), ("source_as", "u4"), ("source_peer_as", "u4"), ("destination_as", "u4"), ("destination_peer_as", "u4"),
     ("header", HEADER)]
)  # fmt: skip
_COUNTS = ("in_octets", "in_unicast", "in_multicast", "in_broadcast", "in_discards", "in_errors", "in_unknown", "out_octets",
           "out_unicast", "out_multicast", "out_broadcast", "out_discards", "out_errors", "promiscuous")  # fmt: skip
_WIRE = np.dtype(
    [("index", ">u4"), ("type", ">u4"), ("speed", ">u8"), ("direction", ">u4"), ("status", ">u4")]
    + [(name, ">u8" if name.endswith("octets") else ">u4") for name in _COUNTS]
)
INTERFACE = np.dtype([("exporter", "u4"), ("uptime", "u4"), *((name, "u8") for name in _WIRE.names or ())])
RAW_HEADER, ETHERNET_FRAME, SAMPLED_IPV4, SAMPLED_IPV6, SWITCH, ROUTER, GATEWAY = 1, 2, 3, 4, 1001, 1002, 1003
_HEADER = struct.Struct("!IIII")
_TEN = struct.Struct("!10I")


class Sampled(NamedTuple):
    """What a batch of datagrams held; see the module's docstring."""

    flows: NDArray[Any]
    interfaces: NDArray[Any]
    exporters: tuple[str, ...]


def decode(datagrams: Iterable[tuple[str, bytes]], counters: Counter[str]) -> Sampled:
    """All samples of (sender, payload). Nothing makes it raise."""
    names: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    packets: list[bytes] = []
    kinds: list[int] = []
    counted: list[bytes] = []
    told: list[tuple[int, int]] = []
    for _, data in datagrams:
        counters["datagrams"] += 1
        try:
            head, at = walk.header(data)
        except DecodeError as error:
            counters["unknown_version" if error.kind == "version" else "malformed"] += 1
            continue
        number = names.setdefault(head.agent, len(names))
        for sample in walk.samples(data, at, head.samples):
            if isinstance(sample, DecodeError):
                counters["broken_samples"] += 1
            elif sample.kind == walk.COUNTERS:
                found = [body[: _WIRE.itemsize] for kind, body in sample.records if kind == 1 and len(body) >= _WIRE.itemsize]
                counted += found
                told += [(number, head.uptime)] * len(found)
            elif sample.kind == walk.FLOW:
                row, kind, packet = _row(sample)
                rows.append((number, head.sub_agent, head.uptime, *row))
                kinds.append(kind)
                packets.append(packet)
    counters["flows"] += len(rows)
    counters["interfaces"] += len(counted)
    return Sampled(_flows(rows, headers(packets, kinds)), _interfaces(counted, told), tuple(names))


def _flows(rows: list[tuple[Any, ...]], heads: NDArray[Any]) -> NDArray[Any]:
    flows = np.zeros(len(rows), FLOW)
    names = [name for name in FLOW.names or () if name != "header"]
    for name, column in zip(names, zip(*rows, strict=True), strict=True) if rows else ():
        flows[name] = column
    flows["header"] = heads
    return flows


def _interfaces(counted: list[bytes], told: list[tuple[int, int]]) -> NDArray[Any]:
    found = np.zeros(len(counted), INTERFACE)
    wire = np.frombuffer(b"".join(counted), _WIRE)
    for name in _WIRE.names or ():
        found[name] = wire[name]
    if told:
        found["exporter"], found["uptime"] = zip(*told, strict=True)
    return found


def _row(sample: Sample) -> tuple[tuple[Any, ...], int, bytes]:
    """(columns from source_type on, what the header begins with, the header)."""
    frame, stripped, kind, packet = 0, 0, 0, b""
    switch, masks, hop4, hop6, numbers = (0, 0, 0, 0), (0, 0), 0, (0, 0), (0, 0, 0, 0, 0)
    for record, body in sample.records:
        if record == RAW_HEADER and len(body) >= 16:
            kind, frame, stripped, size = _HEADER.unpack_from(body)
            packet = body[16 : 16 + size]
        elif record in {SAMPLED_IPV4, SAMPLED_IPV6} and not packet:
            frame, packet = rebuilt(body, six=record == SAMPLED_IPV6)
            kind = IPV4 + (record == SAMPLED_IPV6)
        elif record == SWITCH and len(body) >= 16:
            switch = _HEADER.unpack_from(body)
        elif record == ROUTER:
            hop4, hop6, masks = _router(body)
        elif record == GATEWAY:
            numbers = gateway(body)
    row = (*sample.source, sample.sequence, sample.rate, sample.pool, sample.drops, *sample.input, *sample.output)
    return (*row, frame, stripped, *switch, *masks, hop4, hop6, *numbers), kind, packet


def rebuilt(body: bytes, *, six: bool) -> tuple[int, bytes]:
    """(length, header) for a sample that gives an IP packet by its fields: the header those fields came from."""
    size = 16 if six else 4
    if len(body) < 24 + 2 * size:
        return 0, b""
    length, protocol = struct.unpack_from("!II", body)
    source, destination = body[8 : 8 + size], body[8 + size : 8 + 2 * size]
    sport, dport, flags, tos = struct.unpack_from("!IIII", body, 8 + 2 * size)
    ports = struct.pack("!HHIIBBxxxxxx", sport & 0xFFFF, dport & 0xFFFF, 0, 0, 0x50, flags & 0xFF)
    if six:
        first = 6 << 28 | (tos & 0xFF) << 20
        head = struct.pack("!IHBB", first, max(length - 40, 0) & 0xFFFF, protocol & 0xFF, 0)
        return length, head + source + destination + ports
    head = struct.pack("!BBHIBBH", 0x45, tos & 0xFF, length & 0xFFFF, 0, 0, protocol & 0xFF, 0)
    return length, head + source + destination + ports


def _router(body: bytes) -> tuple[int, tuple[int, int], tuple[int, int]]:
    """(next hop of IPv4, of IPv6 in two halves, lengths of the prefixes)."""
    kind, at = int.from_bytes(body[:4], "big"), {1: 8, 2: 20}.get(int.from_bytes(body[:4], "big"), 4)
    if len(body) < at + 8:
        return 0, (0, 0), (0, 0)
    masks: tuple[int, int] = struct.unpack_from("!II", body, at)
    if kind == 2:
        return 0, struct.unpack_from("!QQ", body, 4), masks
    return int.from_bytes(body[4:8], "big") if kind == 1 else 0, (0, 0), masks


def gateway(body: bytes) -> tuple[int, int, int, int, int]:
    """AS numbers: of the router, the source, its peer, the destination, its peer; the last two from the AS path."""
    at = {1: 8, 2: 20}.get(int.from_bytes(body[:4], "big"), 4)
    if len(body) < at + 16:
        return 0, 0, 0, 0, 0
    router, source, peer, segments = struct.unpack_from("!IIII", body, at)
    at += 16
    first = last = 0
    for _ in range(min(segments, 64)):
        if at + 8 > len(body):
            break
        count = min(int.from_bytes(body[at + 4 : at + 8], "big"), (len(body) - at - 8) // 4)
        if count:
            first = first or int.from_bytes(body[at + 8 : at + 12], "big")
            last = int.from_bytes(body[at + 4 + 4 * count : at + 8 + 4 * count], "big")
        at += 8 + 4 * count
    return router, source, peer, last, first
