"""Our codec against pysnmp's: what one encodes, the other reads as the same message, whatever the values."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api, rfc1902, rfc1905
from pysnmp.proto.api import v1, v2c

from protocols.snmp import ber, message, oid
from protocols.snmp.message import Message, VarBind

EDGES = (0, 1, 127, 128, 255, 256, 32_767, 32_768, 2**31 - 1)
signed = st.sampled_from((*EDGES, *(-edge for edge in EDGES), -(2**31))) | st.integers(-(2**31), 2**31 - 1)
small = st.sampled_from((*EDGES, 2**31, 2**32 - 1)) | st.integers(0, 2**32 - 1)
large = st.sampled_from((*EDGES, 2**32, 2**63 - 1, 2**63, 2**64 - 1)) | st.integers(0, 2**64 - 1)
sizes = st.sampled_from((b"", b"\0", b"\x80", bytes(127), bytes(128), bytes(255), bytes(256), "żółw".encode()))
octets = sizes | st.binary(max_size=300) | st.ip_addresses(v=6).map(lambda address: address.packed)
# Opaque holds BER of its own, as net-snmp's floats do (tag 0x9f78).
opaque = octets | st.binary(min_size=4, max_size=4).map(lambda real: b"\x9f\x78\x04" + real)
arcs = st.tuples(st.integers(0, 2), st.integers(0, 39), st.lists(small, max_size=16)).map(lambda a: (a[0], a[1], *a[2]))

# Ours -> the type of SMIv2 that pysnmp has for it, and its values as both know them.
KINDS: dict[int, tuple[Any, st.SearchStrategy[Any]]] = {
    ber.INTEGER: (rfc1902.Integer32, signed),
    ber.OCTET_STRING: (rfc1902.OctetString, octets),
    ber.OBJECT_IDENTIFIER: (rfc1902.ObjectIdentifier, arcs.map(oid.encode)),
    message.IP_ADDRESS: (rfc1902.IpAddress, st.ip_addresses(v=4).map(lambda address: address.packed)),
    message.COUNTER32: (rfc1902.Counter32, small),
    message.GAUGE32: (rfc1902.Gauge32, small),
    message.TIME_TICKS: (rfc1902.TimeTicks, small),
    message.OPAQUE: (rfc1902.Opaque, opaque),
    message.COUNTER64: (rfc1902.Counter64, large),
}
ABSENT = {
    message.NO_SUCH_OBJECT: rfc1905.noSuchObject,
    message.NO_SUCH_INSTANCE: rfc1905.noSuchInstance,
    message.END_OF_MIB_VIEW: rfc1905.endOfMibView,
    ber.NULL: rfc1905.unSpecified,
}
value = st.one_of(
    *(st.tuples(st.just(tag), made) for tag, (_, made) in KINDS.items()),
    st.tuples(st.sampled_from(sorted(ABSENT)), st.none()),
)
binds = st.lists(st.builds(lambda name, said: VarBind(oid.encode(name), *said), arcs, value), max_size=6).map(tuple)
PDUS = {
    message.GET: v2c.GetRequestPDU,
    message.GET_NEXT: v2c.GetNextRequestPDU,
    message.RESPONSE: v2c.ResponsePDU,
    message.GET_BULK: v2c.GetBulkRequestPDU,
    message.INFORM: v2c.InformRequestPDU,
    message.TRAP: v2c.SNMPv2TrapPDU,
}
messages = st.builds(
    Message,
    version=st.just(message.V2C),
    community=st.binary(max_size=40),
    pdu=st.sampled_from(sorted(PDUS)),
    request_id=st.integers(-(2**31), 2**31 - 1),
    status=st.integers(0, len(message.STATUS) - 1),
    blamed=st.integers(0, 12),
    varbinds=binds,
)


def theirs(bind: VarBind) -> tuple[Any, Any]:
    """The varbind in pysnmp's types."""
    name = rfc1902.ObjectName(oid.arcs(bind.oid))
    if bind.tag in ABSENT:
        return name, ABSENT[bind.tag]
    kind, _ = KINDS[bind.tag]
    if bind.tag == ber.OBJECT_IDENTIFIER:
        assert isinstance(bind.value, bytes)
        return name, kind(oid.arcs(bind.value))
    return name, kind(hexValue=bind.value.hex()) if isinstance(bind.value, bytes) else kind(bind.value)


