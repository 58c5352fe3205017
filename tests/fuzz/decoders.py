"""What is fuzzed: a decoder of untrusted bytes and the seeds whose mutations it is given. Adding one is a function and a line."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from agent import names
from agent.decode_flows import Flows
from protocols import cloud, dns, icmp, pcap, syslog, x509
from protocols.errors import DecodeError
from protocols.netflow.columns import COLUMNS, column, family
from protocols.netflow.decoder import Decoder
from protocols.netflow.facts import facts
from protocols.radius import accounting, packet
from protocols.sflow import columns as sflow
from protocols.sflow.words import described
from protocols.snmp import ber, layout, message, oid, trap
from protocols.snmp.message import likely_id
from protocols.snmp.receiver import Own, Receiver
from protocols.snmp.request import decode_answer, decode_pdu, get
from protocols.snmp.session import Session
from protocols.snmp.walk import Walk
from protocols.uplink import batch, plan
from protocols.wire import Reader, text
from tests.protocols.netflow.messages import SEEDS as FLOWS
from tests.protocols.radius.packets import SECRET
from tests.protocols.radius.packets import SEEDS as ACCOUNTING
from tests.protocols.sflow.samples import SEEDS as SAMPLES
from tests.protocols.snmp.goldens import NAMES, datagram
from tests.protocols.snmp.notifications import SENDER, pdu, question, sealed, v1, v2c
from tests.protocols.snmp.notifications import USER as TRAP_USER
from tests.protocols.snmp.test_session import ANSWER, ID, REQUEST, UNKNOWN_ENGINE, USER, known, report, said
from tests.protocols.test_dns import FULL, NAME, record, response
from tests.protocols.test_icmp import V4, V6
from tests.protocols.test_pcap import MACS, blocks, classic
from tests.protocols.test_pcap import V4 as PACKET4
from tests.protocols.test_pcap import V6 as PACKET6
from tests.protocols.test_syslog import SEEDS as LINES
from tests.protocols.test_x509 import DER

_ASKED = get(b"public", (oid.parse("1.3.6.1.4.1"), oid.parse("1.3.6.1.4.2")))


class Fuzzed(NamedTuple):
    """`one` takes an input all the way it goes, and catches DecodeError where it may come; `seeds` are inputs that make sense."""

    one: Callable[[bytes], None]
    seeds: Sequence[bytes]


def radius(data: bytes) -> None:
    """A packet to the accounting port: verified, and what it would say if it were signed."""
    with contextlib.suppress(DecodeError):
        packet.request(data, SECRET)
    with contextlib.suppress(DecodeError):
        accounting.accounting(packet.attributes(data))


def snmp(data: bytes) -> None:
    """A datagram from a device that was asked by community, or by a user who signs."""
    with contextlib.suppress(DecodeError):
        Walk(b"public", (b"\x2b",), 10).take(decode_answer(_ASKED, message.request_id(data), data))
    with contextlib.suppress(DecodeError):
        for bind in message.decode(data).varbinds:
            oid.dotted(bind.oid)
            if isinstance(bind.value, bytes):
                text(bind.value)
    for fresh in (known(), Session(USER, b"", 1)):  # signed by nobody, so nothing of it may be believed
        with contextlib.suppress(DecodeError):
            fresh.pdu(ID, data, 0.0)
    with contextlib.suppress(DecodeError):
        layout.learn(data, {0, 1}, bare=False)
    likely_id(data)


def snmp_signed(data: bytes) -> None:
    """What a device with our user's keys says: a hostile PDU that is authentic and encrypted."""
    with contextlib.suppress(DecodeError):
        pdu = known().pdu(ID, said(data), 0.0)
        if pdu is not None:
            decode_pdu(REQUEST, ID, Reader(pdu))


def snmp_walk(data: bytes) -> None:
    """The variable-bindings of an answer to a walk of three columns, twice: the second must have moved on."""
    walk = Walk(b"public", (b"\x2b\x06", b"\x2b\x07", b"\x2b\x08"), 10)
    with contextlib.suppress(DecodeError):
        reader = Reader(data)
        binds = message.varbinds(reader)
        reader.finish()
        while walk.request:  # a walk that does not end is the fault this looks for
            walk.take(decode_pdu(walk.request, ID, Reader(_response(binds))))


def _response(binds: Sequence[message.VarBind]) -> bytes:
    fields = b"".join(ber.number(ber.INTEGER, number) for number in (ID, 0, 0))
    content = ber.element(ber.SEQUENCE, b"".join(message.encode_varbind(bind) for bind in binds))
    return ber.element(message.RESPONSE, fields + content)


def _walked() -> list[bytes]:
    rows = [message.VarBind(bytes((0x2B, column, row)), ber.INTEGER, row) for row in (1, 2, 3) for column in (6, 7, 8)]
    content = b"".join(message.encode_varbind(bind) for bind in rows)
    return [ber.element(ber.SEQUENCE, content), ber.element(ber.SEQUENCE, content[:-10])]


def dns_answer(data: bytes) -> None:
    """A name server's answer."""
    with contextlib.suppress(DecodeError):
        dns.decode(data)


def certificate(data: bytes) -> None:
    """The certificate of a web server."""
    with contextlib.suppress(DecodeError):
        x509.expiry(data)


def icmp_message(data: bytes) -> None:
    """What comes out of an ICMP socket, of either family, raw or not."""
    for v6 in (False, True):
        with contextlib.suppress(DecodeError):
            icmp.decode(data, v6=v6)
    with contextlib.suppress(DecodeError):
        icmp.decode(icmp.strip_ipv4(data), v6=False)


