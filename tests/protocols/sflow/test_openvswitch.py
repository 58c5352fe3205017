"""Every sample of a real Open vSwitch is to us what it is to tshark, field by field."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from protocols import pcap
from protocols.sflow.words import described
from tests.peers import ROOT, need
from tests.protocols.sflow.openvswitch import framed
from tests.protocols.test_pcap import classic

UNKNOWN = (1004, 1005)  # counters of OpenFlow ports: tshark does not know them, takes them for eight bytes and loses its way
# tshark's name -> ours; numbers.
NUMBERS = {
    "sflow.flow_sample.source_id_class": "source_type", "sflow.flow_sample.index": "source_index",
    "sflow.flow_sample.sampling_rate": "rate", "sflow.flow_sample.sample_pool": "pool",
    "sflow.flow_sample.dropped_packets": "drops", "sflow_245.vlan.in": "in_vlan", "sflow_245.vlan.out": "out_vlan",
    "sflow_245.pri.in": "in_priority", "sflow_245.pri.out": "out_priority", "sflow_245.header.frame_length": "frame",
    "sflow_245.header.payload_stripped": "stripped", "sflow.counters_sample.source_id_type": "source_type",
    "sflow.counters_sample.source_id_index": "source_index", "sflow_245.ifindex": "index", "sflow_245.iftype": "type",
    "sflow_245.ifspeed": "speed", "sflow_245.ifdirection": "direction", "sflow_245.ifinoct": "in_octets",
    "sflow_245.ifinpkt": "in_unicast", "sflow_245.ifinmcast": "in_multicast", "sflow_245.ifinbcast": "in_broadcast",
    "sflow_245.ifindisc": "in_discards", "sflow_245.ifinerr": "in_errors", "sflow_245.ifinunk": "in_unknown",
    "sflow_245.ifoutoct": "out_octets", "sflow_245.ifoutpkt": "out_unicast", "sflow_245.ifoutmcast": "out_multicast",
    "sflow_245.ifoutbcast": "out_broadcast", "sflow_245.ifoutdisc": "out_discards", "sflow_245.ifouterr": "out_errors",
    "sflow_245.ifpromisc": "promiscuous",
    # of the sampled packet
    "vlan.id": "vlan", "ip.dsfield": "tos", "ipv6.tclass": "tos", "ip.len": "ip_length", "ip.proto": "protocol", "ipv6.nxt": "protocol", "ipv6.hopopts.nxt": "protocol",
    "tcp.srcport": "source_port", "udp.srcport": "source_port", "tcp.dstport": "destination_port",
    "udp.dstport": "destination_port",
}  # fmt: skip
WORDS = {"eth.src": "source_mac", "eth.dst": "destination_mac", "ip.src": "source", "ip.dst": "destination", "ipv6.src": "source",
         "ipv6.dst": "destination"}  # fmt: skip
OTHERWISE: dict[str, Callable[[dict[str, Any]], object]] = {
    "sflow.flow_sample.sequence_number": lambda item: item["sequence"],
    "sflow.counters_sample.sequence_number": lambda item: item["sequence"],
    "sflow.flow_sample.input_interface": lambda item: item["fields"]["input_format"] << 30 | item["fields"]["input"],
    "sflow.flow_sample.output_interface": lambda item: item["fields"]["output_format"] << 30 | item["fields"]["output"],
    "sflow.flow_sample.flow_record": lambda item: len(item["raw"]),
    "sflow.counters_sample.counters_records": lambda item: len(set(item["raw"]) - {f"0.{kind}" for kind in UNKNOWN}),
    "sflow_245.header_protocol": lambda item: int(item["raw"]["0.1"][:8], 16),
    "sflow_245.header.sampled_header_length": lambda item: int(item["raw"]["0.1"][24:32], 16),
    "sflow_245.ifadmin_status": lambda item: item["fields"]["status"] & 1,
    "sflow_245.ifoper_status": lambda item: item["fields"]["status"] >> 1 & 1,
}


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("ovsdb-server", "ovs-vswitchd", "ovsdb-tool", "ovs-vsctl", "tshark", "ip", "unshare"):
        need(name)
    folder = tmp_path_factory.mktemp("ovs")
    command = ["unshare", "-n", sys.executable, "-m", "tests.protocols.sflow.openvswitch", str(folder)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "sflow.pcap"


def test_every_sample_is_what_tshark_says(captured: Path, tmp_path: Path) -> None:
    datagrams = list(pcap.datagrams(captured.read_bytes(), Counter()))
    plain = tmp_path / "plain.pcap"
    plain.write_bytes(classic(*(framed(without_ports(datagram.payload)) for datagram in datagrams)))
    # What these find malformed in a sampled packet ends the dissection of the whole datagram.
    disabled = [f"--disable-protocol={name}" for name in ("dns", "tls")]
    command = ["tshark", "-n", "-r", plain, "-T", "pdml", *disabled]
    pdml = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    theirs = [
        sample
        for sample in ET.fromstring(pdml).findall(".//proto[@name='sflow']/field")
        if "sample, seq" in sample.get("show", "")
    ]
    ours = [item for datagram in datagrams for item in described(datagram.payload, datagram.source)]
    assert len(ours) == len(theirs)
    assert Counter(item["kind"] for item in ours)["flow"] >= 30
    compared: Counter[str] = Counter()
    for item, sample in zip(ours, theirs, strict=True):
        for field in sample.iter("field"):
            name = field.get("name", "")
            expected = field.get("show", "")
            if name == "ipv6.nxt" and expected == "0":  # an extension, behind which the protocol stands
                continue
            if name in NUMBERS:
                assert item["fields"][NUMBERS[name]] == int(expected, 0), name
            elif name in WORDS:
                assert item["fields"][WORDS[name]] == expected, name
            elif name in OTHERWISE:
                assert OTHERWISE[name](item) == _number(expected), name
            elif name == "sflow_245.header":
                assert item["raw"]["0.1"][32:].startswith(field.get("value", "-"))
            else:
                continue
            compared[name] += 1
    assert {"ip.src", "ipv6.src", "vlan.id", "tcp.srcport", "udp.dstport", "sflow_245.ifinoct", "sflow_245.vlan.in"} <= set(
        compared
    )


def without_ports(data: bytes) -> bytes:
    """A datagram of an agent with an IPv4 address without the records that tshark cannot read."""
    (count,) = struct.unpack_from("!I", data, 24)
    found, at = data[:28], 28
    for _ in range(count):
        kind, size = struct.unpack_from("!II", data, at)
        body, at = data[at + 8 : at + 8 + size], at + 8 + size
        if kind == 2:
            kept, to = [], 12
            while to < len(body):
                record, length = struct.unpack_from("!II", body, to)
                end = to + 8 + length + -length % 4
                kept += [] if record in UNKNOWN else [body[to:end]]
                to = end
            body = body[:8] + struct.pack("!I", len(kept)) + b"".join(kept)
        found += struct.pack("!II", kind, len(body)) + body
    return found


def _number(shown: str) -> int:
    return {"True": 1, "False": 0}.get(shown) if shown in {"True", "False"} else int(shown, 0)  # type: ignore[return-value]
