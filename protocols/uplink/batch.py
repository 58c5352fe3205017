"""A batch: what an agent measured, as columns, and its bytes on the wire and in the spool.

The wire form is a MessagePack map whose columns are little-endian arrays: NumPy reads them in place, so neither side runs a
Python loop per sample. Text appears once, in small dictionaries the columns point into. Every instant is an int64 of
microseconds since the Unix epoch, UTC, by the agent's own clock.

`pack`, `encode` and `decode` are the only ways in and out. Columns of one kind have equal length; an absent kind is None.
"""

from __future__ import annotations

import sys
import zlib
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np

from protocols.errors import DecodeError
from protocols.uplink.kinds import KINDS, Discovery, Events, Flows, Gaps, Kind, Samples, Sessions

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Batch", "Discovery", "Events", "Flows", "Gaps", "Samples", "Sessions", "cut", "decode", "encode"]

VERSION = 1
MAX_ROWS = 20_000
MAX_PACKED = 1 << 20
MAX_UNPACKED = 16 << 20
MAX_TEXT = 255  # characters of one dictionary entry,
LONG_TEXTS = {"details": 2_000}  # but for these
Encoding = Literal["zstd", "gzip", "identity"]
Lane = Literal["metrics", "events", "flows"]

# Why a sample says "not reachable" (index = wire code). Append only: spools hold the numbers.
REASONS = (
    "",
    "timeout",
    "refused",
    "unreachable",
    "no_such_object",
    "bad_answer",
    "authentication",
    "local_error",
    "tls",
    "http_status",
    "content",
    "dns_error",
)
REASON_CODE = {name: code for code, name in enumerate(REASONS)}


class Batch(NamedTuple):
    """The decoded content of one record of the spool."""

    samples: Samples | None = None
    flows: Flows | None = None
    sessions: Sessions | None = None
    events: Events | None = None
    gaps: Gaps | None = None
    discovery: Discovery | None = None

    @property
    def rows(self) -> int:
        """Rows of all kinds together."""
        return sum(len(part[0]) for part in self if part is not None)


class _Wire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The outer map. `version` comes first and decides how the rest is read."""

    version: int
    parts: dict[str, dict[str, bytes | list[str]]]


def _layout(kind: type[Kind]) -> dict[str, np.dtype[Any] | None]:
    """Field name to little-endian dtype, or None for a text dictionary, read off the NamedTuple's own annotations."""
    layout: dict[str, np.dtype[Any] | None] = {}
    for field, hint in kind.__annotations__.items():
        name = str(hint.__forward_arg__ if hasattr(hint, "__forward_arg__") else hint)
        layout[field] = np.dtype(name[len("NDArray[np.") : -1]).newbyteorder("<") if name.startswith("NDArray") else None
    return layout


_LAYOUTS = {name: _layout(kind) for name, kind in KINDS.items()}
# Which dictionary each index column points into; a column named in the plural by itself needs no entry.
_POINTS: dict[str, dict[str, str]] = {
    "samples": {"metric": "metrics", "instance": "instances"},
    "flows": {"name": "names", "application": "applications", "provider": "providers", "remote": "remotes"},
    "sessions": dict.fromkeys(("nas", "session", "part", "multi", "user", "station", "ap", "ssid", "address"), "texts"),
    "events": dict.fromkeys(("source", "oid", "name"), "texts") | {"detail": "details"},
    "gaps": dict.fromkeys(("lane", "reason"), "texts"),
    "discovery": dict.fromkeys(("kind", "instance", "name", "value"), "texts"),
}
# What no honest agent sends and no table holds: it would fail again at each try.
_YEAR_2262 = 9_214_646_400_000_000
_BOUNDS = {"interval": (1, 86_400), "rows": (0, 1 << 62), "first_ts": (0, _YEAR_2262), "last_ts": (0, _YEAR_2262)}
_BOUNDS |= {"severity": (0, 7)}
_BOUNDS |= dict.fromkeys(("octets_in", "octets_out", "packets_in", "packets_out"), (0, 1 << 62))
_BOUNDS |= dict.fromkeys(("octets", "packets", "measured_octets", "measured_packets"), (0, 1 << 62))
_ASIDE = {"interval_sensor", "interval"}  # columns with a length of their own

K = TypeVar("K", bound=NamedTuple)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Wire)


def encode(batch: Batch, level: int = 3) -> bytes:
    """`batch` as zstd-packed bytes, ready for the spool and for `PUT …/ingest` with `Content-Encoding: zstd`."""
    parts: dict[str, Any] = {
        name: {
            field: column if dtype is None else np.ascontiguousarray(column, dtype).tobytes()
            for (field, dtype), column in zip(_LAYOUTS[name].items(), part, strict=True)
        }
        for name, part in zip(KINDS, batch, strict=True)
        if part is not None
    }
    return zstd.compress(_encoder.encode(_Wire(VERSION, parts)), level)


