"""NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011): datagrams in, columns out. Sans-IO; nothing it is given makes it raise.

    decoder = Decoder()
    decoded = decoder.decode([("192.0.2.1", payload), ("2001:db8::1", payload), …], now)     # now: µs since 1970, UTC

`decoded.flows` is a list of Records (records.py), one for each *layout* (the same fields in the same order, whoever sent
them), `decoded.options` the same for the records of option templates. For each Records r:

    r.rows                    structured array [n], big-endian, a field is r.rows["0.8"]; see layout.py for the keys
    r.head                    index [n] into decoded.heads: {exporter, domain, version, exported (µs), uptime (ms), sequence,
                              sampling (v5: mode << 14 | interval)}; heads["exporter"] is an index into decoded.exporters
    r.template                number of the template [n]
    r.layout.fields           what there is; r.unsigned(key), r.pairs(key), r.texts(key), r.raw(key, row)

Standard columns whatever the variant of the elements: columns.py (`column(r, "bytes")`, `source(r)`, …), times.py
(`spans(r, decoded.heads)` -> start and end in µs); what options say of samplers, interfaces, applications and VRFs: facts.py.

The same exporter is one whatever its source port; its identity behind NAT is in elements 130 and 131 (columns.py). Call
`decode` for some 0.25 to 1 s of datagrams or 2,000 of them: its cost follows datagrams, and a call has a fixed one for each
layout. Nothing is kept from call to call but templates, sequences and data that wait for a template (bounds: exporters.py).
`snapshot` and `restore` carry templates over a restart. `counters` only grow:

    datagrams, flows, options (records), templates (new or changed)
    unknown_version, malformed (messages or sets), truncated (sets or messages cut off), unreadable (templates without a byte)
    no_template (data sets), waited_for_template, dropped_without_template, replayed (data sets)
    refused_exporters, refused_domains, refused_templates, evicted_exporters, evicted_templates, withdrawn_templates
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from protocols.errors import DecodeError
from protocols.netflow import exporters, layout
from protocols.netflow.exporters import Domain, Exporters, Template
from protocols.netflow.heads import heads
from protocols.netflow.layout import V5
from protocols.netflow.queues import Queue, joined
from protocols.netflow.records import Records
from protocols.netflow.walk import cut, padded, record_ends

_V5, _V9, _V10 = struct.Struct("!HHIIIIHH"), struct.Struct("!HHIIII"), struct.Struct("!HHIII")
_SET = struct.Struct("!HH")
_HEAD = 24  # bytes of a message that are kept: the longest header
LAYOUTS = 512
_MINUTE = 60_000_000  # µs


class Decoded(NamedTuple):
    """What a batch of datagrams held; see the module's docstring."""

    flows: list[Records]
    options: list[Records]
    heads: NDArray[Any]
    exporters: tuple[str, ...]


