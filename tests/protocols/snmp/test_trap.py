"""Traps and informs of every version: what they say, and that no false credential is believed."""

from __future__ import annotations

import pytest

from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid, trap, usm, v3
from protocols.snmp.message import INFORM, TRAP, VarBind
from protocols.snmp.receiver import Heard, Own, Receiver, is_engine, new_engine
from protocols.snmp.usm import User
from tests.protocols.snmp.notifications import BINDS, LINK_DOWN, SENDER, USER, pdu, question, sealed, v1, v2c

OWN = Own(new_engine(b"12345678"), 3, 1_000.0)
NOW = 1_500.0  # 500 s after our start


def receiver() -> Receiver:
    return Receiver(OWN, 1)


def inform(**given: object) -> bytes:
    return sealed(pdu(INFORM), OWN.id, (3, 500), reportable=True, **given)  # type: ignore[arg-type]


def fault(data: bytes, user: User = USER, heard: Receiver | None = None, now: float = NOW) -> str:
    """Why nothing is believed of `data`."""
    try:
        found = (heard or receiver()).hear(data, user, now)
    except DecodeError as error:
        return error.kind
    assert found.trap is None
    return found.fault


def test_a_v2c_trap_says_its_oid_and_values() -> None:
    found = trap.decode(v2c())
    assert (found.community, found.trap.oid, found.trap.uptime, found.trap.varbinds) == (b"public", LINK_DOWN, 1234, BINDS)


def test_a_v1_trap_is_mapped_as_rfc_3584_says() -> None:
    generic, specific = trap.decode(v1(2, 0)).trap, trap.decode(v1(6, 5)).trap
    assert oid.dotted(generic.oid) == "1.3.6.1.6.3.1.1.5.3"
    assert oid.dotted(specific.oid) == "1.3.6.1.4.1.318.0.5"
    added = {oid.dotted(bind.oid): bind.value for bind in specific.varbinds[2:]}
    assert added == {"1.3.6.1.6.3.18.1.3.0": b"\x0a\x01\x01\x01", "1.3.6.1.6.3.1.1.4.3.0": oid.parse("1.3.6.1.4.1.318")}


@pytest.mark.parametrize("data", [v1(7, 0), v1(-1, 0), v1(6, -1), v1(2, 0, version=1), v2c(message.GET), v2c(named=b"\x80")])
def test_what_is_no_trap_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        trap.decode(data)


def test_a_trap_without_its_head_is_refused() -> None:
    fields = b"".join(ber.number(ber.INTEGER, number) for number in (1, 0, 0))
    bare = ber.element(TRAP, fields + ber.element(ber.SEQUENCE, message.encode_varbind(BINDS[0])))
    with pytest.raises(DecodeError, match="begins with"):
        trap.decode_pdu(bare)


def test_an_inform_is_answered_by_the_same_values() -> None:
    data = v2c(INFORM)
    answer = message.decode(trap.response(data, trap.decode(data)))
    assert (answer.pdu, answer.request_id, answer.status, answer.varbinds[2:]) == (message.RESPONSE, 77, 0, BINDS)


@pytest.mark.parametrize("data", [v2c(), v2c(INFORM), v1(6, 5), v1(2, 0)])
def test_every_truncation_is_a_decode_error(data: bytes) -> None:
    for size in range(len(data)):
        with pytest.raises(DecodeError):
            trap.decode(data[:size])


@pytest.mark.parametrize("data", [sealed(pdu()), inform(), question()])
def test_every_truncation_of_v3_is_a_decode_error(data: bytes) -> None:
    for size in range(len(data)):
        with pytest.raises(DecodeError):
            receiver().hear(data[:size], USER, NOW)


@pytest.mark.parametrize(
    "user",
    [
        USER,
        *(User(b"u", auth, b"authpass1234") for auth in usm.DIGESTS),
        *(User(b"u", "sha1", b"authpass1234", priv, b"privpass1234") for priv in usm.CIPHERS),
        User(b"u"),
    ],
)
def test_traps_and_informs_of_every_level_are_heard(user: User) -> None:
    heard = receiver()
    told = heard.hear(sealed(pdu(), user=user), user, NOW)
    asked = heard.hear(sealed(pdu(INFORM), OWN.id, (3, 500), user), user, NOW)
    assert told.trap is not None
    assert told.trap.varbinds == BINDS
    assert told.reply is None
    assert asked.trap is not None
    assert asked.reply is not None
    answer = v3.decode(asked.reply)
    assert (answer.engine, answer.boots, answer.time, answer.flags) == (OWN.id, 3, 500, user.flags)


def test_each_senders_engine_has_keys_of_its_own() -> None:
    heard = receiver()
    for number in range(20):
        engine = SENDER + bytes([number])
        assert heard.hear(sealed(pdu(), engine), USER, NOW).trap is not None
    moved = sealed(pdu()).replace(SENDER, SENDER[:-1] + b"\xff")
    assert fault(moved) == "wrong_digest"


