"""Where records end: those of templates, and data records with fields of variable length (RFC 7011 sections 3.4 and 7)."""

from __future__ import annotations

from protocols.errors import DecodeError
from protocols.netflow.layout import Layout
from protocols.wire import Reader


def record_ends(data: bytes, at: int, end: int, version: int, *, options: bool) -> tuple[int, int]:
    """(offset behind a template record, number of its fields). Raises DecodeError: truncated, length."""
    reader = Reader(data)
    reader.at, reader.end = at, end
    reader.u16()
    count = reader.u16()
    if options:
        second = reader.u16()
        if version == 9:  # lengths in bytes of scopes and fields; in IPFIX numbers of all fields and of scopes
            if count % 4 or second % 4:
                raise DecodeError("length", "fields of an option template of no whole length")
            count = (count + second) // 4
        elif second > count:
            raise DecodeError("length", "more scopes than fields")
    for _ in range(count):
        number = reader.u16()
        reader.u16()
        if version == 10 and number & 0x8000:
            reader.take(4)
    return reader.at, count


def padded(data: bytes, at: int, end: int) -> bool:
    """Whether nothing but zeros follows."""
    return data[at] == 0 == data[at + 1] and not any(data[at:end])


def cut(layout: Layout, body: bytes, marks: list[int]) -> tuple[int, int]:
    """(number of records, bytes they take) of a data set with fields of variable length.

    Appends to `marks`, for each record, its offset in the body and then offset and length of each such field.
    """
    skips, tail, minimum = layout.skips[:-1], layout.skips[-1], layout.minimum
    end, at, count = len(body), 0, 0
    while end - at >= minimum:
        found = [at]
        to = at
        for skip in skips:
            to += skip
            if to >= end:
                return count, at
            size = body[to]
            to += 1
            if size == 255:
                if to + 2 > end:
                    return count, at
                size = body[to] << 8 | body[to + 1]
                to += 2
            found.append(to)
            found.append(size)
            to += size
        to += tail
        if to > end:
            break
        marks += found
        count += 1
        at = to
    return count, at