class Decoder:
    """State over time: templates, sequences, waiting data. See the module's docstring."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.exporters: Exporters[Queue] = Exporters(self.counters)
        self._domains = self.exporters.domains
        self._queues: dict[tuple[int, int, tuple[tuple[int, int, int], ...]], Queue] = {}
        self._five = Queue(V5)
        self._busy: list[Queue] = []
        self._heads: list[bytes] = []
        self._senders: list[int] = []
        self._names: dict[str, int] = {}
        self._now = 0
        self._expired = 0

    def decode(self, datagrams: Iterable[tuple[str, bytes]], now: int) -> Decoded:
        """All records of (exporter's address, payload) in columns; `now` in µs."""
        self._now = now
        if now - self._expired > _MINUTE:
            self.exporters.expire(now)
            self._expired = now
        count = 0
        for exporter, data in datagrams:
            count += 1
            if len(data) < 16:
                self.counters["malformed"] += 1
                continue
            version = data[0] << 8 | data[1]
            if version == 9:
                self._nine(exporter, data)
            elif version == 10:
                self._ten(exporter, data)
            elif version == 5:
                self._five_(exporter, data)
            else:
                self.counters["unknown_version"] += 1
        self.counters["datagrams"] += count
        return self._flush()

    def snapshot(self) -> bytes:
        """The templates, to be kept on disk."""
        return exporters.snapshot(self.exporters.domains)

    def restore(self, data: bytes, now: int) -> None:
        """Take over the templates of a snapshot, as if they had come just now. Raises DecodeError: snapshot, truncated."""
        self._now = now
        for key, options, raw in exporters.stored(data):
            if key[2] in {9, 10} and (domain := self.exporters.admit(key, now)):
                self._templates(domain, raw, 0, len(raw), options=options)

    def _head(self, exporter: str, head: bytes) -> int:
        number = self._names.setdefault(exporter, len(self._names))
        self._senders.append(number)
        self._heads.append(head)
        return len(self._heads) - 1

    def _five_(self, exporter: str, data: bytes) -> None:
        if len(data) < _V5.size:
            self.counters["malformed"] += 1
            return
        _, count, uptime, _, _, number, engine, _ = _V5.unpack_from(data)
        domain = self._domains.get((exporter, engine, 5)) or self.exporters.admit((exporter, engine, 5), self._now)
        if domain is None:
            return
        domain.seen = self._now
        whole = (len(data) - 24) // 48
        if whole < count:
            self.counters["truncated"] += 1
            count = whole
        domain.sequence.take(5, number, count, uptime)
        if count:
            if not domain.proven:
                self.exporters.proven(domain)
            self._file(self._five, data[24 : 24 + count * 48], self._head(exporter, data[:_HEAD]), 0)

    def _nine(self, exporter: str, data: bytes) -> None:
        if len(data) < _V9.size:
            self.counters["malformed"] += 1
            return
        _, _, uptime, _, number, source = _V9.unpack_from(data)
        domain = self._domains.get((exporter, source, 9)) or self.exporters.admit((exporter, source, 9), self._now)
        if domain is None:
            return
        domain.seen = self._now
        sequence = domain.sequence
        if sequence.expected == number:
            sequence.expected = number + 1 & 0xFFFFFFFF
            sequence.uptime = uptime
        else:
            sequence.take(9, number, 1, uptime)
        self._sets(domain, data, 20, len(data), 0)

    def _ten(self, exporter: str, data: bytes) -> None:
        _, length, _, number, observed = _V10.unpack_from(data)
        domain = self._domains.get((exporter, observed, 10)) or self.exporters.admit((exporter, observed, 10), self._now)
        if domain is None:
            return
        domain.seen = self._now
        if not 16 <= length <= len(data):
            self.counters["truncated" if length > len(data) else "malformed"] += 1
        count = self._sets(domain, data, 16, min(length, len(data)), 2)
        sequence = domain.sequence
        if sequence.expected == number and count >= 0:
            sequence.expected = number + count & 0xFFFFFFFF
            return
        sequence.take(10, number, max(count, 0), 0)
        if count < 0:  # a set could not be read, so nobody knows how many records there were
            sequence.expected = -1

    def _sets(self, domain: Domain[Queue], data: bytes, at: int, end: int, first: int) -> int:
        """The number of data records of a message; -1 if unknown. `first`: the set id of its templates."""
        total, head, known = 0, -1, domain.templates
        whole = True
        while at + 4 <= end:
            number, length = _SET.unpack_from(data, at)
            if length < 4:
                self.counters["malformed"] += any(data[at:end])  # zeros are padding
                break
            stop = at + length
            if stop > end:
                self.counters["truncated"] += 1
                stop = end
                whole = False
            if number > 255:
                template = known.get(number)
                if template is None:
                    self.counters["no_template"] += 1
                    self.exporters.keep_waiting(domain, number, data[at + 4 : stop], data[:_HEAD])
                    whole = False
                else:
                    if head < 0:  # as _head does, without the call
                        head = len(self._heads)
                        self._heads.append(data[:_HEAD])
                        self._senders.append(self._names.setdefault(domain.exporter, len(self._names)))
                    queue = template.queue
                    if queue is None or not queue.size:
                        total += self._data(domain, template, number, data[at + 4 : stop], head)
                    elif (count := (stop - at - 4) // queue.size) > 0:  # nearly all data comes this way
                        template.used = self._now
                        if not queue.parts:
                            self._busy.append(queue)
                        queue.parts.append(data[at + 4 : at + 4 + count * queue.size])
                        queue.heads.append(head)
                        queue.templates.append(number)
                        total += count
            elif number == first or number == first + 1:
                self._templates(domain, data, at + 4, stop, options=number != first)
            at += length
        return total if whole else -1

    def _data(self, domain: Domain[Queue], template: Template[Queue], number: int, body: bytes, head: int) -> int:
        template.used = self._now
        queue = template.queue or self._queue(domain, template)
        minimum = queue.minimum
        if not minimum:
            self.counters["unreadable"] += 1
            return 0
        if queue.layout.variable:
            count, used = cut(queue.layout, body, queue.marks)
            self.counters["malformed"] += len(body) - used >= minimum
            queue.sizes += (count,) if count else ()
        else:
            count = len(body) // minimum
            used = count * minimum
        if count:
            self._file(queue, body if used == len(body) else body[:used], head, number)
        return count

    def _file(self, queue: Queue, part: bytes, head: int, number: int) -> None:
        if not queue.parts:
            self._busy.append(queue)
        queue.parts.append(part)
        queue.heads.append(head)
        queue.templates.append(number)

    def _queue(self, domain: Domain[Queue], template: Template[Queue]) -> Queue:
        fields, scopes = layout.parse(domain.version, template.raw, options=template.options)
        key = (domain.version, scopes, tuple(fields))
        queue = self._queues.get(key)
        if queue is None:
            if len(self._queues) >= LAYOUTS:  # begin anew; those in use come back at once
                self._queues.clear()
                for other in self.exporters.domains.values():
                    for forgotten in other.templates.values():
                        forgotten.queue = None
            queue = self._queues[key] = Queue(layout.layout(domain.version, fields, scopes))
        template.queue = queue
        if not domain.proven:
            self.exporters.proven(domain)
        return queue

    def _templates(self, domain: Domain[Queue], data: bytes, at: int, end: int, *, options: bool) -> None:
        while end - at >= 4:
            number, count = _SET.unpack_from(data, at)
            old = domain.templates.get(number)
            if old is not None and old.options == options and at + len(old.raw) <= end and data.startswith(old.raw, at):
                old.used = self._now
                at += len(old.raw)
                continue
            if padded(data, at, end):
                return
            if domain.version == 10 and count == 0:  # a withdrawal, RFC 7011 section 8.1: of one, or of all of a kind
                kind = [known for known, template in domain.templates.items() if template.options == options]
                self.exporters.withdraw(domain, kind if number == 2 + options else [number])
                at += 4
                continue
            try:
                stop, fields = record_ends(data, at, end, domain.version, options=options)
            except DecodeError:  # a bad set does not lose those behind it
                self.counters["malformed"] += 1
                return
            if number < 256 or not 0 < fields <= exporters.FIELDS:
                self.counters["refused_templates"] += 1
            elif self.exporters.define(domain, number, data[at:stop], self._now, options=options):
                self.counters["templates"] += 1
                self._replay(domain, number)
            at = stop

    def _replay(self, domain: Domain[Queue], number: int) -> None:
        if not domain.waiting:
            return
        for _, body, head in self.exporters.waited(domain, number):
            self.counters["replayed"] += 1
            self._data(domain, domain.templates[number], number, body, self._head(domain.exporter, head))

    def _flush(self) -> Decoded:
        flows: list[Records] = []
        options: list[Records] = []
        for queue in self._busy:
            records = joined(queue)
            queue.clear()
            (options if queue.layout.options else flows).append(records)
            self.counters["options" if queue.layout.options else "flows"] += len(records)
        self._busy.clear()
        decoded = Decoded(flows, options, heads(self._heads, self._senders), tuple(self._names))
        self._heads, self._senders, self._names = [], [], {}
        return decoded
