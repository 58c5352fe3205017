"""Answers that are laid out as they were the last time, read without looking at each value: many at once, by NumPy.

A device that is asked the same again answers with the same bytes save those of the values that move. Where they stand is
learnt from one answer that was decoded with care; an answer that differs in any other byte must be decoded with care again.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DecodeError
from protocols.snmp import ber, message
from protocols.wire import Reader

WIDEST = 8  # bytes of a value that moves
_ID = 4  # bytes of request-id
_MASKS = np.array([(1 << 8 * width) - 1 for width in range(WIDEST + 1)], np.uint64)


class Layout(NamedTuple):
    """Where in an answer the request-id and the moving values end, and the bytes that stay."""

    still: bytes  # 0 where they move
    mask: bytes  # 255 where they stay
    id_end: int
    ends: tuple[int, ...]
    widths: tuple[int, ...]  # bytes of each moving value
    tags: tuple[int, ...]


def learn(data: bytes, moving: Collection[int], *, bare: bool) -> Layout:
    """The layout of an answer without error; the values at the positions `moving` move. `bare`: `data` is a PDU.

    Raises DecodeError: layout (it cannot be told so), and as message.decode.
    """
    reader = Reader(data)
    if bare:
        _, end = reader.header()
    else:
        *_, end = message.begin(reader)
    ber.integer(reader)
    id_end = reader.at
    if data[id_end - _ID - 2 : id_end - _ID] != b"\x02\x04":
        raise DecodeError("layout", "the request-id does not have four bytes")
    ber.integer(reader)
    ber.integer(reader)
    ber.enter(reader, ber.SEQUENCE)
    spots: list[tuple[int, int, int]] = []  # end, width, tag
    position = 0
    while reader.at < end:
        ber.enter(reader, ber.SEQUENCE)
        ber.octets(reader, ber.OBJECT_IDENTIFIER)
        tag, value_end = reader.header()
        if position in moving:
            spots.append((value_end, value_end - reader.at, tag))
        reader.at = value_end
        position += 1
    if len(spots) != len(moving) or any(not 0 < width <= WIDEST for _, width, _ in spots):
        raise DecodeError("layout", "a value that moves is missing, empty or too long")
    still, mask = bytearray(data), bytearray(b"\xff" * len(data))
    for stop, width, _ in (*spots, (id_end, _ID, 0)):
        still[stop - width : stop] = mask[stop - width : stop] = bytes(width)
    ends, widths, tags = zip(*spots, strict=True) if spots else ((), (), ())
    return Layout(bytes(still), bytes(mask), id_end, ends, widths, tags)


class Shared:
    """Rows that are kept once for all who have the same: `row` counts one user more, `leave` one less."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, list[int]] = {}  # key -> row, users
        self._keys: dict[int, Hashable] = {}
        self._free: list[int] = []

    def row(self, key: Hashable) -> tuple[int, bool]:
        """(the row of `key`, whether it is new and must be filled)."""
        found = self._rows.get(key)
        if found is not None:
            found[1] += 1
            return found[0], False
        row = self._free.pop() if self._free else len(self._keys)
        self._rows[key], self._keys[row] = [row, 1], key
        return row, True

    def leave(self, row: int) -> None:
        """One user less; without any the row is free for another key."""
        found = self._rows[self._keys[row]]
        found[1] -= 1
        if not found[1]:
            del self._rows[self._keys.pop(row)]
            self._free.append(row)


class Layouts:
    """Layouts, shape [rows, bytes] or [rows, values], each once; what is short is padded with values of no width."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.still: NDArray[np.uint64] = np.zeros((0, 8), np.uint64)
        self.mask: NDArray[np.uint64] = np.zeros((0, 8), np.uint64)
        self.size: NDArray[np.int64] = np.zeros(0, np.int64)
        self.id_end: NDArray[np.int64] = np.zeros(0, np.int64)
        self.ends: NDArray[np.int32] = np.zeros((0, 1), np.int32)
        self.masks: NDArray[np.uint64] = np.zeros((0, 1), np.uint64)

    def put(self, layout: Layout) -> int:
        """The row of `layout`, until it is left by `shared.leave`."""
        row, new = self.shared.row(layout)
        if not new:
            return row
        words, values = -(-len(layout.still) // 8), len(layout.ends)
        self.still, self.mask = room(self.still, row, words), room(self.mask, row, words)
        self.ends, self.masks = room(self.ends, row, values), room(self.masks, row, values)
        self.size, self.id_end = room(self.size, row), room(self.id_end, row)
        for matrix, content in ((self.still, layout.still), (self.mask, layout.mask)):
            matrix[row] = np.frombuffer(content.ljust(8 * matrix.shape[1], b"\0"), np.uint64)
        self.ends[row] = WIDEST
        self.ends[row, :values] = layout.ends
        self.masks[row] = 0
        self.masks[row, :values] = _MASKS[list(layout.widths)]
        self.size[row], self.id_end[row] = len(layout.still), layout.id_end
        return row

    def rows(self, rows: NDArray[np.intp]) -> Rows:
        """The rows of some answers, to read them once or again and again while nothing is put here."""
        at = same(rows)
        width = 8 * self.still.shape[1]
        begin = np.arange(-WIDEST, len(rows) * width - WIDEST, width)
        values: NDArray[np.int64] = begin[:, None] + self.ends[at].astype(np.int64)
        return Rows(self.still[at], self.mask[at], self.size[at], begin + self.id_end[at], values, self.masks[at])


class Rows(NamedTuple):
    """Layouts of some answers, shape [answers, …], or [1, …] where they are all alike; as in Layouts.

    Request-ids and values are told by where their eight bytes begin in all answers, one behind the other.
    """

    still: NDArray[np.uint64]
    mask: NDArray[np.uint64]
    size: NDArray[np.int64]
    ids: NDArray[np.int64]  # [answers]
    values: NDArray[np.int64]  # [answers, values]
    masks: NDArray[np.uint64]

    def read(self, answers: Sequence[bytes], numbers: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """(the moving values as unsigned numbers, shape [answers, values]; which answers are laid out as they should be)."""
        width = 8 * self.still.shape[1]
        count = len(answers)
        joined = b"".join([answer[:width].ljust(width, b"\0") for answer in answers])
        words = np.frombuffer(joined, np.uint64).reshape(count, width // 8)
        good = np.fromiter(map(len, answers), np.int64, count) == self.size
        good &= ((words & self.mask) == self.still).all(1)
        # Every run of eight bytes as one number: what ends where a value ends holds the value, if masked.
        runs: NDArray[np.uint64] = np.ndarray((len(joined) - 7,), ">u8", joined, 0, (1,))
        good &= (runs[self.ids] & _MASKS[_ID]) == numbers
        values = runs[self.values].astype(np.uint64)
        values &= self.masks
        return values, good


def same(rows: NDArray[np.intp]) -> NDArray[np.intp] | slice:
    """How to take `rows` of an array: if they are all one, it once, for what is done with it is done to all alike."""
    first = int(rows[0])
    return slice(first, first + 1) if (rows == first).all() else rows


def room(array: NDArray[Any], slot: int, columns: int = 0) -> NDArray[Any]:
    """`array`, with more rows and columns of zeros if it must hold row `slot` with so many columns."""
    rows = array.shape[0] if slot < array.shape[0] else max(64, 2 * slot)
    shape = (rows, max(array.shape[1], columns)) if array.ndim == 2 else (rows,)
    if shape == array.shape:
        return array
    grown = np.zeros(shape, array.dtype)
    grown[tuple(slice(size) for size in array.shape)] = array
    return grown
