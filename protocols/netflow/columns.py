"""Standard columns of records, whichever of its variants an element comes in: integers, addresses of both families, identity.

    column(records, "bytes")        native unsigned integers [n]; zeros where the layout has none of the elements in COLUMNS
    has(records, "reverse_bytes")   whether it has one
    addresses(records, "source")    (uint32 [n] or None, uint64 [n, 2] or None): IPv4 and IPv6, see SIDES
    family(records)                 4 or 6 [n], 0 where there is no address

An element may come several times in a record, one for each packet header: the last that is not zero is the inner packet's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.netflow.records import Records, Unsigned

# The first that a layout has is taken. Counts: of the interval, else of the flow so far (has 0.85: it may be told again).
COLUMNS: dict[str, tuple[str, ...]] = {
    "bytes": ("0.1", "0.85", "0.231", "0.352", "0.23"),
    "packets": ("0.2", "0.86", "0.298", "0.24"),
    "flows": ("0.3",),
    "reverse_bytes": ("29305.1", "29305.85", "0.232"),  # RFC 5103 and firewalls
    "reverse_packets": ("29305.2", "29305.86", "0.299"),
    "out_bytes": ("0.23",),  # after the device; some firewalls mean the way back
    "out_packets": ("0.24",),
    "protocol": ("0.4", "0.193"),
    "tos": ("0.5",),
    "dscp": ("0.195",),
    "flags": ("0.6",),
    "source_port": ("0.7", "0.180", "0.182"),
    "destination_port": ("0.11", "0.181", "0.183"),
    "nat_source_port": ("0.227", "0.40003"),
    "nat_destination_port": ("0.228", "0.40004"),
    "icmp": ("0.32", "0.139"),  # type << 8 | code
    "input": ("0.10", "0.252"),
    "output": ("0.14", "0.253"),
    "direction": ("0.61",),  # 0 ingress, 1 egress
    "source_as": ("0.16",),
    "destination_as": ("0.17",),
    "source_mask": ("0.9", "0.29"),
    "destination_mask": ("0.13", "0.30"),
    "sampler": ("0.48", "0.302"),
    "sampling_interval": ("0.34", "0.50"),
    "sampling_packets": ("0.305",),
    "sampling_space": ("0.306",),
    "application": ("0.95",),  # the bytes of the applicationId as one integer, the last 8 of them
    "vlan": ("0.58", "0.243"),
    "out_vlan": ("0.59", "0.254"),
    "ingress_vrf": ("0.234",),
    "egress_vrf": ("0.235",),
    "firewall_event": ("0.233", "0.40005"),
    "forwarding": ("0.89",),
    "end_reason": ("0.136",),
    "ip_version": ("0.60",),
    "exporting_process": ("0.144",),
}
SIDES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "source": (("0.8", "0.44"), ("0.27", "0.170")),
    "destination": (("0.12", "0.45"), ("0.28", "0.169")),
    "next_hop": (("0.15", "0.18"), ("0.62", "0.63")),
    "bgp_next_hop": (("0.18",), ("0.63",)),
    "nat_source": (("0.225", "0.40001"), ("0.281",)),
    "nat_destination": (("0.226", "0.40002"), ("0.282",)),
    "exporter": (("0.130",), ("0.131",)),  # who it says it is, behind NAT or a proxy
    "original_exporter": (("0.403",), ("0.404",)),
}


def has(records: Records, name: str) -> bool:
    """Whether the layout has an element for this column."""
    return not records.layout.keys.isdisjoint(COLUMNS[name])


def column(records: Records, name: str) -> NDArray[Any]:
    """A column of COLUMNS as native unsigned integers [n]."""
    keys = records.layout.keys
    for key in COLUMNS[name]:
        if key in keys:
            return _innermost(records, key)
    if name == "tos" and "0.195" in keys:
        return _innermost(records, "0.195") << 2
    return np.zeros(len(records), np.uint8)


def addresses(records: Records, side: str) -> tuple[NDArray[np.uint32] | None, Unsigned | None]:
    """The IPv4 and IPv6 addresses of a side in SIDES; None where the layout has none of that family."""
    four, six = (next((key for key in keys if key in records.layout.keys), None) for keys in SIDES[side])
    narrow = _innermost(records, four).astype(np.uint32, copy=False) if four else None
    wide: Unsigned | None = None
    for key in records.repeats(six) if six else []:
        found = records.pairs(key)
        wide = found if wide is None else np.where(np.any(found, axis=1)[:, None], found, wide)
    return narrow, wide


def family(records: Records) -> NDArray[np.uint8]:
    """4 or 6 [n] by source and destination; where a record has fields for both, by which are not zero. 0: no address."""
    found = np.zeros(len(records), np.uint8)
    sides = [addresses(records, side) for side in ("source", "destination")]
    four, six = (any(side[which] is not None for side in sides) for which in (0, 1))
    if four != six:
        found[:] = 4 if four else 6
        return found
    for narrow, wide in sides:
        if narrow is not None:
            found[np.logical_and(narrow, found == 0)] = 4
        if wide is not None:
            found[np.any(wide, axis=1)] = 6
    return found


def _innermost(records: Records, key: str) -> NDArray[Any]:
    first = records.unsigned(key)
    if f"{key}#1" not in records.layout.keys:
        return first
    for again in records.repeats(key)[1:]:
        later = records.unsigned(again)
        first = np.where(later != 0, later, first)
    return first
