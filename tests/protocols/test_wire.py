"""The cursor never reads outside its bytes, and a device's text is harmless."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.wire import Reader, text


def test_numbers_are_big_endian() -> None:
    reader = Reader(b"\x01\x02\x03\xff")
    assert (reader.u8(), reader.u16(), reader.take(1)) == (1, 0x0203, b"\xff")
    reader.finish()


@given(st.binary(max_size=40), st.lists(st.tuples(st.sampled_from(["u8", "u16", "take", "skip"]), st.integers(-5, 50))))
def test_whatever_is_read_lies_inside_and_comes_once(data: bytes, steps: list[tuple[str, int]]) -> None:
    reader, kinds = Reader(data), {"truncated"}
    for step, size in steps:
        before = reader.at
        try:
            if step == "u8":
                assert reader.u8() == data[before]
            elif step == "u16":
                assert reader.u16() == int.from_bytes(data[before : before + 2], "big")
            elif step == "take":
                assert reader.take(size) == data[before : before + size]
            else:
                assert reader.skip(data[before : before + size]) is True
        except DecodeError as error:
            kinds.add(error.kind)
            assert reader.at == before
        assert before <= reader.at <= len(data)
    assert kinds == {"truncated"}


def test_skip_refuses_what_reaches_beyond_the_end() -> None:
    reader = Reader(b"abcd")
    reader.end = 3
    reader.take(2)
    assert not reader.skip(b"cd")
    assert reader.skip(b"c")


def test_bytes_that_follow_are_an_error() -> None:
    with pytest.raises(DecodeError) as caught:
        Reader(b"x").finish()
    assert caught.value.kind == "trailing"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"ge-0/0/1", "ge-0/0/1"),
        ("Zürich ↔ Genève".encode(), "Zürich ↔ Genève"),
        ("Zürich".encode("latin-1"), "Zürich"),
        (b"eth0\x00\x00", "eth0"),
        (b"\x1b[31mred\x07", "[31mred"),
        (b" two\r\n lines\t", "two lines"),
        ("admin\u202egnp.exe\u2066".encode(), "admingnp.exe"),
        ("zero\u200bwidth\ufeff".encode(), "zerowidth"),
        ("one\u2028two".encode(), "onetwo"),
        (b"", ""),
        (b"\xff\x80", "ÿ"),
    ],
)
def test_device_text_loses_what_could_harm(raw: bytes, shown: str) -> None:
    assert text(raw) == shown


@given(st.binary(max_size=600), st.integers(1, 64))
def test_device_text_is_short_and_printable(raw: bytes, limit: int) -> None:
    shown = text(raw, limit)
    assert len(shown) <= limit
    assert shown == shown.strip()
    assert not any(unicodedata.category(character).startswith("C") for character in shown)
