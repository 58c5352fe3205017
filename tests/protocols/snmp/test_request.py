"""Requests as templates, and which answers are theirs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid
from protocols.snmp.message import Message, VarBind
from protocols.snmp.request import Request, decode_answer, get, get_bulk, get_next
from tests.protocols.snmp.goldens import datagram

UPTIME = oid.parse("1.3.6.1.2.1.1.3.0")
NAME = oid.parse("1.3.6.1.2.1.1.5.0")
ID = (1 << 30) + 7


def answer(request: Request, binds: tuple[VarBind, ...], **changes: object) -> bytes:
    sent = Message(request.version, request.community, message.RESPONSE, ID, 0, 0, binds)
    return message.encode(sent._replace(**changes))


def test_a_get_is_the_golden_one() -> None:
    assert get(b"public", (UPTIME,)).datagram(0x40000001) == datagram("get_request")


@given(
    st.sampled_from([get, get_next, lambda community, oids: get_bulk(community, oids, 25)]),
    st.binary(max_size=200),
    st.lists(st.sampled_from([UPTIME, NAME, oid.parse("1.3.6.1.2.1.31.1.1.1.6.4294967295")]), max_size=60).map(tuple),
    st.integers(1 << 30, (1 << 31) - 1),
)
def test_a_template_with_an_id_is_the_encoded_message(make, community: bytes, oids: tuple[bytes, ...], request_id: int) -> None:
    request = make(community, oids)
    decoded = message.decode(request.datagram(request_id))
    assert message.encode(decoded) == request.datagram(request_id)
    assert (decoded.request_id, decoded.community) == (request_id, community)
    assert tuple(bind.oid for bind in decoded.varbinds) == oids


def test_the_values_come_in_the_order_asked() -> None:
    request = get(b"public", (UPTIME, NAME))
    binds = (VarBind(UPTIME, message.TIME_TICKS, 42), VarBind(NAME, ber.OCTET_STRING, b"edge1"))
    assert decode_answer(request, ID, answer(request, binds)).varbinds == binds


def test_an_absent_object_is_an_answer() -> None:
    request = get(b"public", (NAME,))
    binds = (VarBind(NAME, message.NO_SUCH_OBJECT),)
    assert decode_answer(request, ID, answer(request, binds)).varbinds == binds


def test_the_same_oid_with_a_long_length_is_the_same() -> None:
    request = get(b"public", (UPTIME,))
    bind = b"\x30\x0d\x06\x81\x08" + UPTIME + b"\x05\x00"
    pdu = ber.element(message.RESPONSE, b"\x02\x04\x40\x00\x00\x07\x02\x01\x00\x02\x01\x00" + ber.element(ber.SEQUENCE, bind))
    data = ber.element(ber.SEQUENCE, b"\x02\x01\x01\x04\x06public" + pdu)
    assert decode_answer(request, ID, data).varbinds == (VarBind(UPTIME),)


def test_an_error_status_blames_a_varbind_and_brings_no_values() -> None:
    request = get(b"public", (UPTIME, NAME))
    found = decode_answer(request, ID, answer(request, (VarBind(UPTIME), VarBind(NAME)), status=5, blamed=2))
    assert found == (5, 2, ())
    assert decode_answer(request, ID, answer(request, (), status=message.TOO_BIG)) == (1, 0, ())


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"request_id": ID + 1}, "request_id"),
        ({"community": b"private"}, "community"),
        ({"version": message.V1}, "version"),
        ({"pdu": message.GET}, "pdu"),
        ({"varbinds": (VarBind(NAME), VarBind(UPTIME))}, "unexpected_oid"),
        ({"varbinds": (VarBind(UPTIME),)}, "truncated"),
        ({"varbinds": ()}, "truncated"),
        ({"varbinds": (VarBind(UPTIME), VarBind(NAME), VarBind(NAME))}, "length"),
        ({"varbinds": (VarBind(UPTIME + b"\x01"), VarBind(NAME))}, "unexpected_oid"),
    ],
)
def test_an_answer_to_something_else_is_refused(changes: dict[str, object], kind: str) -> None:
    request = get(b"public", (UPTIME, NAME))
    with pytest.raises(DecodeError) as caught:
        decode_answer(request, ID, answer(request, (VarBind(UPTIME), VarBind(NAME)), **changes))
    assert caught.value.kind == kind


def test_mutated_answers_raise_nothing_but_decode_errors_and_never_bring_a_wrong_name() -> None:
    dice = random.Random(7)
    oids = tuple(oid.parse(f"1.3.6.1.2.1.31.1.1.1.6.{n}") for n in range(1, 9))
    request = get(b"public", oids)
    whole = answer(request, tuple(VarBind(name, message.COUNTER64, dice.getrandbits(63)) for name in oids))
    for size in range(len(whole)):
        with pytest.raises(DecodeError):
            decode_answer(request, ID, whole[:size])
    for _ in range(10_000):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            found = decode_answer(request, ID, bytes(data))
        except DecodeError:
            continue
        assert found.status or tuple(bind.oid for bind in found.varbinds) == oids