def _icmp_seeds() -> list[bytes]:
    asked = icmp.echo(0x1234, 7, b"payload", v6=False)
    return [asked, b"\x03\x01" + bytes(6) + V4 + asked, b"\x01\x01" + bytes(6) + V6 + asked, V4 + asked]


def uplink(data: bytes) -> None:
    """A batch from an agent, as it comes over HTTP, and its inside without the compression that hides it from mutations."""
    for encoding in ("zstd", "identity"):
        with contextlib.suppress(DecodeError):
            batch.decode(data, encoding)  # type: ignore[arg-type]


def _batches() -> list[bytes]:
    numbers = np.arange(4)
    samples = batch.Samples(
        numbers.astype(np.uint32), np.zeros(4, np.uint16), np.zeros(4, np.uint32), numbers.astype(np.int64) + 10**15,
        numbers * 1.5, np.ones(4, np.float32), np.zeros(4, np.uint8), ["rtt"], [""],
        numbers.astype(np.uint32), np.full(4, 60, np.float32),
    )  # fmt: skip
    packed = batch.encode(batch.Batch(samples=samples))
    return [packed, batch._unpack(packed, "zstd")]


def agents_plan(data: bytes) -> None:
    """A plan, as an agent gets it or finds it on its disk."""
    with contextlib.suppress(DecodeError):
        plan.decode_plan(data)


def _plans() -> list[bytes]:
    sensor = plan.Snmp(1, "public", ("auto",))
    return [plan.encode_json(plan.Plan("1", "", (plan.Target("edge1", "edge1", "192.0.2.1", (sensor, plan.Ping(2))),)))]


def flows(data: bytes) -> None:
    """A message of NetFlow or IPFIX, twice, so that its own templates are known to its data; all that is made of it."""
    reader = Flows()
    for _ in range(2):
        decoded = reader.decoder.decode([("192.0.2.1", data)], 10**15)
        reader.objects(decoded)
        for records in decoded.flows:
            for name in COLUMNS:
                column(records, name)
            family(records)
        for records in decoded.options:
            list(facts(records, decoded))
    Decoder().restore(reader.decoder.snapshot(), 10**15)


def samples(data: bytes) -> None:
    """A datagram of sFlow, as columns and in words."""
    sflow.decode([("192.0.2.1", data)], Counter())
    described(data, "192.0.2.1")


def capture(data: bytes) -> None:
    """A capture file."""
    with contextlib.suppress(DecodeError):
        list(pcap.datagrams(data, Counter()))


def cloud_list(data: bytes) -> None:
    """A file in which a cloud provider publishes its networks."""
    for name in ("", "Us"):
        with contextlib.suppress(DecodeError):
            cloud.read(data, name)


_NAMES = names.load()


def notification(data: bytes) -> None:
    """A datagram to the port of traps, of any version, to the words that are kept of it."""
    with contextlib.suppress(DecodeError):
        _NAMES.trap(trap.decode(data).trap)
    with contextlib.suppress(DecodeError):
        Receiver(Own(SENDER, 1, 0.0), 1).hear(data, TRAP_USER, 10.0)


def notification_signed(data: bytes) -> None:
    """What a device with our user's keys tells: a hostile PDU that is authentic and encrypted."""
    with contextlib.suppress(DecodeError):
        heard = Receiver(Own(b"\x80\0\0\0\x05abcd", 1, 0.0), 1).hear(sealed(data), TRAP_USER, 10.0)
        if heard.trap is not None:
            _NAMES.trap(heard.trap)


def syslog_line(data: bytes) -> None:
    """A datagram of syslog, and the same as a stream."""
    with contextlib.suppress(DecodeError):
        syslog.decode(data, 10**15)
    with contextlib.suppress(DecodeError):
        frames = syslog.Frames()
        for line in (*frames.take(data[:7]), *frames.take(data[7:])):
            with contextlib.suppress(DecodeError):
                syslog.decode(line, 10**15)


_FRAME = MACS + b"\x86\xdd" + PACKET6
DECODERS: dict[str, Fuzzed] = {
    "snmp": Fuzzed(snmp, [*map(datagram, NAMES), said(ANSWER), said(ANSWER, 0), said(report(UNKNOWN_ENGINE), 0)]),
    "snmp_signed": Fuzzed(snmp_signed, [ANSWER, report(UNKNOWN_ENGINE)]),
    "snmp_walk": Fuzzed(snmp_walk, _walked()),
    "dns": Fuzzed(dns_answer, [FULL, response(high=0x83), response(record(5, NAME))]),
    "x509": Fuzzed(certificate, [DER]),
    "icmp": Fuzzed(icmp_message, _icmp_seeds()),
    "uplink": Fuzzed(uplink, _batches()),
    "flows": Fuzzed(flows, FLOWS),
    "sflow": Fuzzed(samples, SAMPLES),
    "radius": Fuzzed(radius, ACCOUNTING),
    "pcap": Fuzzed(capture, [classic(_FRAME, _FRAME), classic(PACKET4, link=113), blocks(_FRAME)]),
    "cloud": Fuzzed(
        cloud_list, [b'{"prefixes": [{"ip_prefix": "3.5.140.0/22", "ipv4Prefix": "8.8.4.0/24"}]}', b"192.0.2.0/24\n"]
    ),
    "trap": Fuzzed(notification, [v2c(), v2c(message.INFORM), v1(6, 5), sealed(pdu()), question()]),
    "trap_signed": Fuzzed(notification_signed, [pdu(), pdu(message.INFORM)]),
    "syslog": Fuzzed(syslog_line, LINES),
    "plan": Fuzzed(agents_plan, _plans()),
}
