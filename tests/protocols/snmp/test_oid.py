"""OIDs: RFC 2578 section 3.5 and X.690 section 8.19."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.snmp import oid

arcs = st.tuples(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**32 - 1), max_size=30)).map(
    lambda parts: (parts[0], parts[1], *parts[2])
)


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("1.3.6.1.2.1", "2b06010201"),
        ("0.0", "00"),
        ("2.999.3", "883703"),  # the example of X.690
        ("1.3.6.1.4.1.2636", "2b06010401944c"),
        ("1.3.4294967295", "2b8fffffff7f"),
        ("2.4294967215", "8fffffff7f"),
        ("1.3.127.128", "2b7f8100"),
    ],
)
def test_known_encodings(dotted: str, encoded: str) -> None:
    assert oid.parse(dotted).hex() == encoded
    assert oid.dotted(bytes.fromhex(encoded)) == dotted


@given(arcs)
def test_arcs_survive_the_encoding(numbers: tuple[int, ...]) -> None:
    assert oid.arcs(oid.encode(numbers)) == numbers


@given(arcs, arcs)
def test_a_prefix_in_bytes_is_a_prefix_in_arcs(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert oid.encode(one).startswith(oid.encode(other)) == (one[: len(other)] == other)


def test_order_is_that_of_arcs_and_not_of_bytes() -> None:
    low, high = oid.parse("1.3.6.1.16383"), oid.parse("1.3.6.1.16384")
    assert low > high  # in bytes: ff 7f and 81 80 00
    assert oid.arcs(low) < oid.arcs(high)


@pytest.mark.parametrize("wrong", ["", "1", "3.1", "1.40", "1.3.-6", "1.3.x", "1.3.4294967296", "2.4294967216", "1..3", "1.3.６"])
def test_what_is_no_oid_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no object identifier"):
        oid.parse(wrong)


def test_an_oid_has_at_most_128_arcs() -> None:
    most = (1, 3, *[1] * 126)
    assert oid.arcs(oid.encode(most)) == most
    with pytest.raises(ValueError, match="no object identifier"):
        oid.encode((*most, 1))
    with pytest.raises(DecodeError):
        oid.arcs(oid.encode(most) + b"\x01")


@pytest.mark.parametrize("encoded", ["2b81", "2b8001", "2b908080 8000", "2b ffffffffffffffff7f"])
def test_malformed_oids_are_refused(encoded: str) -> None:
    with pytest.raises(DecodeError) as caught:
        oid.arcs(bytes.fromhex(encoded))
    assert caught.value.kind == "oid"


def test_the_index_of_a_row_has_no_joined_arcs() -> None:
    assert oid.index(oid.parse("1.3.10101")[1:]) == "10101"
    assert oid.index(b"\x05\x87\x68") == "5.1000"
