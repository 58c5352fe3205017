"""The templates of exporters and their domains, within bounds that no sender can exceed, and the picture of them on disk."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from protocols.errors import DecodeError
from protocols.netflow.sequence import Sequence
from protocols.wire import Reader

EXPORTERS = 256
DOMAINS = 64  # of an exporter; its versions count apart
TEMPLATES = 512  # of a domain
FIELDS = 128  # of a template
TEMPLATES_IN_ALL = 16_384
WAITING = 64  # data sets of a domain whose template is not known yet
WAITING_BYTES = 8 << 20  # of all domains
IDLE = 1_800_000_000  # µs after which a template, a domain or an exporter is forgotten
STEADY = 300_000_000  # µs for which one whose records we have read is not given up for a newcomer
_MAGIC = b"LSFT1"

Q = TypeVar("Q")
Key = tuple[str, int, int]  # exporter, domain, version


@dataclass(slots=True)
class Template(Generic[Q]):
    """A template record as it came; `queue` is the decoder's, made when the first data comes."""

    raw: bytes
    options: bool
    used: int  # µs
    queue: Q | None = None


@dataclass(slots=True)
class Domain(Generic[Q]):
    """An observation domain (v9: source, v5: engine) of an exporter in one version."""

    exporter: str
    number: int
    version: int
    seen: int  # µs
    proven: bool = False  # it has sent records we could read
    templates: dict[int, Template[Q]] = field(default_factory=dict)
    sequence: Sequence = field(default_factory=Sequence)
    waiting: list[tuple[int, bytes, bytes]] = field(default_factory=list)  # set id, body, header of its message


@dataclass(slots=True)
class _Exporter:
    proven: bool
    keys: dict[Key, None]  # of its domains, in the order in which they came