def test_wrong_credentials_of_a_trap_are_not_believed() -> None:
    assert fault(sealed(pdu(), user=USER._replace(auth_secret=b"authpass1235"))) == "wrong_digest"
    assert fault(sealed(pdu(), user=USER._replace(priv_secret=b"privpass1235"))) == "decryption_error"
    assert fault(sealed(pdu(), user=USER._replace(name=b"other"))) == "unknown_user"
    assert fault(sealed(pdu(), user=USER._replace(auth="sha1"))) == "wrong_digest"
    assert fault(sealed(pdu(), user=USER._replace(priv="", priv_secret=b""))) == "unsupported_level"
    assert fault(sealed(pdu(), user=User(b"trapu"))) == "unsupported_level"
    assert fault(sealed(pdu(), b"")) == "engine"
    data = sealed(pdu())
    assert fault(data[:-1] + bytes([data[-1] ^ 1])) == "wrong_digest"


def test_wrong_credentials_of_an_inform_are_reported() -> None:
    assert fault(inform(user=USER._replace(auth_secret=b"authpass1235"))) == "wrong_digest"
    assert fault(inform(user=USER._replace(priv_secret=b"privpass1235"))) == "decryption_error"
    assert fault(inform(user=USER._replace(name=b"other"))) == "unknown_user"
    assert fault(inform(user=User(b"trapu"))) == "unsupported_level"
    assert fault(sealed(pdu(INFORM), SENDER, reportable=True)) == "unknown_engine"


def test_a_trap_to_our_engine_and_an_inform_to_anothers_are_refused() -> None:
    assert fault(sealed(pdu(), OWN.id, (3, 500))) == "engine"
    assert fault(sealed(pdu(INFORM))) == "engine"


@pytest.mark.parametrize("clock", [(3, 349), (3, 651), (2, 500), (4, 500), (0, 0)])
def test_an_inform_outside_the_time_window_learns_our_clock(clock: tuple[int, int]) -> None:
    found = receiver().hear(sealed(pdu(INFORM), OWN.id, clock, reportable=True), USER, NOW)
    assert (found.trap, found.fault) == (None, "not_in_time_window")
    told = v3.decode(found.reply or b"")
    assert (told.boots, told.time, told.flags) == (3, 500, v3.AUTHENTICATED)
    assert usm.is_authentic(USER, usm.keys(USER, OWN.id).auth, found.reply or b"", told.digest_at)


def test_who_asks_is_told_our_engine_and_clock() -> None:
    found = receiver().hear(question(), USER, NOW)
    told = v3.decode(found.reply or b"")
    assert (found.fault, told.engine, told.boots, told.time, told.flags) == ("unknown_engine", OWN.id, 3, 500, 0)


def test_a_replayed_trap_is_not_heard_twice() -> None:
    heard = receiver()
    data = sealed(pdu())
    assert heard.hear(data, USER, NOW).trap is not None
    assert fault(data, heard=heard) == "replayed"
    assert heard.hear(sealed(pdu(), salt=10), USER, NOW).trap is not None


def test_an_old_trap_is_late() -> None:
    heard = receiver()
    assert heard.hear(sealed(pdu(), clock=(5, 1000)), USER, NOW).trap is not None
    assert fault(sealed(pdu(), clock=(5, 849), salt=2), heard=heard) == "late"
    assert fault(sealed(pdu(), clock=(4, 9000), salt=3), heard=heard) == "late"
    assert heard.hear(sealed(pdu(), clock=(5, 851), salt=4), USER, NOW).trap is not None
    assert fault(sealed(pdu(), clock=(5, 900), salt=5), heard=heard, now=NOW + 300) == "late"
    assert heard.hear(sealed(pdu(), clock=(6, 1), salt=6), USER, NOW + 300).trap is not None


def test_what_is_remembered_of_senders_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.snmp.receiver.ENGINES", 5)
    monkeypatch.setattr("protocols.snmp.receiver.RECENT", 5)
    heard = receiver()
    for number in range(20):
        heard.hear(sealed(pdu(), SENDER + bytes([number])), USER, NOW)
        heard.hear(sealed(pdu(), salt=number), USER, NOW)
    assert len(heard._senders) <= 5
    assert all(len(sender.recent) <= 5 for sender in heard._senders.values())


def test_engine_ids_are_as_rfc_3411_wants_them() -> None:
    assert is_engine(OWN.id)
    assert not any(map(is_engine, (b"", b"1234", bytes(8), b"\xff" * 8, bytes(range(40)))))


def test_too_many_values_are_refused() -> None:
    with pytest.raises(DecodeError):
        trap.decode(v2c(binds=(VarBind(b"\x2b\x01", ber.INTEGER, 1),) * 600))


def test_nothing_is_heard_of_a_message_without_trap() -> None:
    assert isinstance(receiver().hear(question(), USER, NOW), Heard)
