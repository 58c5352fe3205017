"""What pmacct's nfacctd calls the fields of a record and how it writes them (goldens of kind pmacct-nfacctd).

It adds up what is equal in all that it was asked to show; so do we before comparing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from tests.protocols.netflow.recorded import Record

NOT_CARRIED = {
    "peer_ip_src": "the address from which the test sent the capture",
    "label": "of the collector's own map of networks",
    "writer_id": "the name of the collector's output",
    "flows": "always null",
    "event_type": "of the collector's own cache",
    "mpls_vpn_rd_origin": "says whether the distinguisher is of the flow or of the collector's map",
    **{
        name + side: "of a BGP or BMP session, not of the flow"
        for name in ("as_path", "comms", "ecomms", "lcomms")
        for side in ("", "_src")
    },
    "mpls_vpn_rd": "where it is not of the flow but of the collector's own map, or unknown",
    "srv6_seg_ipv6_list": "of element 496 or 497, which no template here has",
}
# The elements that would carry what is listed above: none of a capture's templates may have one.
WOULD_CARRY: dict[str, tuple[str, ...]] = {
    "mpls_vpn_rd": ("0.90",),
    "as_path": ("0.512",), "as_path_src": ("0.511",), "comms": ("0.483", "0.485"), "comms_src": ("0.484",),
    "ecomms": ("0.486", "0.488"), "ecomms_src": ("0.487",), "lcomms": ("0.489", "0.491"), "lcomms_src": ("0.490",),
    "peer_ip_src": ("0.130", "0.131"), "srv6_seg_ipv6_list": ("0.494", "0.495", "0.496", "0.497"), "flows": ("0.3",),
}  # fmt: skip
_PROTOCOLS = {1: "icmp", 2: "igmp", 4: "ipencap", 6: "tcp", 17: "udp", 41: "ipv6", 58: "ipv6-icmp", 112: "vrrp"}
_FLAGS = {32: "URG", 16: "ACK", 8: "PSH", 4: "RST", 2: "SYN", 1: "FIN"}
_STATUS = ("UNKNOWN", "FORWARDED", "DROPPED", "CONSUMED")
_REASONS = {(0, 0): "Unclassified", (1, 0): "Unknown", (3, 0): "Unknown", (3, 3): "For us"}

# What the BGP session beside a capture had told of a VRF; its prefix lengths are shown, not those of the flow.
ROUTES = {"pmacct__500-IPFIXv10-BGP-CISCO-SRv6": {"0:64499:105": ("192.0.42.0/24",)}}
# By how much a second output multiplies: a sampling rate of the collector's own map.
RENORMALISED = {("pmacct__102-NFv9-CISCO-f2rd-pretag-sampling-reload", "output-flow-01.json"): 1000}

_NONE = "0:0:0"
Options = Mapping[str, Mapping[int, Any]]


class Flow:
    """The fields of a record by element, all of them where one repeats."""

    def __init__(self, record: Record, options: Options, routes: Mapping[str, Sequence[str]] | None) -> None:
        self.item = record.item
        self.options = options
        self.routes = routes
        self.all: dict[str, list[bytes]] = {}
        for key, raw in record.fields:
            self.all.setdefault(key, []).append(raw)

    def number(self, key: str, which: int = 0) -> int:
        found = self.all.get(f"0.{key}")
        return int.from_bytes(found[which], "big") if found else 0

    def address(self, four: str, six: str) -> str:
        """Of the inner packet, where there are two."""
        raws = self.raws(four, six)
        return str(ip_address(next((raw for raw in reversed(raws) if any(raw)), raws[-1])))

    def outer(self, four: str, six: str) -> str:
        """Of the packet that is a tunnel; empty where there is none."""
        return str(ip_address(self.raws(four, six)[0])) if len(self.all["0.4"]) > 1 else ""

    def raws(self, four: str, six: str) -> list[bytes]:
        """In the order of the template."""
        return [raw for key, found in self.all.items() if key in {f"0.{four}", f"0.{six}"} for raw in found]

    def network(self, *elements: str) -> str:
        return str(ip_network((self.address(*elements[:2]), self.mask(*elements)), strict=False).network_address)

    def mask(self, four: str, six: str, mask_four: str, mask_six: str) -> int:
        address = ip_address(self.address(four, six))
        if self.routes is not None:
            told = self.routes.get(_distinguisher(self), ())
            known = [network for network in map(ip_network, told) if address in network]
            return max((network.prefixlen for network in known), default=0)
        return self.number(mask_six if address.version == 6 else mask_four)


def _flags(flow: Flow) -> list[str]:
    return sorted(name for bit, name in _FLAGS.items() if flow.number("6", -1) & bit)


def _status(flow: Flow) -> str:
    raw = flow.all.get("0.89", [b"\0"])[0]
    status = raw[-1]
    return f"{_STATUS[status >> 6]} {_REASONS[status >> 6, status & 63]}"


def _labels(flow: Flow) -> list[str]:
    found = []
    for place, key in enumerate(f"0.{70 + place}" for place in range(10)):
        number = int.from_bytes(flow.all.get(key, [b""])[0][:3], "big")
        if number >> 4:
            found.append(f"{place}-{number >> 4}")
    return found


def _vrf(flow: Flow) -> int:
    """The VRF of the flow: that of the way in, or of the way out where only that has a distinguisher."""
    entered, left = flow.number("234"), flow.number("235")
    known = flow.options["rd"]
    return left if known.get(entered, _NONE) == _NONE != known.get(left, _NONE) else entered


def _distinguisher(flow: Flow) -> str:
    if flow.options["rd"]:
        return str(flow.options["rd"].get(_vrf(flow), _NONE))
    number = flow.number("234") or flow.number("235")
    return f"vrfid:{number}" if number else _NONE


def distinguisher(raw: bytes) -> str:
    """RFC 4364 section 4.2."""
    kind = int.from_bytes(raw[:2], "big")
    if kind == 1:
        return f"1:{ip_address(raw[2:6])}:{int.from_bytes(raw[6:], 'big')}"
    return "{}:{}:{}".format(kind, *struct.unpack("!HI" if kind == 0 else "!IH", raw[2:]))


def _name(flow: Flow, kind: str, key: str) -> str:
    return str(flow.options[kind].get(flow.number(key), ""))


WRITTEN: dict[str, Callable[[Flow], object]] = {
    "iface_in": lambda flow: flow.number("10"),
    "iface_out": lambda flow: flow.number("14"),
    "ip_src": lambda flow: flow.address("8", "27"),
    "ip_dst": lambda flow: flow.address("12", "28"),
    "net_src": lambda flow: flow.network("8", "27", "9", "29"),
    "net_dst": lambda flow: flow.network("12", "28", "13", "30"),
    "mask_src": lambda flow: flow.mask("8", "27", "9", "29"),
    "mask_dst": lambda flow: flow.mask("12", "28", "13", "30"),
    "port_src": lambda flow: flow.number("7", -1),
    "port_dst": lambda flow: flow.number("11", -1),
    "tcp_flags": _flags,
    "tos": lambda flow: flow.number("5", -1),
    "ip_proto": lambda flow: _PROTOCOLS[flow.number("4", -1)],
    "fwd_status": _status,
    "mpls_label_stack": _labels,
    "mpls_vpn_rd": _distinguisher,
    "etype": lambda flow: "86dd" if len(flow.raws("8", "27")[0]) == 16 else "800",
    "timestamp_start": lambda flow: _second(flow, "22", flow.item["start"]),
    "timestamp_end": lambda flow: _second(flow, "21", flow.item["end"]),
    "vrf_name": lambda flow: flow.options["vrf"].get(_vrf(flow), ""),
    "ingress_vrf_name": lambda flow: _name(flow, "vrf", "234"),
    "egress_vrf_name": lambda flow: _name(flow, "vrf", "235"),
    "iface_name_in": lambda flow: _name(flow, "interface", "10"),
    "iface_name_out": lambda flow: _name(flow, "interface", "14"),
    "tunnel_ip_src": lambda flow: flow.outer("8", "27"),
    "tunnel_ip_dst": lambda flow: flow.outer("12", "28"),
    "tunnel_ip_proto": lambda flow: _PROTOCOLS[flow.number("4")] if len(flow.all["0.4"]) > 1 else "0",
    "custom.vrf_id_ingress": lambda flow: str(flow.number("234")),
    "custom.vrf_id_egress": lambda flow: str(flow.number("235")),
    "custom.mpls_tl_ipv4_address": lambda flow: str(ip_address(flow.all.get("0.47", [bytes(4)])[0])),
    "custom.mpls_tl_prefix_length": lambda flow: str(flow.number("91")),
    "custom.mpls_tl_type": lambda flow: str(flow.number("46")),
}


def _second(flow: Flow, key: str, instant: str) -> str:
    exported = int(datetime.fromisoformat(flow.item["exported"]).timestamp())
    if flow.item["version"] == 9 and f"0.{key}" in flow.all:  # whole seconds are taken off whole seconds
        return f"{exported - (flow.item['uptime_ms'] - flow.number(key)) // 1000}.000000"
    if f"0.{key}" in flow.all:  # it does not look for the start of the device in options
        return f"{exported}.000000"
    return f"{int(datetime.fromisoformat(instant).timestamp())}.000000"


def learn(record: Record, known: dict[str, dict[int, Any]]) -> None:
    """Take note of what an option record says: names of interfaces and VRFs, distinguishers of VRFs."""
    fields = dict(reversed(record.fields))  # the first where one repeats
    if "0.82" in fields:
        name = fields["0.82"].rstrip(b"\0").decode()
        known["interface"] |= {int.from_bytes(fields[key], "big"): name for key in ("0.10", "0.14") if key in fields}
    if "0.236" in fields:
        number = int.from_bytes(fields["0.234"], "big")
        known["vrf"][number] = fields["0.236"].rstrip(b"\0").decode()
        known["rd"][number] = distinguisher(fields["0.90"])


def ours(records: Sequence[Record], names: Sequence[str], capture: str) -> list[dict[str, Any]]:
    """Our records as the golden would have them."""
    known: dict[str, dict[int, Any]] = {"interface": {}, "vrf": {}, "rd": {}}
    rows = []
    for record in records:
        if record.options:
            learn(record, known)
            continue
        flow = Flow(record, known, ROUTES.get(capture))
        row = {name: WRITTEN[name](flow) for name in names}
        rows.append(row | {"packets": flow.number("2"), "bytes": flow.number("1")})
    return rows


def expected(rows: Sequence[Mapping[str, Any]], names: Sequence[str], factor: int) -> list[dict[str, Any]]:
    """The golden's rows, reduced to what flows carry."""
    found = []
    for row in rows:
        kept = {name: row[name] for name in names}
        assert row["packets"] % factor == row["bytes"] % factor == 0
        found.append(kept | {"packets": row["packets"] // factor, "bytes": row["bytes"] // factor})
    return found


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """An object of the golden, its own primitives beside the others."""
    found = {name: content for name, content in row.items() if name != "custom_primitives"}
    return found | {f"custom.{name}": content for name, content in row.get("custom_primitives", {}).items()}


def summed(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[tuple[str, str], ...], tuple[int, int, frozenset[str]]]:
    """(packets, bytes, all TCP flags) for what is equal in everything else."""
    found: dict[tuple[tuple[str, str], ...], tuple[int, int, frozenset[str]]] = {}
    for row in rows:
        key = tuple(sorted((name, str(content)) for name, content in row.items() if name not in _ADDED))
        packets, octets, flags = found.get(key, (0, 0, frozenset()))
        found[key] = (packets + row["packets"], octets + row["bytes"], flags | set(row.get("tcp_flags", ())))
    return found


_ADDED = {"packets", "bytes", "tcp_flags"}
