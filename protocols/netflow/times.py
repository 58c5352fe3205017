"""When flows began and ended, from the many elements that say so, in µs since 1970 UTC by the exporter's own clock.

Absolute: seconds 150/151, ms 152/153, NTP 154-157 (RFC 7011 section 6.1.9 and 6.1.10), µs before the export 158/159. Relative to
the start of the device: 21/22, against the uptime in the header (v5, v9) or the start in 160 (IPFIX); both wrap after 49.7 days.
Events: 322-325. Durations: 161/162.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.netflow.records import Ints, Records

_S, _MS, _NTP, _NTP_NS, _AGO = 1_000_000, 1_000, 0, -1, -2  # µs of a unit, or how else the element is read
_STARTS = (("0.156", _NTP_NS), ("0.154", _NTP), ("0.152", _MS), ("0.150", _S), ("0.158", _AGO))
_ENDS = (("0.157", _NTP_NS), ("0.155", _NTP), ("0.153", _MS), ("0.151", _S), ("0.159", _AGO))
_EVENTS = (("0.325", _NTP_NS), ("0.324", _NTP), ("0.323", _MS), ("0.322", _S))
_DAY = 86_400_000_000
_1900 = 2_208_988_800  # seconds from there to 1970
_ERA = 1 << 32  # seconds, until 2036


def spans(records: Records, heads: NDArray[Any], boots: Ints | None = None) -> tuple[Ints, Ints]:
    """(start [n], end [n]) in µs, start <= end; the time of the export where nothing else is said.

    boots   for each record [n] when its device started (µs, 0: unknown), as options (facts.py) of IPFIX may tell
    """
    exported = np.repeat(heads["exported"][records.heads], records.counts)
    start, end = _absolute(records, exported, _STARTS), _absolute(records, exported, _ENDS)
    uptime = _uptime(records, heads, exported, boots)
    if uptime is not None:
        start = _filled(start, _relative(records, "0.22", exported, uptime))
        end = _filled(end, _relative(records, "0.21", exported, uptime))
    if start is None or end is None:
        start, end = _by_duration(records, start, end)
    event = _absolute(records, exported, _EVENTS)
    ended = _settled(_filled(end, event), exported if start is None else np.maximum(start, exported))
    return np.minimum(_settled(_filled(start, event), ended), ended), ended


def _filled(known: Ints | None, other: Ints | None) -> Ints | None:
    """`known`, and where it is zero `other`."""
    if known is None or other is None:
        return other if known is None else known
    return _settled(known, other)


def _settled(known: Ints | None, other: Ints) -> Ints:
    if known is None:
        return other
    return known if known.all() else np.where(known == 0, other, known)


def _absolute(records: Records, exported: Ints, ways: tuple[tuple[str, int], ...]) -> Ints | None:
    found: Ints | None = None
    for key, unit in ways:
        if key not in records.layout.keys:
            continue
        value = records.unsigned(key)
        if unit > 0:
            time = np.minimum(value, np.uint64((1 << 62) // unit)).astype(np.int64) * unit
        elif unit == _AGO:
            time = exported - value.astype(np.int64)
        else:
            time = _ntp(value.astype(np.uint64), exported, 1_000 if unit == _NTP_NS else 1)
        found = _filled(found, time)
    return found


def _ntp(value: NDArray[np.uint64], exported: Ints, unit: int) -> Ints:
    """NTP's 32 bits of seconds and 32 of fraction; or, where only that is near the export, plain µs or ns since 1970."""
    seconds = (value >> np.uint64(32)).astype(np.int64)
    seconds += np.where(seconds < _ERA // 2, _ERA, 0) - _1900
    fraction = (value & np.uint64(0xFFFFFFFF)) * np.uint64(1_000_000) >> np.uint64(32)
    time = seconds * 1_000_000 + fraction.astype(np.int64)
    plain = (value // np.uint64(unit) & np.uint64((1 << 62) - 1)).astype(np.int64)
    wrong = (np.abs(time - exported) > _DAY) & (np.abs(plain - exported) < _DAY)
    return np.where(value == 0, 0, np.where(wrong, plain, time))


def _uptime(records: Records, heads: NDArray[Any], exported: Ints, boots: Ints | None) -> NDArray[np.uint32] | None:
    """Milliseconds since the device started, when the message was made, mod 2**32; None where no flow refers to it."""
    keys = records.layout.keys
    if keys.isdisjoint(("0.21", "0.22")):
        return None
    if records.layout.version != 10:
        return np.repeat(heads["uptime"][records.heads], records.counts)
    known = boots
    if "0.160" in keys:
        known = _filled(np.minimum(records.unsigned("0.160"), np.uint64(1 << 52)).astype(np.int64) * 1_000, boots)
    last = records.unsigned("0.21" if "0.21" in keys else "0.22").astype(np.uint32)
    if known is None:
        return last  # nobody says when it started: the flow ended when it was exported
    return np.where(known > 0, (exported - known) // 1_000 & 0xFFFFFFFF, last).astype(np.uint32)


def _relative(records: Records, key: str, exported: Ints, uptime: NDArray[np.uint32]) -> Ints | None:
    if key not in records.layout.keys:
        return None
    # Within 24.8 days before the export or after it, so that a wrap between them does no harm.
    behind = (uptime - records.unsigned(key).astype(np.uint32)).view(np.int32)
    return exported - behind.astype(np.int64) * 1_000


def _by_duration(records: Records, start: Ints | None, end: Ints | None) -> tuple[Ints | None, Ints | None]:
    for key, unit in (("0.162", 1), ("0.161", 1_000)):
        if key in records.layout.keys:
            lasted = records.unsigned(key).astype(np.int64) * unit
            if start is not None:
                return start, start + lasted
            if end is not None:
                return end - lasted, end
    return start, end