def ours(name: Any, said: Any) -> VarBind:
    """The way back, by the type that pysnmp found."""
    for tag, absent in ABSENT.items():
        if said.isSameTypeWith(absent):
            return VarBind(oid.encode(tuple(name)), tag)
    (tag,) = [tag for tag, (kind, _) in KINDS.items() if said.tagSet == kind.tagSet]
    if tag == ber.OBJECT_IDENTIFIER:
        found: int | bytes = oid.encode(tuple(said))
    else:
        found = said.asOctets() if tag in {ber.OCTET_STRING, message.IP_ADDRESS, message.OPAQUE} else int(said)
    return VarBind(oid.encode(tuple(name)), tag, found)


def as_theirs(sent: Message) -> bytes:
    """The message as pysnmp encodes it."""
    pdu = PDUS[sent.pdu]()
    if sent.pdu == message.GET_BULK:
        v2c.apiBulkPDU.set_defaults(pdu)
        v2c.apiBulkPDU.set_non_repeaters(pdu, sent.status)
        v2c.apiBulkPDU.set_max_repetitions(pdu, sent.blamed)
    else:
        v2c.apiPDU.set_defaults(pdu)
        v2c.apiPDU.set_error_status(pdu, sent.status)
        pdu.setComponentByPosition(2, sent.blamed, verifyConstraints=False)
    v2c.apiPDU.set_request_id(pdu, sent.request_id)
    v2c.apiPDU.set_varbinds(pdu, [theirs(bind) for bind in sent.varbinds])
    whole = v2c.Message()
    v2c.apiMessage.set_defaults(whole)
    v2c.apiMessage.set_community(whole, sent.community)
    v2c.apiMessage.set_pdu(whole, pdu)
    return bytes(encoder.encode(whole))


@settings(max_examples=60, deadline=None)
@given(messages)
def test_what_we_encode_pysnmp_reads(sent: Message) -> None:
    data = message.encode(sent)
    assert int(api.decodeMessageVersion(data)) == sent.version
    whole, rest = decoder.decode(data, asn1Spec=v2c.Message())
    assert rest == b""
    pdu = v2c.apiMessage.get_pdu(whole)
    assert v2c.apiMessage.get_community(whole).asOctets() == sent.community
    assert pdu.tagSet == PDUS[sent.pdu].tagSet
    numbers = tuple(int(pdu[position]) for position in range(3))
    assert numbers == (sent.request_id, sent.status, sent.blamed)
    assert tuple(ours(*bind) for bind in v2c.apiPDU.get_varbinds(pdu)) == sent.varbinds


@settings(max_examples=60, deadline=None)
@given(messages)
def test_what_pysnmp_encodes_we_read_and_would_encode_no_longer(sent: Message) -> None:
    data = as_theirs(sent)
    assert message.decode(data) == sent
    assert len(message.encode(sent)) <= len(data)  # pyasn1 gives -128 a byte too many


@settings(max_examples=40, deadline=None)
@given(st.lists(arcs, min_size=1, max_size=8), st.binary(max_size=20), st.integers(0, 2**31 - 1))
def test_a_request_of_v1_is_the_one_pysnmp_makes(names: Sequence[tuple[int, ...]], community: bytes, number: int) -> None:
    pdu = v1.GetRequestPDU()
    v1.apiPDU.set_defaults(pdu)
    v1.apiPDU.set_request_id(pdu, number)
    v1.apiPDU.set_varbinds(pdu, [(name, v1.null) for name in names])
    whole = v1.Message()
    v1.apiMessage.set_defaults(whole)
    v1.apiMessage.set_community(whole, community)
    v1.apiMessage.set_pdu(whole, pdu)
    asked = tuple(VarBind(oid.encode(name)) for name in names)
    assert message.encode(Message(message.V1, community, message.GET, number, 0, 0, asked)) == bytes(encoder.encode(whole))


@pytest.mark.parametrize("address", ["::", "::1", "2001:db8::ff00:42:8329", "fe80::1"])
def test_an_ipv6_address_travels_as_octets(address: str) -> None:
    packed = ipaddress.ip_address(address).packed
    bind = VarBind(oid.parse("1.3.6.1.2.1.55.1.8.1.1.1"), ber.OCTET_STRING, packed)
    assert ours(*theirs(bind)) == bind
