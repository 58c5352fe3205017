"""The expiry of certificates that `cryptography` makes, and of what is none."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import x509
from protocols.errors import DecodeError
from tests.fakes.certificates import certificate

NOW = datetime(2026, 11, 24, 12, 30, 59, tzinfo=UTC)
DER = certificate("127.0.0.1", NOW - timedelta(days=1), NOW).der


@pytest.mark.parametrize("end", [NOW, datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2150, 2, 28, tzinfo=UTC)])
def test_the_expiry_is_the_one_the_certificate_was_made_with(end: datetime) -> None:
    der = certificate("127.0.0.1", NOW - timedelta(days=400), end).der
    assert x509.expiry(der) == int(end.timestamp()) * 1_000_000


def test_years_of_two_digits_lie_from_1950_to_2049() -> None:
    assert x509._instant(0x17, b"491231235959Z") == int(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 1_000_000
    assert x509._instant(0x17, b"500101000000Z") == int(datetime(1950, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize("raw", [b"491331235959Z", b"4912312359590", b"4912312359+1Z", b"49123123595Z", b"", b"\xff" * 13])
def test_what_is_no_time_is_said_so(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="is no time"):
        x509._instant(0x17, raw)


def test_every_truncation_is_a_decode_error() -> None:
    for length in range(len(DER)):
        with pytest.raises(DecodeError):
            x509.expiry(DER[:length])


@given(st.binary(max_size=200))
def test_nothing_but_decode_error_comes_out(data: bytes) -> None:
    with suppress(DecodeError):
        x509.expiry(data)


@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_nor_of_a_damaged_certificate(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(DER)
    for at, value in changes:
        damaged[at] = value
    with suppress(DecodeError):
        x509.expiry(bytes(damaged))
