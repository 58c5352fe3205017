"""Traps and informs of SNMPv1 and v2c, and the PDUs that v3 wraps (RFC 1157 section 4.1.6, RFC 3416 section 4.2.6), v1 as v2."""

from __future__ import annotations

from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid
from protocols.snmp.message import INFORM, TRAP, V1, V2C, VarBind
from protocols.wire import Reader

V1_TRAP = 0xA4
ENTERPRISE_SPECIFIC = 6  # generic-trap
MOST_BINDS = 512

UPTIME = oid.parse("1.3.6.1.2.1.1.3.0")
TRAP_OID = oid.parse("1.3.6.1.6.3.1.1.4.1.0")
STANDARD = oid.parse("1.3.6.1.6.3.1.1.5")  # snmpTraps: coldStart is .1
# What an entity that turns v1 into v2 adds (RFC 3584 section 3.1)
ADDRESS = oid.parse("1.3.6.1.6.3.18.1.3.0")
ENTERPRISE = oid.parse("1.3.6.1.6.3.1.1.4.3.0")


class Trap(NamedTuple):
    """What a device tells. `pdu` is V1_TRAP, TRAP or INFORM; `varbinds` are without sysUpTime.0 and snmpTrapOID.0."""

    pdu: int
    request_id: int  # 0 of a v1 trap
    oid: bytes  # snmpTrapOID, of a v1 trap as RFC 3584 section 3.1 maps it
    uptime: int  # hundredths of a second
    varbinds: tuple[VarBind, ...]


class Message(NamedTuple):
    """A trap of v1 or v2c with its community; an inform is answered by the datagram with the tag at `pdu_at` turned."""

    version: int
    community: bytes
    trap: Trap
    pdu_at: int


def version(data: bytes) -> int:
    """The version that a datagram says it has. Raises DecodeError: truncated, length, tag, integer."""
    reader = Reader(data)
    ber.enter(reader, ber.SEQUENCE)
    return ber.integer(reader)


def decode(data: bytes) -> Message:
    """The trap or inform in `data`. Raises DecodeError: truncated, length, tag, version, pdu, integer, oid, trailing, head."""
    reader = Reader(data)
    whole = ber.enter(reader, ber.SEQUENCE)
    if whole != reader.end:
        raise DecodeError("trailing", f"{reader.end - whole} bytes follow the message")
    said = ber.integer(reader)
    if said not in {V1, V2C}:
        raise DecodeError("version", f"message version {said} is neither v1 nor v2c")
    community = ber.octets(reader)
    at = reader.at
    found = _pdu(reader, whole)
    if (found.pdu == V1_TRAP) != (said == V1):
        raise DecodeError("pdu", f"PDU {found.pdu:#04x} does not belong in a message of version {said}")
    return Message(said, community, found, at)


def decode_pdu(data: bytes) -> Trap:
    """The trap or inform of v2 that `data` is, a whole PDU. Raises DecodeError as `decode`."""
    reader = Reader(data)
    found = _pdu(reader, reader.end)
    if found.pdu == V1_TRAP:
        raise DecodeError("pdu", "a v1 trap does not belong in a message of v3")
    return found


def response(data: bytes, found: Message) -> bytes:
    """The acknowledgement of an inform of v2c: the same varbinds, as a Response (RFC 3416 section 4.2.7)."""
    return data[: found.pdu_at] + bytes((message.RESPONSE,)) + data[found.pdu_at + 1 :]


def response_pdu(pdu: bytes) -> bytes:
    """The Response to the inform `pdu`, a whole PDU."""
    return bytes((message.RESPONSE,)) + pdu[1:]


def _pdu(reader: Reader, whole: int) -> Trap:
    tag, end = reader.header()
    if end != whole:
        raise DecodeError("length", "the PDU does not fill the message")
    if tag == V1_TRAP:
        return _v1(reader, end)
    if tag not in {TRAP, INFORM}:
        raise DecodeError("pdu", f"PDU {tag:#04x} is neither trap nor inform")
    request_id, _, _ = ber.integer(reader), ber.integer(reader), ber.integer(reader)
    binds = _binds(reader, end)
    if len(binds) < 2 or binds[0].oid != UPTIME or binds[1].oid != TRAP_OID:
        raise DecodeError("head", "a trap begins with sysUpTime.0 and snmpTrapOID.0")
    uptime, named = binds[0].value, binds[1].value
    if not isinstance(uptime, int) or binds[1].tag != ber.OBJECT_IDENTIFIER or not isinstance(named, bytes):
        raise DecodeError("head", "sysUpTime.0 or snmpTrapOID.0 has a value of another type")
    oid.checked(named)
    return Trap(tag, request_id, named, uptime, binds[2:])


def _v1(reader: Reader, end: int) -> Trap:
    enterprise = ber.octets(reader, ber.OBJECT_IDENTIFIER)
    oid.checked(enterprise)
    address = ber.octets(reader, message.IP_ADDRESS)
    generic, specific = ber.integer(reader), ber.integer(reader)
    uptime = ber.unsigned(ber.octets(reader, message.TIME_TICKS))
    binds = _binds(reader, end)
    if not 0 <= generic <= ENTERPRISE_SPECIFIC or specific < 0:
        raise DecodeError("head", f"generic trap {generic}, specific trap {specific}: there are none such")
    own = generic == ENTERPRISE_SPECIFIC
    named = enterprise + b"\0" + oid.arc(specific) if own else STANDARD + oid.arc(generic + 1)
    names = {bind.oid for bind in binds}
    if ADDRESS not in names and len(address) == 4 and any(address):
        binds += (VarBind(ADDRESS, message.IP_ADDRESS, address),)
    if ENTERPRISE not in names:
        binds += (VarBind(ENTERPRISE, ber.OBJECT_IDENTIFIER, enterprise),)
    return Trap(V1_TRAP, 0, named, uptime, binds)


def _binds(reader: Reader, end: int) -> tuple[VarBind, ...]:
    if ber.enter(reader, ber.SEQUENCE) != end:
        raise DecodeError("length", "the variable bindings do not fill the PDU")
    binds: list[VarBind] = []
    while reader.at < end:
        bind_end = ber.enter(reader, ber.SEQUENCE)
        name = oid.checked(ber.octets(reader, ber.OBJECT_IDENTIFIER))
        tag, content = message.value(reader)
        ber.leave(reader, bind_end)
        binds.append(VarBind(name, tag, content))
        if len(binds) > MOST_BINDS:
            raise DecodeError("head", f"more than {MOST_BINDS} variable bindings")
    ber.leave(reader, end)
    return tuple(binds)
