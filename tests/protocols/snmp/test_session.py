"""An SNMPv3 session against an engine in the test's hands: who is believed, and who is not."""

from __future__ import annotations

import pytest

from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid, usm, v3
from protocols.snmp.message import VarBind
from protocols.snmp.request import decode_pdu, get
from protocols.snmp.session import Session
from protocols.snmp.usm import User
from protocols.snmp.v3 import Envelope, Scoped
from protocols.wire import Reader

NAME = oid.parse("1.3.6.1.2.1.1.5.0")
REQUEST = get(b"", (NAME,), v3.V3)
ID = 0x40000001
ENGINE = b"\x80\x00\x1f\x88\x04test"
USER = User(b"joe", "sha256", b"authentic-phrase", "aes128", b"private-phrase")
UNKNOWN_ENGINE = oid.parse("1.3.6.1.6.3.15.1.1.4.0")
NOT_IN_WINDOW = oid.parse("1.3.6.1.6.3.15.1.1.2.0")
WRONG_DIGEST = oid.parse("1.3.6.1.6.3.15.1.1.5.0")


def pdu(tag: int, bind: VarBind, number: int = ID) -> bytes:
    fields = b"".join(ber.number(ber.INTEGER, field) for field in (number, 0, 0))
    return ber.element(tag, fields + ber.element(ber.SEQUENCE, message.encode_varbind(bind)))


ANSWER = pdu(message.RESPONSE, VarBind(NAME, ber.OCTET_STRING, b"edge1"))


def report(name: bytes) -> bytes:
    return pdu(message.REPORT, VarBind(name, message.COUNTER32, 1))


def said(
    body: bytes, flags: int = 3, clock: tuple[int, int] = (5, 1000), user: User = USER, engine: bytes = ENGINE, number: int = ID
) -> bytes:
    """What an engine says, signed and encrypted as `flags` want it."""
    keys = usm.keys(user, engine)
    plain, salt = v3.encode_scoped(Scoped(engine, b"", body)), b""
    if flags & v3.ENCRYPTED:
        plain, salt = usm.encrypt(user, keys.priv, plain, clock, 99)
    digest = bytes(usm.DIGESTS[user.auth]) if flags & v3.AUTHENTICATED else b""
    data, at = v3.encode(Envelope(number, flags, engine, *clock, user.name, digest, 0, salt, plain))
    if flags & v3.AUTHENTICATED:
        data = data[:at] + usm.digest(user, keys.auth, data) + data[at + len(digest) :]
    return data


def known(now: float = 0.0) -> Session:
    """A session that has heard of its engine, and once from it."""
    session = Session(USER, b"", 1)
    assert session.pdu(ID, said(report(UNKNOWN_ENGINE), 0), now) is None
    assert session.pdu(ID, said(ANSWER), now) == ANSWER
    return session


def test_the_first_question_is_who_the_engine_is() -> None:
    asked = v3.decode(Session(USER, b"", 1).datagram(REQUEST, ID, 0.0))
    assert (asked.number, asked.flags, asked.engine, asked.user, asked.digest) == (ID, v3.REPORTABLE, b"", b"", b"")


def test_a_question_is_signed_encrypted_and_carries_the_engines_time() -> None:
    data = known(10.0).datagram(REQUEST, ID, 42.0)
    asked = v3.decode(data)
    assert (asked.flags, asked.engine, asked.boots, asked.time, asked.user) == (7, ENGINE, 5, 1032, b"joe")
    keys = usm.keys(USER, ENGINE)
    assert usm.is_authentic(USER, keys.auth, data, asked.digest_at)
    plain = usm.decrypt(USER, keys.priv, asked.body, (5, 1032), asked.salt)
    assert v3.scoped(plain, padded=False).pdu == REQUEST.datagram(ID)


def test_an_answer_is_read() -> None:
    found = known().pdu(ID, said(ANSWER), 1.0)
    assert found is not None
    (bind,) = decode_pdu(REQUEST, ID, Reader(found)).varbinds
    assert bind.value == b"edge1"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (said(ANSWER, 0), "unauthenticated"),
        (said(ANSWER, 1), "unauthenticated"),
        (said(ANSWER, number=ID + 1), "request_id"),
        (said(ANSWER, engine=b"another-engine"), "engine"),
        (said(ANSWER, user=USER._replace(name=b"ann")), "engine"),
        (said(ANSWER, user=USER._replace(auth_secret=b"another-phrase")), "digest"),
        (said(ANSWER, user=USER._replace(auth="sha1")), "digest"),
        (said(ANSWER, user=USER._replace(priv_secret=b"another-phrase")), "decryption"),
        (said(ANSWER, clock=(4, 99_999)), "late"),
        (said(ANSWER, clock=(5, 849)), "late"),
        (said(report(WRONG_DIGEST), 0), "wrong_digest"),
        (said(report(b"\x2b\x01"), 0), "report"),
    ],
)
def test_what_is_not_proven_is_not_believed(data: bytes, kind: str) -> None:
    session = known()
    with pytest.raises(DecodeError) as fault:
        session.pdu(ID, data, 1.0)
    assert fault.value.kind == kind
    assert session.pdu(ID, said(ANSWER), 1.0) == ANSWER  # and changes nothing


def test_an_old_answer_is_late_when_the_window_has_moved_on() -> None:
    session = known(0.0)
    old = said(ANSWER)
    assert session.pdu(ID, old, 149.0) == ANSWER
    with pytest.raises(DecodeError, match="replayed"):
        session.pdu(ID, old, 152.0)


def test_after_a_boot_of_the_engine_its_authentic_report_tells_the_new_time() -> None:
    session = known()
    assert session.pdu(ID, said(report(NOT_IN_WINDOW), 1, (6, 3)), 100.0) is None
    asked = v3.decode(session.datagram(REQUEST, ID, 110.0))
    assert (asked.boots, asked.time) == (6, 13)


def test_an_unauthentic_report_moves_no_clock() -> None:
    session = known()
    with pytest.raises(DecodeError):
        session.pdu(ID, said(report(NOT_IN_WINDOW), 0, (6, 3)), 100.0)
    assert v3.decode(session.datagram(REQUEST, ID, 100.0)).boots == 5


def test_every_truncation_and_every_flipped_byte_is_a_decode_error() -> None:
    whole = said(ANSWER)
    for size in range(len(whole)):
        with pytest.raises(DecodeError):
            known().pdu(ID, whole[:size], 0.0)
    session = known()
    for place in range(len(whole)):
        changed = whole[:place] + bytes((whole[place] ^ 0x55,)) + whole[place + 1 :]
        with pytest.raises(DecodeError):
            session.pdu(ID, changed, 0.0)
