"""Messages: goldens written by hand, all their truncations, round trips, and what hostile bytes may do: raise DecodeError."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid
from protocols.snmp.message import Message, VarBind
from tests.protocols.snmp.goldens import NAMES, datagram, described, meaning

KINDS = {"truncated", "length", "tag", "version", "pdu", "integer", "oid", "trailing"}
SHORTEST = ["get_request", "get_bulk", "absent", "too_big", "v1_no_such_name", "trap"]  # encoded as we encode

arcs = st.tuples(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**32 - 1), max_size=12)).map(
    lambda parts: (parts[0], parts[1], *parts[2])
)
oids = arcs.map(oid.encode)
values = st.one_of(
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([message.COUNTER32, message.GAUGE32, message.TIME_TICKS]), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(message.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([ber.OCTET_STRING, message.IP_ADDRESS, message.OPAQUE, 0x45, 0x9E]), st.binary(max_size=300)),
    st.tuples(st.sampled_from(sorted(message.ABSENT)), st.none()),
)
messages = st.builds(
    Message,
    version=st.sampled_from([message.V1, message.V2C]),
    community=st.binary(max_size=40),
    pdu=st.sampled_from([message.GET, message.GET_NEXT, message.GET_BULK, message.RESPONSE, message.INFORM, message.TRAP]),
    request_id=st.integers(-(2**31), 2**31 - 1),
    status=st.integers(0, 255),
    blamed=st.integers(0, 2**31 - 1),
    varbinds=st.lists(st.builds(lambda name, value: VarBind(name, *value), oids, values), max_size=20).map(tuple),
)


def kind_of(data: bytes) -> str:
    """The kind of DecodeError that `data` raises; "" if it decodes."""
    try:
        message.decode(data)
    except DecodeError as error:
        return error.kind
    return ""


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_means_what_it_says(name: str) -> None:
    assert described(message.decode(datagram(name))) == meaning(name)


@pytest.mark.parametrize("name", SHORTEST)
def test_a_golden_in_the_shortest_encoding_is_what_we_would_send(name: str) -> None:
    assert message.encode(message.decode(datagram(name))) == datagram(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_refused(name: str) -> None:
    whole = datagram(name)
    assert {kind_of(whole[:size]) for size in range(len(whole))} == {"truncated"}


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_with_a_length_that_fits_is_refused(name: str) -> None:
    """The outer length is corrected each time, so that the fault lies deeper."""
    whole = datagram(name)
    start = 2 if whole[1] < 0x80 else 2 + (whole[1] & 0x7F)
    for size in range(len(whole) - start):
        assert kind_of(ber.element(ber.SEQUENCE, whole[start : start + size])) in KINDS


@pytest.mark.parametrize("name", NAMES)
def test_garbage_behind_a_message_is_refused(name: str) -> None:
    assert kind_of(datagram(name) + b"\x00") == "trailing"


@given(messages)
def test_what_is_encoded_decodes_to_the_same(sent: Message) -> None:
    assert message.decode(message.encode(sent)) == sent
    assert message.request_id(message.encode(sent)) == sent.request_id


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("", "truncated"),
        ("30", "truncated"),
        ("30 80 02 01 01 00 00", "length"),  # indefinite
        ("30 85 00 00 00 00 01 00", "length"),  # five bytes of length
        ("30 84 ff ff ff ff 00", "truncated"),  # four gigabytes
        ("30 84 7f ff ff", "truncated"),
        ("31 00", "tag"),
        ("3f 81 01 00", "tag"),  # a tag of several bytes
        ("30 00", "truncated"),
        ("30 03 02 01 03", "version"),  # v3
        ("30 06 02 01 01 04 00 a4", "truncated"),
        ("30 07 02 01 01 04 00 a4 00", "pdu"),  # the v1 trap has another form
        ("30 07 02 01 01 04 00 a3 00", "pdu"),  # we are no manager that sets
        ("30 0c 02 01 01 04 00 a0 03 02 01 00 05 00", "length"),  # something behind the PDU
        ("30 10 02 01 01 04 00 a0 09 02 05 00 ff ff ff ff 02 00", "integer"),  # a request-id over 32 bits
    ],
)
def test_malformed_headers_are_refused_by_kind(data: str, kind: str) -> None:
    assert kind_of(bytes.fromhex(data)) == kind


def response(bind: str) -> bytes:
    """A response around one variable binding given in hex."""
    fields = bytes.fromhex("02 01 07 02 01 00 02 01 00")
    pdu = ber.element(message.RESPONSE, fields + ber.element(ber.SEQUENCE, bytes.fromhex(bind)))
    return ber.element(ber.SEQUENCE, bytes.fromhex("02 01 01 04 00") + pdu)


@pytest.mark.parametrize(
    ("bind", "kind"),
    [
        ("30 07 06 03 2b 06 01 05 00", ""),
        ("30 08 06 03 2b 06 01 05 00", "truncated"),
        ("30 05 06 03 2b 06 01", "truncated"),  # no value
        ("30 06 06 03 2b 06 01 05 00", "length"),  # the value sticks out
        ("30 09 06 03 2b 06 01 05 00 05 00", "length"),  # two values
        ("30 07 04 03 2b 06 01 05 00", "tag"),  # the name is a string
        ("30 07 06 03 2b 06 81 05 00", "oid"),  # the last arc is cut
        ("30 07 06 03 2b 80 01 05 00", "oid"),  # padded
        ("30 0a 06 06 2b 90 80 80 80 00 05 00", "oid"),  # an arc of 33 bits
        ("30 0a 06 06 2b 8f ff ff ff 7f 05 00", ""),  # 2^32 - 1
        ("30 11 06 03 2b 06 01 46 0a 00 00 ff ff ff ff ff ff ff ff", ""),  # padded, but 64 bits
        ("30 11 06 03 2b 06 01 46 0a 00 01 ff ff ff ff ff ff ff ff", "integer"),
        ("30 10 06 03 2b 06 01 02 09 00 ff ff ff ff ff ff ff ff", "integer"),
        ("30 07 06 03 2b 06 01 46 80", "length"),
    ],
)
def test_malformed_bindings_are_refused_by_kind(bind: str, kind: str) -> None:
    assert kind_of(response(bind)) == kind


def test_random_mutations_raise_nothing_but_decode_errors() -> None:
    dice = random.Random(20)
    goldens = [datagram(name) for name in NAMES]
    kinds: set[str] = set()
    for _ in range(20_000):
        data = bytearray(dice.choice(goldens))
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data))
            match dice.randrange(4):
                case 0:
                    data[place] = dice.choice((0, 1, 0x7F, 0x80, 0x81, 0x84, 0xFF, dice.randrange(256)))
                case 1:
                    del data[place : place + dice.randint(1, 3)]
                case 2:
                    data[place:place] = dice.randbytes(dice.randint(1, 3))
                case 3:
                    data[place:place] = data[dice.randrange(len(data)) :][:30]
            if not data:
                data = bytearray(b"0")
        kinds.add(kind_of(bytes(data)))
    assert kinds - {""} == KINDS
