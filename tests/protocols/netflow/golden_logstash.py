"""What logstash calls the fields of a record: its names, ours, and how it writes them (goldens of kind logstash-spec)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from protocols.netflow.elements import element
from protocols.netflow.values import value
from tests.protocols.netflow.recorded import Record

# Names of logstash's own, for v5, v9 and vendors; everything else is called as by IANA.
NAMES: dict[str, tuple[str, ...]] = {
    "in_bytes": ("0.1",), "in_pkts": ("0.2",), "flows": ("0.3",), "protocol": ("0.4",), "src_tos": ("0.5",),
    "tcp_flags": ("0.6",), "l4_src_port": ("0.7",), "ipv4_src_addr": ("0.8",), "src_mask": ("0.9",), "input_snmp": ("0.10",),
    "l4_dst_port": ("0.11",), "ipv4_dst_addr": ("0.12",), "dst_mask": ("0.13",), "output_snmp": ("0.14",),
    "ipv4_next_hop": ("0.15",), "src_as": ("0.16",), "dst_as": ("0.17",), "out_bytes": ("0.23",), "out_pkts": ("0.24",),
    "ipv6_src_addr": ("0.27",), "ipv6_dst_addr": ("0.28",), "icmp_type": ("0.32", "0.176"), "icmp_code": ("0.177",),
    "flow_active_timeout": ("0.36",), "flow_inactive_timeout": ("0.37",), "total_bytes_exp": ("0.40",),
    "total_pkts_exp": ("0.41",), "total_flows_exp": ("0.42",), "flow_sampler_id": ("0.48",), "in_src_mac": ("0.56",),
    "out_dst_mac": ("0.57",), "src_vlan": ("0.58",), "dst_vlan": ("0.59",), "ip_protocol_version": ("0.60",),
    "direction": ("0.61",), "in_dst_mac": ("0.80",), "out_src_mac": ("0.81",), "in_permanent_bytes": ("0.85",),
    "src_traffic_index": ("0.92",), "dst_traffic_index": ("0.93",), "application_description": ("0.94",),
    "application_name": ("0.96",), "flow_end_reason": ("0.136",), "conn_id": ("0.148",), "flow_start_msec": ("0.152",),
    "fw_event": ("0.40005", "0.233"), "event_time_msec": ("0.323",), "fw_ext_event": ("0.33002",), "username": ("0.40000",),
    "xlate_src_addr_ipv4": ("0.40001", "0.225"), "xlate_dst_addr_ipv4": ("0.40002", "0.226"), "xlate_src_port": ("0.40003", "0.227"),
    "xlate_dst_port": ("0.40004", "0.228"), "app_id": ("0.56701",), "user_id": ("0.56702",), "nprobe_proto": ("0.57590",),
    "nprobe_proto_name": ("0.57591",), "scope_system": ("scope.1",), "sampling_interval": ("0.34",), "sampling_algorithm": ("0.35",),
    "vmwareEgressInterfaceAttr": ("6876.888",), "vmwareIngressInterfaceAttr": ("6876.890",),
    "vmwareVxlanExportRole": ("6876.889",), "vmwareUnknown888": ("6876.888",), "vmwareUnknown889": ("6876.889",),
    "vmwareUnknown890": ("6876.890",),
}  # fmt: skip

# From the header of the message.
HEADER: dict[str, Callable[[dict[str, Any]], object]] = {
    "version": lambda item: item["version"],
    "flow_seq_num": lambda item: item["sequence"],
    "flowset_id": lambda item: item["template"],
    "flow_records": lambda item: item["count"],
    "engine_type": lambda item: item["domain"] >> 8,
    "engine_id": lambda item: item["domain"] & 0xFF,
    "first_switched": lambda item: _late(item["start"], item["version"]),
    "last_switched": lambda item: _late(item["end"], item["version"]),
    "@timestamp": lambda item: item["exported"],
}
WOULD_CARRY: dict[str, tuple[str, ...]] = {}
NOT_CARRIED = {"@version": "the format of logstash's own events"}


def _late(instant: str, version: int) -> str:
    # logstash takes the milliseconds off a whole second that it has not borrowed, so that its times in v9 are one second late.
    if version != 9:
        return instant
    return (datetime.fromisoformat(instant) + timedelta(seconds=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _application(raw: bytes) -> str:
    if raw[0] == 20:  # of a vendor: RFC 6759 section 4.1
        return f"20..{int.from_bytes(raw[1:5], 'big')}..{int.from_bytes(raw[5:], 'big')}"
    return f"{raw[0]}..{int.from_bytes(raw[1:], 'big')}"


def _label(raw: bytes) -> dict[str, int]:
    number = int.from_bytes(raw, "big")
    return {"label": number >> 12, "experimental": number >> 9 & 7, "bottom_of_stack": number >> 8 & 1, "ttl": number & 255}


WRITTEN: dict[str, tuple[str, Callable[[bytes], object]]] = {
    "application_id": ("0.95", _application),
    "forwarding_status": ("0.89", lambda raw: {"status": raw[-1] >> 6, "reason": raw[-1] & 63}),
    "mpls_label_stack_octets": ("0.201", _label),
    "ingress_acl_id": ("0.33000", lambda raw: raw.hex("-", 4)),
    "egress_acl_id": ("0.33001", lambda raw: raw.hex("-", 4)),
}


def compared(record: Record, name: str, expected: object) -> tuple[object, object]:
    """(what our record says, what logstash said), in one form."""
    if name in HEADER and not (name in {"engine_type", "engine_id"} and record.item["version"] != 5):
        return HEADER[name](record.item), expected
    if name in {"sampling_algorithm", "sampling_interval"} and record.item["version"] == 5:
        return record.item[name.replace("algorithm", "mode")], expected
    found = dict(record.fields)  # of repeated elements the last, as there
    if name in WRITTEN:
        key, write = WRITTEN[name]
        return write(found[key]), expected
    keys = NAMES.get(name) or [key for key in found if _name(key) == name]
    key = next(key for key in keys if key in found)
    raw, kind = found[key], element(*map(int, key.split("."))).kind if key[0] != "s" else "u"
    if isinstance(expected, int) and kind != "f":
        return int.from_bytes(raw, "big"), expected
    if kind == "s":
        return raw.decode("latin-1").rstrip("\0"), expected
    return value(kind, raw), expected


def _name(key: str) -> str:
    return element(*map(int, key.split("."))).name if key[0] != "s" else key
