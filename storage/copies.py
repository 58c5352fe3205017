"""Binary COPY as NumPy structured arrays (PostgreSQL manual, COPY, "Binary Format"): rows without NULLs and of one length."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from storage.database import Connection

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
BIGINT, DATE, REAL, SMALLINT, INTEGER, DOUBLE = ">i8", ">i4", ">f4", ">i2", ">i4", ">f8"
OIDS = {REAL: 700, SMALLINT: 21}  # of array elements
DATE_EPOCH = 10_957  # days from 1970 to 2000, where PostgreSQL's dates start


def array(kind: str, length: int) -> np.dtype[np.void]:
    """A one-dimensional array of `length` elements, as array_send() writes it."""
    head = [(name, ">i4") for name in ("dimensions", "nulls", "oid", "length", "lower")]
    return np.dtype([*head, ("items", [("length", ">i4"), ("value", kind)], length)])


def row(columns: Mapping[str, str | np.dtype[np.void]]) -> np.dtype[np.void]:
    """A row of these columns: each a kind above or an array."""
    return np.dtype(
        [("fields", ">i2"), *(f for name, kind in columns.items() for f in ((f"{name}_length", ">i4"), (name, kind)))]
    )


def fill(kind: np.dtype[np.void], columns: Mapping[str, NDArray[Any]]) -> NDArray[np.void]:
    """Rows of `kind` with the given values: shape [n], or [n, length] for arrays."""
    rows = np.empty(len(next(iter(columns.values()))), kind)
    rows["fields"] = len(columns)
    for name, values in columns.items():
        rows[f"{name}_length"] = kind[name].itemsize
        if kind[name].names is None:
            rows[name] = values
            continue
        cell = rows[name]
        element = kind[name]["items"].base["value"]
        cell["dimensions"], cell["nulls"], cell["lower"] = 1, 0, 1
        cell["oid"], cell["length"] = OIDS[element.str], values.shape[1]
        cell["items"]["length"] = element.itemsize
        cell["items"]["value"] = values
    return rows


async def write(con: Connection, table: str, rows: NDArray[np.void], columns: Sequence[str]) -> None:
    """COPY `rows` (made by `fill`) into `table`."""
    stream = BytesIO()
    for part in (HEADER, rows.tobytes(), TRAILER):
        stream.write(part)
    stream.seek(0)
    await con.copy_to_table(table, source=stream, columns=columns, format="binary")


async def read(con: Connection, kind: np.dtype[np.void], query: str, *values: object) -> NDArray[np.void]:
    """The rows of `query`, whose columns are those of `kind`. Raises ValueError where a row does not have that length."""
    parts: list[bytes] = []

    async def keep(part: bytes) -> None:
        parts.append(part)

    await con.copy_from_query(query, *values, output=keep, format="binary")
    text = b"".join(parts)
    body = len(text) - len(HEADER) - len(TRAILER)
    if body % kind.itemsize:
        msg = "the rows read do not have the length of their type"
        raise ValueError(msg)
    return np.frombuffer(text, kind, body // kind.itemsize, len(HEADER))