def cut(batch: Batch, start: int, stop: int) -> Batch:
    """Rows `start` to `stop` of `batch`, which holds one kind; its dictionaries keep only what these rows point into."""
    ((name, part),) = ((name, part) for name, part in zip(KINDS, batch, strict=True) if part is not None)
    columns = part._asdict()
    for field, dtype in _LAYOUTS[name].items():
        if dtype is not None and field not in _ASIDE:
            columns[field] = columns[field][start:stop]
    for target in set(_POINTS[name].values()):
        fields = [field for field, points in _POINTS[name].items() if points == target]
        used, places = np.unique(np.concatenate([columns[field] for field in fields]), return_inverse=True)
        columns[target] = [columns[target][index] for index in used.tolist()]
        columns |= dict(zip(fields, np.split(places, len(fields)), strict=True))
    if name == "samples":
        kept = np.isin(columns["interval_sensor"], columns["sensor"])
        columns |= {field: columns[field][kept] for field in _ASIDE}
    parts: dict[str, Any] = {name: KINDS[name](**columns)}
    return Batch(**parts)


def decode(packed: bytes, encoding: Encoding = "zstd") -> Batch:
    """The batch in `packed`. Arrays are read-only views.

    Raises DecodeError: encoding, size, format, version, kind, column, length, index, text, rows.
    """
    if len(packed) > MAX_PACKED:
        raise DecodeError("size", f"a batch is at most {MAX_PACKED} bytes packed, this one has {len(packed)}")
    try:
        wire = _decoder.decode(_unpack(packed, encoding))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError("format", f"not a batch: {error}") from None
    if wire.version != VERSION:
        raise DecodeError("version", f"batch format {wire.version} is not known here (this side speaks {VERSION})")
    batch = Batch(**{name: _part(name, columns) for name, columns in wire.parts.items()})
    if batch.rows > MAX_ROWS:
        raise DecodeError("rows", f"a batch has at most {MAX_ROWS} rows, this one has {batch.rows}")
    return batch


def _unpack(packed: bytes, encoding: str) -> bytes:
    """`packed` without its one layer of compression; never more than MAX_UNPACKED bytes are made."""
    limit = MAX_UNPACKED + 1
    try:
        if encoding == "identity":
            return packed
        if encoding == "zstd":
            unpacker: Any = zstd.ZstdDecompressor()
            plain: bytes = unpacker.decompress(packed, limit)
        elif encoding == "gzip":
            unpacker = zlib.decompressobj(wbits=31)
            plain = unpacker.decompress(packed, limit)
        else:
            raise DecodeError("encoding", f"Content-Encoding {encoding!r} is not known: use zstd, gzip or identity")
    except (zstd.ZstdError, zlib.error, MemoryError) as error:
        raise DecodeError("encoding", f"the {encoding} data is damaged: {error}") from None
    if len(plain) >= limit:
        raise DecodeError("size", f"a batch is at most {MAX_UNPACKED} bytes unpacked")
    if not unpacker.eof:
        raise DecodeError("encoding", f"the {encoding} data is truncated")
    if unpacker.unused_data:
        raise DecodeError("encoding", f"{len(unpacker.unused_data)} bytes follow the {encoding} data")
    return plain


def _part(name: str, columns: dict[str, bytes | list[str]]) -> Any:
    """The columns of one kind, checked against its layout: types, equal lengths, indices inside their dictionaries."""
    layout = _LAYOUTS.get(name)
    if layout is None:
        raise DecodeError("kind", f"unknown kind of rows {name[:40]!r}")
    if columns.keys() != layout.keys():
        odd = ", ".join(sorted(columns.keys() ^ layout.keys()))[:200]
        raise DecodeError("column", f"{name}: missing or unknown columns: {odd}")
    part = KINDS[name](*(_column(name, field, dtype, columns[field]) for field, dtype in layout.items()))
    values: dict[str, Any] = dict(zip(layout, part, strict=True))
    lengths = {len(values[field]) for field, dtype in layout.items() if dtype is not None and field not in _ASIDE}
    if len(lengths) > 1 or len({len(values[field]) for field in _ASIDE & layout.keys()}) > 1:
        raise DecodeError("length", f"{name}: columns of different length")
    for field, (least, most) in _BOUNDS.items():
        column = values.get(field)
        if column is not None and len(column) and not ((column >= least) & (column <= most)).all():  # NaN is outside, too
            raise DecodeError("value", f"{name}.{field} has a value outside {least} to {most}")
    for field, target in _POINTS[name].items():
        column = values[field]
        if len(column) and int(column.max()) >= len(values[target]):
            raise DecodeError("index", f"{name}.{field} points outside {target}")
    return part


def _column(name: str, field: str, dtype: np.dtype[Any] | None, raw: bytes | list[str]) -> Any:
    if dtype is None:
        if not isinstance(raw, list):
            raise DecodeError("column", f"{name}.{field} is a list of texts")
        longest = LONG_TEXTS.get(field, MAX_TEXT)
        if len(raw) > MAX_ROWS or any(len(text) > longest or "\0" in text for text in raw):
            raise DecodeError(
                "text", f"{name}.{field}: at most {MAX_ROWS} texts of at most {longest} characters, none of them NUL"
            )
        return raw
    if not isinstance(raw, bytes):
        raise DecodeError("column", f"{name}.{field} is a column of bytes")
    if len(raw) % dtype.itemsize:
        raise DecodeError("length", f"{name}.{field}: {len(raw)} bytes are no whole number of {dtype.name}")
    return np.frombuffer(raw, dtype)
