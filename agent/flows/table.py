"""Flows of whatever protocol as the same columns: what classification and sums are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.flows.classify import Ports
from agent.flows.remote import Ends
from protocols.netflow.columns import addresses, column, family, has
from protocols.netflow.records import Records
from protocols.sflow.columns import Sampled

Ints = NDArray[np.int64]
INGRESS, EGRESS = 0, 1
_NOWHERE = (0xFFFF_FFFF, 0x3FFF_FFFF)  # ifIndex of the device itself, or of packets it dropped


class Flows(NamedTuple):
    """n flows. Counts are as measured; `rate` [n]: packets for each one counted, None: 1."""

    sensor: NDArray[np.uint16]  # place of its sensor in the path's list
    input: NDArray[np.uint32]  # ifIndex, 0 = not told
    output: NDArray[np.uint32]
    metered: NDArray[np.uint8]  # where it was looked at: on its way in or out
    ports: Ports
    ends: Ends
    octets: Ints
    packets: Ints
    start: Ints  # µs
    end: Ints
    rate: NDArray[np.float64] | None
    application: NDArray[np.uint16] | None  # codes of what the exporter calls it, 0 = it does not say


def of_netflow(records: Records, sensor: NDArray[np.uint16], times: tuple[Ints, Ints], more: tuple[Any, Any]) -> list[Flows]:
    """One table, and for records that count both ways a second one for the way back. `more`: rate and application."""
    ends = _ends(records)
    protocol, source, destination = (column(records, name) for name in ("protocol", "source_port", "destination_port"))
    ports = Ports(protocol.astype(np.uint8), source.astype(np.uint16), destination.astype(np.uint16))
    sides = [_interface(column(records, name)) for name in ("input", "output")]
    metered = (column(records, "direction") == 1).astype(np.uint8)
    counts = [_count(records, name) for name in ("bytes", "packets")]
    columns: list[Any] = [sensor, *sides, metered, ports, ends, *counts, *times, *more]
    flows = Flows(*columns)
    if not has(records, "reverse_bytes"):
        return [flows]
    back = [_count(records, name) for name in ("reverse_bytes", "reverse_packets")]
    rows = np.flatnonzero((back[0] > 0) | (back[1] > 0))
    if not len(rows):
        return [flows]
    turned = flows._replace(
        input=flows.output,
        output=flows.input,
        metered=np.zeros(len(flows.metered), np.uint8),
        ports=Ports(ports.protocol, ports.destination, ports.source),
        ends=_turned(ends),
        octets=back[0],
        packets=back[1],
    )
    return [flows, some(turned, rows)]


def of_sflow(sampled: Sampled, sensor: NDArray[np.uint16], now: int) -> Flows:
    """Samples as flows of one packet each, now."""
    flows, header = sampled.flows, sampled.flows["header"]
    four, wide = header["family"] == 4, header["family"] == 6
    six = None
    if wide.any():
        six = tuple(header[name].astype(np.uint64) for name in ("source6", "destination6"))
    narrow = tuple(np.where(four, header[name], 0).astype(np.uint32) for name in ("source4", "destination4"))
    numbers = tuple(flows[name].astype(np.uint32) for name in ("source_as", "destination_as"))
    sides = [_interface(np.where(flows[f"{name}_format"] == 0, flows[name], 0).astype(np.uint32)) for name in ("input", "output")]
    leaving = (flows["source_type"] == 0) & (flows["source_index"] == flows["output"]) & (flows["source_index"] != flows["input"])
    when = np.full(len(flows), now, np.int64)
    ports = Ports(header["protocol"].copy(), header["source_port"].copy(), header["destination_port"].copy())
    told = numbers if numbers[0].any() or numbers[1].any() else None
    ends = Ends(narrow, six, wide if six is not None else None, told)  # type: ignore[arg-type]
    counts = [flows["frame"].astype(np.int64), np.ones(len(flows), np.int64)]
    rate = np.maximum(flows["rate"], 1).astype(np.float64)
    columns: list[Any] = [sensor, *sides, leaving.astype(np.uint8), ports, ends, *counts, when, when, rate, None]
    return Flows(*columns)


def some(flows: Flows, rows: NDArray[Any]) -> Flows:
    """Some of the flows, by their numbers or a mask; a number may come several times."""
    four, six, wide, numbers = flows.ends
    ends = Ends(
        (four[0][rows], four[1][rows]) if four is not None else None,
        (six[0][rows], six[1][rows]) if six is not None else None,
        wide[rows] if wide is not None else None,
        (numbers[0][rows], numbers[1][rows]) if numbers is not None else None,
    )
    ports = Ports(flows.ports.protocol[rows], flows.ports.source[rows], flows.ports.destination[rows])
    before, behind = [values[rows] for values in flows[:4]], [values[rows] for values in flows[6:10]]
    last = [values[rows] if values is not None else None for values in (flows.rate, flows.application)]
    columns: list[Any] = [*before, ports, ends, *behind, *last]
    return Flows(*columns)


def _turned(ends: Ends) -> Ends:
    four, six, wide, numbers = ends
    return Ends(
        (four[1], four[0]) if four is not None else None,
        (six[1], six[0]) if six is not None else None,
        wide,
        (numbers[1], numbers[0]) if numbers is not None else None,
    )


def _ends(records: Records) -> Ends:
    source, destination = addresses(records, "source"), addresses(records, "destination")
    count = len(records)
    four = six = wide = None
    if source[0] is not None or destination[0] is not None:
        four = tuple(side[0] if side[0] is not None else np.zeros(count, np.uint32) for side in (source, destination))
    if source[1] is not None or destination[1] is not None:
        six = tuple(side[1] if side[1] is not None else np.zeros((count, 2), np.uint64) for side in (source, destination))
    if four is not None and six is not None:
        wide = family(records) == 6
    if four is None and six is None:
        four = (np.zeros(count, np.uint32), np.zeros(count, np.uint32))
    numbers = None
    if has(records, "source_as") or has(records, "destination_as"):
        told = [column(records, name) for name in ("source_as", "destination_as")]
        if told[0].any() or told[1].any():
            numbers = (told[0].astype(np.uint32), told[1].astype(np.uint32))
    return Ends(four, six, wide, numbers)  # type: ignore[arg-type]


def _interface(index: NDArray[Any]) -> NDArray[np.uint32]:
    found = index.astype(np.uint32)
    odd = found >= _NOWHERE[1]
    return np.where(odd & np.isin(found, _NOWHERE), np.uint32(0), found) if odd.any() else found


def _count(records: Records, name: str) -> Ints:
    """A count; what no device counts in one flow (more than 2**53) is taken as none."""
    found = column(records, name)
    if found.dtype.itemsize == 8 and len(found) and int(found.max()) >= 1 << 53:
        found = np.where(found >= np.uint64(1 << 53), np.uint64(0), found)
    return found.astype(np.int64)
