"""Records of one layout as columns: fixed fields in a structured array, variable ones as places in a buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.netflow.layout import Layout

Ints = NDArray[np.int64]
Unsigned = NDArray[np.uint64]

# A message: who sent it (index into Decoded.exporters), when it says so (µs), its uptime (ms; 0 in IPFIX), its number, how many
# records it says it has (in IPFIX its length), and the sampling word of v5: two bits of mode, fourteen of interval.
HEAD = np.dtype(
    [("exporter", "i4"), ("domain", "u4"), ("version", "u2"), ("exported", "i8"), ("uptime", "u4"), ("sequence", "u4"),
     ("count", "u2"), ("sampling", "u2")]
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Records:
    """n records of one layout, in the order in which they came.

    rows     structured array [n] of the fixed fields, dtype `layout.dtype`, big-endian, read only
    places   field key -> (starts[n], lengths[n]) in `buffer`, for the fields of variable length
    heads, templates, counts   one entry for each data set: index into Decoded.heads, its template's number, its records
    """

    layout: Layout
    rows: NDArray[Any]
    heads: Ints
    templates: Ints
    counts: Ints
    buffer: bytes = b""
    places: dict[str, tuple[Ints, Ints]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def head(self) -> Ints:
        """For each record [n] the index of its message in Decoded.heads."""
        return np.repeat(self.heads, self.counts)

    @property
    def template(self) -> Ints:
        """For each record [n] the number of its template; 0 in v5."""
        return np.repeat(self.templates, self.counts)

    def raw(self, key: str, row: int) -> bytes:
        """The bytes of a field in one record."""
        if key in self.places:
            start, length = (int(column[row]) for column in self.places[key])
            return self.buffer[start : start + length]
        return self.rows[key][row : row + 1].tobytes() if key in self.layout.keys else b""  # a scalar would be native

    def texts(self, key: str) -> list[bytes]:
        """The bytes [n] of a field; trailing zero bytes of a fixed one are padding and left out."""
        if key in self.places:
            starts, lengths = self.places[key]
            return [self.buffer[at : at + size] for at, size in zip(starts.tolist(), lengths.tolist(), strict=True)]
        return [cell.rstrip(b"\0") for cell in np.ascontiguousarray(self.rows[key]).view(f"S{self.rows[key].itemsize}").tolist()]

    def octets(self, key: str, width: int) -> NDArray[np.uint8]:
        """A field as bytes [n, width]: its last ones, with zeros before them where it is shorter."""
        if key in self.places:
            starts, lengths = self.places[key]
            back = np.arange(width, 0, -1)
            source = np.frombuffer(self.buffer or b"\0", np.uint8)
            at = (starts + lengths)[:, None] - back
            return np.where(back <= lengths[:, None], source[np.clip(at, 0, len(source) - 1)], 0).astype(np.uint8)
        column = np.ascontiguousarray(self.rows[key])
        size = column.dtype.itemsize
        cells = column.view(np.uint8).reshape(len(column), size)
        if size >= width:
            return cells[:, size - width :]
        wide = np.zeros((len(column), width), np.uint8)
        wide[:, width - size :] = cells
        return wide

    def unsigned(self, key: str) -> NDArray[Any]:
        """A field as native unsigned integers [n] of the smallest fitting width; of more than 8 bytes the last 8."""
        if key in self.layout.keys and key not in self.places:
            column = self.rows[key]
            if column.dtype.kind == "u":
                return column.astype(column.dtype.newbyteorder("="))
        return np.ascontiguousarray(self.octets(key, 8)).view(">u8")[:, 0].astype(np.uint64)

    def pairs(self, key: str) -> Unsigned:
        """A field of 16 bytes as two native integers [n, 2], the high one first."""
        return np.ascontiguousarray(self.octets(key, 16)).view(">u8").astype(np.uint64)

    def repeats(self, key: str) -> list[str]:
        """The keys of all fields of this element, in their order; none if there is none."""
        keys = self.layout.keys
        found = [key] if key in keys else []
        while f"{key}#{len(found)}" in keys:
            found.append(f"{key}#{len(found)}")
        return found


def variable(layout: Layout, parts: Sequence[bytes], marks: Sequence[int], counts: Ints) -> tuple[NDArray[Any], bytes, Places]:
    """(rows, buffer, places) of records with fields of variable length.

    `marks` are, for each record, its offset in its part and then offset and length of each such field.
    """
    width = 1 + 2 * len(layout.variable)
    table = np.array(marks, np.int64).reshape(-1, width)
    ends = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))
    begins = np.repeat(np.concatenate([[0], ends[:-1]]), counts)
    buffer = b"".join(parts)
    source = np.frombuffer(buffer, np.uint8)
    rows = np.empty((len(table), layout.size), np.uint8)
    at = begins + table[:, 0]
    column = 0
    places: Places = {}
    for place, skip in enumerate(layout.skips):
        if skip:
            rows[:, column : column + skip] = source[at[:, None] + np.arange(skip)]
            column += skip
        if place < len(layout.variable):
            start, length = begins + table[:, 1 + 2 * place], table[:, 2 + 2 * place]
            places[layout.variable[place]] = (start, length)
            at = start + length
    if not layout.size:
        return np.zeros(len(table), layout.dtype), buffer, places
    return rows.view(layout.dtype)[:, 0], buffer, places


Places = dict[str, tuple[Ints, Ints]]
