"""What option records tell of the other ones: samplers, names of interfaces, applications and VRFs, when a device started.

for records in decoded.options:
for fact in facts(records, decoded): …
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from protocols.netflow.decoder import Decoded
from protocols.netflow.records import Ints, Records
from protocols.wire import text

_NAMES = ("0.82", "0.96", "0.236", "0.84", "0.335")
_DESCRIPTIONS = ("0.83", "0.94")


class Fact(NamedTuple):
    """One thing that an exporter says of itself, valid for its domain until it says something else.

    kind         `number` is                                    and the fact is in
    sampler      the sampler or selector, 0: of all             rate: packets seen for each one sampled, > 0
    interface    ifIndex                                        name, description
    application  the applicationId, as columns.py has it        name, description
    vrf          the VRF                                        name
    boot         when the device started, in µs                 number
    exporter     1                                              name: the address it says it has
    """

    exporter: str
    domain: int
    version: int
    kind: str
    number: int
    name: str = ""
    description: str = ""
    rate: float = 0.0


def facts(records: Records, decoded: Decoded) -> Iterator[Fact]:
    """All of a layout of options; what they say of anything else is left out."""
    keys = records.layout.keys
    for kind, numbers in _kinds(keys):
        rates = _rates(records) if kind == "sampler" else np.zeros(len(records))
        names, descriptions = _texts(records, _NAMES), _texts(records, _DESCRIPTIONS)
        number = records.unsigned(numbers).tolist() if numbers else [0] * len(records)
        if kind == "boot":
            number = [1_000 * min(ms, 1 << 52) for ms in number]
        for row, head in enumerate(decoded.heads[records.head].tolist()):
            if kind == "sampler" and not rates[row] > 0:
                continue
            of = (decoded.exporters[head[0]], head[1], head[2], kind, number[row])
            yield Fact(*of, names[row], descriptions[row], float(rates[row]))


def boots(records: Records, decoded: Decoded, known: Mapping[tuple[str, int], int]) -> Ints:
    """For each record [n] when its device started (µs, 0: unknown), for times.spans; `known`: (exporter, domain) -> `boot`."""
    told = [known.get((decoded.exporters[head[0]], head[1]), 0) for head in decoded.heads[records.heads].tolist()]
    return np.repeat(np.array(told, np.int64), records.counts)


def _kinds(keys: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(kind, key of its number)."""
    if keys & {"0.34", "0.50", "0.305", "0.309", "0.311"}:
        yield "sampler", next((key for key in ("0.302", "0.48") if key in keys), "")
    if keys & {"0.82", "0.83"}:
        known = next((key for key in ("0.10", "0.14", "scope.2", "0.252", "0.253") if key in keys), "")
        if known:
            yield "interface", known
    if "0.95" in keys and keys & {"0.94", "0.96"}:
        yield "application", "0.95"
    if "0.236" in keys and keys & {"0.234", "0.235"}:
        yield "vrf", "0.234" if "0.234" in keys else "0.235"
    if "0.160" in keys:
        yield "boot", "0.160"


def _texts(records: Records, candidates: tuple[str, ...]) -> list[str]:
    key = next((key for key in candidates if key in records.layout.keys), "")
    return [text(raw.split(b"\0")[0]) for raw in records.texts(key)] if key else [""] * len(records)


def _rates(records: Records) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Packets seen for each one sampled; zero where nothing is said (RFC 5477 section 8.2, and v9's own elements)."""
    keys, found = records.layout.keys, np.zeros(len(records))

    def number(key: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return records.unsigned(key).astype(np.float64) if key in keys else np.zeros(len(records))

    for key in ("0.50", "0.34"):
        found = np.where(number(key) > 0, number(key), found)
    if keys >= {"0.309", "0.310"}:
        found = np.where(number("0.309") > 0, number("0.310") / np.maximum(number("0.309"), 1), found)
    if "0.305" in keys:
        taken = number("0.305")
        # Some give the rate as an interval without a space: 1 in n, not n of n.
        spaced = (taken + number("0.306")) / np.maximum(taken, 1) if "0.306" in keys else taken
        found = np.where(taken > 0, spaced, found)
    if "0.311" in keys:
        chance = np.frombuffer(records.octets("0.311", 8).tobytes(), ">f8")
        likely = (chance > 1e-9) & (chance <= 1)  # one packet in a billion is a fault, and its inverse may overflow
        found = np.where(likely, 1 / np.where(likely, chance, 1), found)
    return found
