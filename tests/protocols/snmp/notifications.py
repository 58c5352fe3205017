"""Traps and informs as devices send them, made here: v1, v2c, and v3 of a user at an engine."""

from __future__ import annotations

from protocols.snmp import ber, message, oid, usm, v3
from protocols.snmp.message import VarBind
from protocols.snmp.trap import TRAP_OID, UPTIME, V1_TRAP
from protocols.snmp.usm import User
from protocols.snmp.v3 import Envelope, Scoped

LINK_DOWN = oid.parse("1.3.6.1.6.3.1.1.5.3")
IF_INDEX = oid.parse("1.3.6.1.2.1.2.2.1.1.3")
IF_NAME = oid.parse("1.3.6.1.2.1.31.1.1.1.1.3")
APC = oid.parse("1.3.6.1.4.1.318")
BINDS = (VarBind(IF_INDEX, ber.INTEGER, 3), VarBind(IF_NAME, ber.OCTET_STRING, b"ge-0/0/3"))
USER = User(b"trapu", "sha256", b"authpass1234", "aes128", b"privpass1234")
SENDER = bytes.fromhex("8000000001020304")
ID = 1 << 30


def pdu(kind: int = message.TRAP, request_id: int = 77, binds: tuple[VarBind, ...] = BINDS, named: bytes = LINK_DOWN) -> bytes:
    head = (VarBind(UPTIME, message.TIME_TICKS, 1234), VarBind(TRAP_OID, ber.OBJECT_IDENTIFIER, named))
    content = b"".join(message.encode_varbind(bind) for bind in (*head, *binds))
    fields = b"".join(ber.number(ber.INTEGER, number) for number in (request_id, 0, 0))
    return ber.element(kind, fields + ber.element(ber.SEQUENCE, content))


def v2c(kind: int = message.TRAP, community: bytes = b"public", **more: object) -> bytes:
    head = ber.number(ber.INTEGER, 1) + ber.element(ber.OCTET_STRING, community)
    return ber.element(ber.SEQUENCE, head + pdu(kind, **more))  # type: ignore[arg-type]


def v1(generic: int, specific: int, enterprise: bytes = APC, address: bytes = b"\x0a\x01\x01\x01", version: int = 0) -> bytes:
    head = ber.number(ber.INTEGER, version) + ber.element(ber.OCTET_STRING, b"public")
    fields = (
        ber.element(ber.OBJECT_IDENTIFIER, enterprise)
        + ber.element(message.IP_ADDRESS, address)
        + ber.number(ber.INTEGER, generic)
        + ber.number(ber.INTEGER, specific)
        + ber.number(message.TIME_TICKS, 99)
    )
    binds = ber.element(ber.SEQUENCE, b"".join(message.encode_varbind(bind) for bind in BINDS))
    return ber.element(ber.SEQUENCE, head + ber.element(V1_TRAP, fields + binds))


def sealed(
    inner: bytes,
    engine: bytes = SENDER,
    clock: tuple[int, int] = (5, 1000),
    user: User = USER,
    flags: int | None = None,
    *,
    salt: int = 9,
    reportable: bool = False,
) -> bytes:
    """A message of v3 with the PDU `inner`, as `user` sends it to or from `engine`."""
    keys = usm.keys(user, engine)
    body, field = v3.encode_scoped(Scoped(engine, b"", inner)), b""
    if user.priv:
        body, field = usm.encrypt(user, keys.priv, body, clock, salt)
    digest = bytes(usm.DIGESTS[user.auth]) if user.auth else b""
    level = (user.flags if flags is None else flags) | (v3.REPORTABLE if reportable else 0)
    data, at = v3.encode(Envelope(ID, level, engine, *clock, user.name, digest, 0, field, body))
    return data[:at] + usm.digest(user, keys.auth, data) + data[at + len(digest) :] if user.auth else data


def question() -> bytes:
    """Who are you? As a sender of informs asks first."""
    empty = Scoped(b"", b"", ber.element(message.GET, b"\x02\x01\x00" * 3 + b"\x30\x00"))
    return v3.encode(Envelope(ID, v3.REPORTABLE, b"", 0, 0, b"", b"", 0, b"", v3.encode_scoped(empty)))[0]
