"""What telegraf calls the fields of a record and how it writes them (goldens of kind telegraf-line-protocol)."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

from protocols.netflow.elements import element
from tests.protocols.netflow.recorded import Record

# telegraf takes the scopes of v9 for elements: the system (scope 1) for octets (element 1).
NAMES: dict[str, tuple[str, ...]] = {
    "in_bytes": ("0.1", "scope.1"), "in_packets": ("0.2",), "flows": ("0.3",), "protocol": ("0.4",), "src_tos": ("0.5",),
    "tcp_flags": ("0.6",), "src_port": ("0.7",), "src": ("0.8", "0.27"), "src_mask": ("0.9",), "in_snmp": ("0.10",),
    "dst_port": ("0.11",), "dst": ("0.12", "0.28"), "dst_mask": ("0.13",), "out_snmp": ("0.14",), "next_hop": ("0.15",),
    "bgp_src_as": ("0.16",), "bgp_dst_as": ("0.17",), "last_switched": ("0.21",), "first_switched": ("0.22",),
    "engine_type": ("0.38",), "engine_id": ("0.39",), "dst_tos": ("0.55",), "in_src_mac": ("0.56",), "out_dst_mac": ("0.57",),
    "ip_version": ("0.60",), "direction": ("0.61",), "interface": ("0.82",), "interface_desc": ("0.83",),
    "fwd_status": ("0.89",), "fwd_reason": ("0.89",), "flow_start": ("0.150",), "flow_end": ("0.151",),
    "flow_start_ms": ("0.152",), "flow_end_ms": ("0.153",), "icmp_type": ("0.176", "0.32"), "icmp_code": ("0.177", "0.32"),
    "retransmitted_in_pkts": ("35632.109",), "retransmitted_out_pkts": ("35632.110",), "l7_proto": ("35632.118",),
    "client_nw_latency_ms": ("35632.123",), "server_nw_latency_ms": ("35632.124",), "app_latency_ms": ("35632.125",),
    "retransmitted_in_bytes": ("35632.127",), "retransmitted_out_bytes": ("35632.128",), "ssl_server_name": ("35632.188",),
    "ja3c_hash": ("35632.489",), "ja3s_hash": ("35632.490",), "ssl_cipher": ("35632.493",), "ssl_unsafe_cipher": ("35632.494",),
    "ssl_version": ("35632.495",),
}  # fmt: skip
VERSIONS = {"NetFlowV5": 5, "NetFlowV9": 9, "IPFIX": 10}
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}
_FLAGS = "CEUAPRSF"
WOULD_CARRY: dict[str, tuple[str, ...]] = {"source": ("0.130", "0.131")}
NOT_CARRIED = {"source": "the address of the sender, which is the test's", "time": "when it was received"}

WRITTEN: dict[str, Callable[[bytes], object]] = {
    "tcp_flags": lambda raw: "".join(name if raw[-1] >> (7 - bit) & 1 else "." for bit, name in enumerate(_FLAGS)),
    "protocol": lambda raw: next((name for name, number in PROTOCOLS.items() if number == raw[-1]), str(raw[-1])),
    "ip_version": lambda raw: {4: "IPv4", 6: "IPv6"}.get(raw[-1], "unknown"),
    "direction": lambda raw: ("ingress", "egress")[raw[-1]],
    "fwd_status": lambda raw: ("unknown", "forwarded", "dropped", "consumed")[raw[-1] >> 6],
    "fwd_reason": lambda raw: {0: "unknown"}[raw[-1] & 63],
    "engine_type": lambda raw: str(raw[-1]),
    "icmp_type": lambda raw: raw[0],
    "icmp_code": lambda raw: raw[-1],
    "src": lambda raw: str(ip_address(raw)),
    "dst": lambda raw: str(ip_address(raw)),
    "next_hop": lambda raw: str(ip_address(raw)),
}


def parsed(line: str) -> dict[str, object]:
    """The tags and fields of a line."""
    head, body = line.split(" ", 1)
    found: dict[str, object] = dict(pair.split("=", 1) for pair in head.split(",")[1:])
    for name, text, number in re.findall(r'([\w.]+)=(?:"((?:[^"\\]|\\.)*)"|(\d+)u)', body):
        found[name] = int(number) if number else text
    return found


def compared(record: Record, name: str, expected: object) -> tuple[object, object]:
    """(what our record says, what telegraf said), in one form."""
    if name == "version":
        return record.item["version"], VERSIONS[str(expected)]
    found = dict(record.fields)
    if name.startswith("type_"):
        keys: tuple[str, ...] = (".".join(name.split("_")[1:]),)
    else:
        keys = NAMES[name]
    key = next(key for key in keys if key in found)
    raw = found[key]
    if name in WRITTEN:
        return WRITTEN[name](raw), expected
    if isinstance(expected, int):
        return int.from_bytes(raw, "big"), expected
    if name.endswith("_mac"):
        return raw.hex(":"), expected
    if str(expected).startswith("0x"):
        return "0x" + raw.hex(), expected
    assert element(*map(int, key.split("."))).kind == "s"
    return raw.decode().rstrip("\0"), expected