class Exporters(Generic[Q]):
    """All domains. `counters` are the decoder's own."""

    def __init__(self, counters: Counter[str]) -> None:
        self.domains: dict[Key, Domain[Q]] = {}
        self.counters = counters
        self.templates = 0
        self.waiting_bytes = 0
        self._exporters: dict[str, _Exporter] = {}
        self._full_until = 0  # µs

    def admit(self, key: Key, now: int) -> Domain[Q] | None:
        """The domain of (exporter, number, version), new if need be; None if there is no room for it."""
        domain = self.domains.get(key)
        if domain is not None:
            return domain
        exporter = self._exporters.get(key[0])
        if exporter is None:
            if len(self._exporters) >= EXPORTERS and not self._give_up(now):
                self.counters["refused_exporters"] += 1
                return None
            exporter = self._exporters[key[0]] = _Exporter(False, {})
        if len(exporter.keys) >= DOMAINS:
            victim = self._weakest(exporter.keys, now)
            if victim is None:
                self.counters["refused_domains"] += 1
                return None
            self._drop(victim)
        exporter.keys[key] = None
        domain = self.domains[key] = Domain(*key, now)
        return domain

    def proven(self, domain: Domain[Q]) -> None:
        """Its records could be read: it is not given up easily from now on."""
        domain.proven = True
        self._exporters[domain.exporter].proven = True

    def define(self, domain: Domain[Q], number: int, raw: bytes, now: int, *, options: bool) -> bool:
        """Keep a template; False if it may not be kept."""
        old = domain.templates.pop(number, None)
        self.templates -= old is not None
        if len(domain.templates) >= TEMPLATES:
            oldest = min(domain.templates, key=lambda known: domain.templates[known].used)
            del domain.templates[oldest]
            self.templates -= 1
            self.counters["evicted_templates"] += 1
        while self.templates >= TEMPLATES_IN_ALL:
            if now < self._full_until:
                self.counters["refused_templates"] += 1
                return False
            victim = self._weakest((key for key in self.domains if self.domains[key] is not domain), now)
            if victim is None:
                self._full_until = now + 1_000_000  # not to look again and again
                continue
            self._drop(victim)
        domain.templates[number] = Template(raw, options, now)
        self.templates += 1
        return True

    def withdraw(self, domain: Domain[Q], numbers: list[int]) -> None:
        """Forget templates."""
        for number in numbers:
            if domain.templates.pop(number, None) is not None:
                self.templates -= 1
                self.counters["withdrawn_templates"] += 1

    def keep_waiting(self, domain: Domain[Q], number: int, body: bytes, head: bytes) -> None:
        """Keep a data set until its template comes, if there is room."""
        if len(domain.waiting) >= WAITING or self.waiting_bytes + len(body) > WAITING_BYTES:
            self.counters["dropped_without_template"] += 1
            return
        domain.waiting.append((number, body, head))
        self.waiting_bytes += len(body)
        self.counters["waited_for_template"] += 1

    def waited(self, domain: Domain[Q], number: int) -> list[tuple[int, bytes, bytes]]:
        """Take out the data sets that waited for this template."""
        found = [item for item in domain.waiting if item[0] == number]
        domain.waiting = [item for item in domain.waiting if item[0] != number]
        self.waiting_bytes -= sum(len(body) for _, body, _ in found)
        return found

    def expire(self, now: int) -> None:
        """Forget what nobody has used for half an hour."""
        for key in [key for key, domain in self.domains.items() if now - domain.seen > IDLE]:
            self._drop(key)
        for domain in self.domains.values():
            old = [number for number, template in domain.templates.items() if now - template.used > IDLE]
            for number in old:
                del domain.templates[number]
            self.templates -= len(old)

    def _give_up(self, now: int) -> bool:
        """Make room for a newcomer: of those never read the one that came first, else one that has been silent."""
        victim = next((name for name, exporter in self._exporters.items() if not exporter.proven), None)
        if victim is None:
            seen = {name: max(self.domains[key].seen for key in exporter.keys) for name, exporter in self._exporters.items()}
            victim = min(seen, key=seen.__getitem__)
            if now - seen[victim] < STEADY:
                return False
        for key in list(self._exporters[victim].keys):
            self._drop(key)
        self.counters["evicted_exporters"] += 1
        return True

    def _weakest(self, keys: Iterable[Key], now: int) -> Key | None:
        """As `_give_up`, of domains."""
        silent: Key | None = None
        for key in keys:
            domain = self.domains[key]
            if not domain.proven:
                return key
            if now - domain.seen >= STEADY and (silent is None or domain.seen < self.domains[silent].seen):
                silent = key
        return silent

    def _drop(self, key: Key) -> None:
        domain = self.domains.pop(key)
        self.templates -= len(domain.templates)
        self.waiting_bytes -= sum(len(body) for _, body, _ in domain.waiting)
        exporter = self._exporters[key[0]]
        exporter.keys.pop(key, None)
        if not exporter.keys:
            del self._exporters[key[0]]


def snapshot(domains: dict[Key, Domain[Q]]) -> bytes:
    """All templates, to be kept over a restart (at most some MiB)."""
    rows = [_MAGIC]
    for (exporter, number, version), domain in domains.items():
        name = exporter.encode()[:255]
        for template in domain.templates.values():
            rows.append(struct.pack("!B", len(name)) + name)
            rows.append(struct.pack("!IBBH", number, version, template.options, len(template.raw)) + template.raw)
    body = b"".join(rows)
    return body + struct.pack("!I", zlib.crc32(body))


def stored(data: bytes) -> Iterator[tuple[tuple[str, int, int], bool, bytes]]:
    """((exporter, number, version), options, template record) of a snapshot. Raises DecodeError: snapshot, truncated."""
    if len(data) < len(_MAGIC) + 4 or zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
        raise DecodeError("snapshot", "the snapshot of templates is damaged")
    reader = Reader(data[:-4])
    if not reader.skip(_MAGIC):
        raise DecodeError("snapshot", "this is no snapshot of templates, or one of another version")
    while reader.at < reader.end:
        name = reader.take(reader.u8()).decode("ascii", "replace")
        number, version, options, size = struct.unpack("!IBBH", reader.take(8))
        yield (name, number, version), bool(options), reader.take(size)
