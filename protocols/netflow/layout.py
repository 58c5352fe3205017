"""What a template says: fields in their order, and the structured dtype by which many records are read at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from protocols.netflow.elements import Element, element
from protocols.wire import Reader

VARIABLE = 65535  # the length that says: each record has its own (RFC 7011 section 7)
# The first fields of an option template of NetFlow v9 have numbers of their own (RFC 3954 section 6.1).
SCOPES = {1: "scopeSystem", 2: "scopeInterface", 3: "scopeLineCard", 4: "scopeCache", 5: "scopeTemplate"}
_WIDTHS = {1: "u1", 2: ">u2", 4: ">u4", 8: ">u8"}


class Field(NamedTuple):
    """One field of a layout.

    `key` is its name in the dtype: "pen.number", or "scope.number" in v9; "#1", "#2" … are appended where it repeats.
    `size` in bytes, VARIABLE if each record says; zero is possible.
    """

    key: str
    pen: int
    number: int
    size: int
    scope: bool = False

    @property
    def name(self) -> str:
        """As IANA or the vendor calls it."""
        if self.key.startswith("scope."):
            return SCOPES.get(self.number, f"scope{self.number}")
        return element(self.pen, self.number).name

    @property
    def element(self) -> Element:
        """Name and kind."""
        return Element(self.name, "u") if self.key.startswith("scope.") else element(self.pen, self.number)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How the records of a template lie in memory; templates of many exporters share one.

    `dtype` has the fixed fields only, packed, big-endian: integers of 1, 2, 4 and 8 bytes, everything else as void.
    A record is `skips[0]` fixed bytes, a variable field, `skips[1]` fixed bytes, … and `skips[-1]` fixed bytes at its end.
    """

    version: int
    options: bool
    fields: tuple[Field, ...]
    dtype: np.dtype[Any]
    variable: tuple[str, ...]
    skips: tuple[int, ...]
    keys: frozenset[str]

    @property
    def size(self) -> int:
        """Bytes of the fixed fields of a record."""
        return self.dtype.itemsize

    @property
    def minimum(self) -> int:
        """Bytes of the shortest record there can be; zero if there can be none."""
        return self.size + len(self.variable)


def layout(version: int, fields: Sequence[tuple[int, int, int]], scopes: int = -1) -> Layout:
    """The layout of fields (pen, number, size), the first `scopes` of which are scopes; -1: it is no option template."""
    seen: Counter[str] = Counter()
    named: list[Field] = []
    for place, (pen, number, size) in enumerate(fields):
        scope = place < scopes
        key = f"scope.{number}" if scope and version == 9 else f"{pen}.{number}"
        seen[key] += 1
        named.append(Field(key if seen[key] == 1 else f"{key}#{seen[key] - 1}", pen, number, size, scope))
    fixed = [(field.key, _WIDTHS.get(field.size, f"V{field.size}")) for field in named if 0 < field.size < VARIABLE]
    skips = [0]
    for field in named:
        if field.size == VARIABLE:
            skips.append(0)
        else:
            skips[-1] += field.size
    variable = tuple(field.key for field in named if field.size == VARIABLE)
    keys = frozenset(field.key for field in named if field.size)
    return Layout(version, scopes >= 0, tuple(named), np.dtype(fixed), variable, tuple(skips), keys)


def parse(version: int, raw: bytes, *, options: bool) -> tuple[list[tuple[int, int, int]], int]:
    """(fields, number of scopes or -1) of a template record as it came. Raises DecodeError: truncated."""
    reader = Reader(raw)
    reader.u16()
    count, scopes = reader.u16(), -1
    if options:
        scopes = reader.u16()
        if version == 9:
            scopes, count = count // 4, (count + scopes) // 4
    fields: list[tuple[int, int, int]] = []
    for _ in range(count):
        number, size, pen = reader.u16(), reader.u16(), 0
        if version == 10 and number & 0x8000:
            number &= 0x7FFF
            pen = reader.u16() << 16 | reader.u16()
        fields.append((pen, number, size))
    return fields, scopes


def _v5() -> Layout:
    # The record of NetFlow v5 under the numbers that v9 gave to the same things; 210 is padding.
    wide = ((8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2))
    rest = ((210, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (210, 2))
    return layout(5, [(0, number, size) for number, size in (*wide, *rest)])


V5 = _v5()
