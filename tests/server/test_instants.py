"""Instants are read as RFC 3339 writes them and written in one way."""

import pytest

from server import instants


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-09-01T08:00:00Z", "2026-09-01T08:00:00.000Z"),
        ("2026-09-01t08:00:00.5z", "2026-09-01T08:00:00.500Z"),
        ("2026-09-01 10:00:00.123999+02:00", "2026-09-01T08:00:00.123Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("2199-12-31T23:59:59.999999999Z", "2199-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_is_written_in_one_form(given, written):
    assert instants.in_one_form(given) == written
    assert instants.in_one_form(written) == written


@pytest.mark.parametrize(
    "given",
    [
        "",
        "2026-09-01",
        "2026-09-01T08:00:00",
        "2026-09-01T08:00:60Z",
        "2026-02-30T08:00:00Z",
        "2026-W36-2T08:00:00Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "2200-01-01T00:00:00Z",
        "2026-09-01T08:00:00+25:00",
    ],
)
def test_what_is_no_instant_is_none(given):
    assert instants.parse(given) is None
