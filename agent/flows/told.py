"""What exporters tell of themselves in options: sampling, names of applications and interfaces, when they started, who they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from protocols.netflow.columns import column, has
from protocols.netflow.decoder import Decoded
from protocols.netflow.facts import facts
from protocols.netflow.records import Records

MOST = 50_000  # facts of all exporters together
HIGHEST = float(1 << 24)  # packets for each one sampled
Floats = NDArray[np.float64]
Domain = tuple[str, int]  # exporter, domain


class Told:
    """Facts by exporter and domain. `counters`: flow.told, flow.told_refused."""

    def __init__(self, counters: Counter[str]) -> None:
        self.rates: dict[tuple[str, int, int], float] = {}
        self.applications: dict[tuple[str, int, int], str] = {}
        self.interfaces: dict[tuple[str, int], str] = {}
        self.boots: dict[Domain, int] = {}
        self.selves: dict[Domain, str] = {}
        self._counters = counters

    def take(self, decoded: Decoded) -> None:
        """Learn from the options of a batch."""
        for records in decoded.options:
            for fact in facts(records, decoded):
                self._counters["flow.told"] += 1
                where = (fact.exporter, fact.domain, fact.number)
                if self._full(where):
                    self._counters["flow.told_refused"] += 1
                elif fact.kind == "sampler":
                    self.rates[where] = min(max(fact.rate, 1.0), HIGHEST)
                elif fact.kind == "application":
                    self.applications[where] = fact.name or fact.description
                elif fact.kind == "interface":
                    self.interfaces[fact.exporter, fact.number] = fact.name or fact.description
                elif fact.kind == "boot":
                    self.boots[where[:2]] = fact.number
                elif fact.kind == "exporter":
                    self.selves[where[:2]] = fact.name

    def _full(self, where: tuple[str, int, int]) -> bool:
        known = where in self.rates or where in self.applications or (where[0], where[2]) in self.interfaces
        return not known and len(self.rates) + len(self.applications) + len(self.interfaces) + len(self.boots) >= MOST

    def sampling(self, records: Records, decoded: Decoded, fallback: Callable[[str], int]) -> Floats | None:
        """Packets seen for each one counted [n], at least 1; None: every packet was counted.

        In this order: what options say of the record's sampler, then of the domain; the record itself; the header of v5;
        `fallback` of the exporter.
        """
        heads = decoded.heads[records.heads]
        own = records.layout.version == 5 or any(has(records, name) for name in ("sampling_interval", "sampling_packets"))
        if not own and not self.rates and not any(fallback(exporter) > 1 for exporter in decoded.exporters):
            return None
        pairs, place = np.unique(heads["exporter"].astype(np.uint64) << np.uint64(32) | heads["domain"], return_inverse=True)
        domains = [(decoded.exporters[pair >> 32], pair & 0xFFFF_FFFF) for pair in pairs.tolist()]
        if records.layout.version == 5:
            interval = (heads["sampling"] & 0x3FFF).astype(np.float64)
        else:
            interval = np.array([self.rates.get((*domain, 0), 0.0) for domain in domains])[place]
        last = np.array([float(max(fallback(exporter), 1)) for exporter, _ in domains])[place]
        found = np.repeat(interval, records.counts)
        if records.layout.version != 5:
            found = self._own(records, domains, np.repeat(place, records.counts), found)
        found = np.where(found > 0, found, np.repeat(last, records.counts))
        found = np.clip(found, 1.0, HIGHEST)
        return None if (found == 1.0).all() else found

    def _own(self, records: Records, domains: list[Domain], place: NDArray[np.int64], found: Floats) -> Floats:
        """With what the record says itself, and what options say of its sampler."""
        if has(records, "sampling_interval"):
            found = np.where(found > 0, found, column(records, "sampling_interval").astype(np.float64))
        if has(records, "sampling_packets"):
            taken, space = (column(records, name).astype(np.float64) for name in ("sampling_packets", "sampling_space"))
            spaced = (taken + space) / np.maximum(taken, 1) if has(records, "sampling_space") else taken
            found = np.where(found > 0, found, spaced)
        if has(records, "sampler"):
            sampler = column(records, "sampler").astype(np.uint64)
            if sampler.any():
                keys, which = np.unique(place.astype(np.uint64) << np.uint64(48) | sampler, return_inverse=True)
                rates = [self.rates.get((*domains[key >> 48], key & 0xFFFF_FFFF_FFFF), 0.0) for key in keys.tolist()]
                by_sampler = np.array(rates)[which]
                found = np.where(by_sampler > 0, by_sampler, found)
        return found

    def application_codes(self, records: Records, decoded: Decoded, code: Callable[[str], int]) -> NDArray[np.uint16] | None:
        """Codes [n] of the names that options give to element 95, 0 where there is none; None: the records have none at all."""
        if not has(records, "application") or not self.applications:
            return None
        number = column(records, "application").astype(np.uint64)
        if not number.any():
            return None
        head = np.repeat(records.heads, records.counts)
        order = np.lexsort((number, head))
        changed = (np.diff(number[order], prepend=np.uint64(0)) != 0) | (np.diff(head[order], prepend=-1) != 0)
        codes = []
        for row in order[changed].tolist():
            message = decoded.heads[head[row]]
            name = self.applications.get((decoded.exporters[message["exporter"]], int(message["domain"]), int(number[row])), "")
            codes.append(code(name) if name else 0)
        found = np.zeros(len(number), np.uint16)
        found[order] = np.array(codes, np.uint16)[np.cumsum(changed) - 1]
        return found
