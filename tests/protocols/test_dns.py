"""DNS: questions as RFC 1035 has them, answers of every type, and nothing but DecodeError from hostile ones."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import dns
from protocols.errors import DecodeError

QUERY = bytes.fromhex("1234010000010000000000000377777707657861 6d706c65036e65740000010001")
NAME = b"\xc0\x0c"  # the name of the question, by a pointer


def response(*records: bytes, high: int = 0x81, low: int = 0x80, count: int | None = None) -> bytes:
    """A response to QUERY with these answer records."""
    counts = (len(records) if count is None else count).to_bytes(2, "big")
    return QUERY[:2] + bytes((high, low)) + QUERY[4:6] + counts + bytes(4) + QUERY[12:] + b"".join(records)


def record(kind: int, data: bytes, name: bytes = NAME, group: int = 1) -> bytes:
    return name + kind.to_bytes(2, "big") + group.to_bytes(2, "big") + bytes((0, 0, 1, 44)) + len(data).to_bytes(2, "big") + data


# type -> (data on the wire, the same as text)
DATA = {
    "A": (bytes((192, 0, 2, 1)), "192.0.2.1"),
    "AAAA": (b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01", "2001:db8::1"),
    "CNAME": (b"\x04Host\xc0\x10", "host.example.net"),
    "NS": (b"\x03ns1\xc0\x10", "ns1.example.net"),
    "PTR": (NAME, "www.example.net"),
    "MX": (b"\x00\x0a\x04mail\xc0\x10", "10 mail.example.net"),
    "SRV": (b"\x00\x01\x00\x02\x13\xc4\x03sip\xc0\x10", "1 2 5060 sip.example.net"),
    "SOA": (b"\x02ns\xc0\x10\x04root\xc0\x10" + b"".join(n.to_bytes(4, "big") for n in (1, 2, 3, 4, 5)), "ns.example.net root.example.net 1 2 3 4 5"),
    "TXT": (b"\x05v=spf\x03 -a", "v=spf -a"),
}  # fmt: skip
FULL = response(*(record(dns.TYPES[kind], data) for kind, (data, _) in DATA.items()))


def test_a_question_is_the_one_of_the_standard() -> None:
    asked = dns.question("WWW.example.net.", "A")
    assert asked == dns.Question("www.example.net", 1)
    assert dns.encode(0x1234, asked) == QUERY
    assert dns.encode(1, dns.question(".", "NS"))[12:] == b"\x00\x00\x02\x00\x01"


@pytest.mark.parametrize("name", ["a..b", ".a", "a" * 64, "bücher.example", ".".join(["a" * 49] * 6)])
def test_a_name_that_cannot_be_asked_for_is_said_so(name: str) -> None:
    with pytest.raises(ValueError, match="a name "):
        dns.question(name, "A")


@pytest.mark.parametrize("kind", DATA)
def test_every_type_is_read_as_a_zone_file_writes_it(kind: str) -> None:
    answer = dns.decode(response(record(dns.TYPES[kind], DATA[kind][0])))
    assert answer == dns.Answer(
        0x1234,
        0,
        False,
        dns.Question("www.example.net", 1),
        (dns.Record("www.example.net", dns.TYPES[kind], 300, DATA[kind][1]),),
    )


def test_an_unknown_type_and_an_unknown_class_are_kept_as_digits() -> None:
    answer = dns.decode(response(record(257, b"\x00\x05issue"), record(1, b"abc", group=3)))
    assert [each.data for each in answer.records] == ["00056973737565", "616263"]


def test_a_truncated_answer_has_no_records_and_is_no_error() -> None:
    answer = dns.decode(response(high=0x83, count=7))
    assert answer.truncated
    assert answer.records == ()
    assert dns.decode(response(low=0x83)).rcode == 3


def test_every_truncation_is_a_decode_error() -> None:
    assert len(dns.decode(FULL).records) == len(DATA)
    for length in range(len(FULL)):
        with pytest.raises(DecodeError):
            dns.decode(FULL[:length])


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (QUERY, "header"),  # a question is no answer
        (response(high=0x89), "header"),  # another opcode
        (QUERY[:2] + b"\x81\x80\x00\x00" + bytes(6), "header"),  # no question
        (response()[:-1] + b"\x03", "header"),  # of another class
        (response(record(1, b"abc")), "data"),
        (response(record(5, b"\x01a")), "truncated"),  # a name that does not end in its record
        (response(record(15, DATA["MX"][0] + b"x")), "trailing"),
        (response(record(5, b"\xc0\xff")), "name"),  # a pointer forwards
        (response(record(5, b"\xc0\x2d")), "name"),  # and one to itself
        (response(record(5, b"\x80abc")), "name"),  # a form of label that does not exist
        (response(record(5, (b"\x3f" + b"a" * 63) * 4 + b"\x00")), "name"),  # too long
        (response(count=129), "records"),
    ],
)
def test_what_is_wrong_has_its_kind(message: bytes, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        dns.decode(message)
    assert caught.value.kind == kind


def test_the_work_on_a_hostile_answer_is_bounded() -> None:
    labels = b"".join(b"\x01a" for _ in range(126)) + b"\x00"
    first = record(16, b"\x00", name=labels)
    at = (12 + len(QUERY) - 12).to_bytes(2, "big")
    pointer = bytes((0xC0 | at[0], at[1]))
    message = response(first, *(record(6, pointer * 2 + bytes(20), name=pointer) for _ in range(127)))
    begun = time.thread_time()
    assert len(dns.decode(message).records) == 128
    assert time.thread_time() - begun < 0.25  # s; takes a tenth of it


def test_expected_data_are_compared_by_what_they_mean() -> None:
    assert dns.same("2001:db8::1", "2001:0DB8::0001")
    assert dns.same("10 mail.example.net", "10  Mail.Example.net.")
    assert not dns.same("192.0.2.1", "192.0.2.10")


@given(st.binary(max_size=300))
def test_nothing_but_decode_error_comes_out(data: bytes) -> None:
    for message in (data, response(count=3) + data):
        with suppress(DecodeError):
            dns.decode(message)


@given(st.lists(st.tuples(st.integers(0, len(FULL) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_nor_of_a_damaged_answer(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(FULL)
    for at, value in changes:
        damaged[at] = value
    with suppress(DecodeError):
        dns.decode(bytes(damaged))
