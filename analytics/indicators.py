"""Service-level indicators: response time, loss and jitter as measured, against what the product promises (rule 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf, nextafter
from typing import NamedTuple

import numpy as np

from analytics.confirmation import Samples, raised, runs_of, samples_of, sides_of
from analytics.element_status import DOWN, HAS_ISSUES, UP, ElementState
from analytics.network import Instant, Readings, Sensor
from analytics.roll_up import Shape
from analytics.rules import Limits, Rules
from analytics.sensor_status import Evidence
from analytics.timeline import Span, spans_of

# metric -> the indicator it is a measurement of
INDICATORS = {
    "response_time": "response_time",
    "rtt": "response_time",
    "connect_time": "response_time",
    "loss": "loss",
    "jitter": "jitter",
}
_SILENT = frozenset({"snmp", "port"})  # how fast a device's management answers is nothing that was sold


class Sold(NamedTuple):
    """A product's limits: seconds, per cent, seconds; None: none was promised. `hard`: beyond one, the service is Down."""

    response_time: float | None = None
    loss: float | None = None
    jitter: float | None = None
    hard: bool = False

    @property
    def any(self) -> bool:
        """Whether anything was promised."""
        return (self.response_time, self.loss, self.jitter) != (None, None, None)


class Beyond(NamedTuple):
    """One indicator of one element is beyond its limit: the first observation that showed it, with the limit."""

    indicator: str
    evidence: Evidence
    hard: bool

    @property
    def reason(self) -> str:
        """What a cause gives for its reason."""
        return f"{self.indicator}_limit"


Beyonds = tuple[Beyond, ...]


def beyond_limits(
    sensors: Mapping[int, Sensor],
    readings: Sequence[Readings],
    sold: Sequence[Span[Sold]],
    rules: Rules,
    start: Instant,
    before: Sequence[Evidence] | None = None,
) -> list[Span[Beyonds]]:
    """What of one element is beyond the limits `sold` over time, from `start` on; a limit itself is still kept.

    `before`: the observations that showed at `start` what was beyond then; None: that is not known, so that earlier readings
    are judged too. Each product's limits are judged by the samples taken while it was sold.
    """
    changes: list[tuple[Instant, int, Beyond | None]] = []
    slot = 0
    for offer in sold:
        for each in readings:
            indicator, sensor = INDICATORS.get(each.metric, ""), sensors.get(each.sensor_id)
            limit = getattr(offer.value, indicator, None)
            if limit is None or sensor is None or sensor.kind in _SILENT or not len(each.ts):
                continue
            judged = _Judged(each, sensor, indicator, limit, offer.value.hard)
            changes += ((at, slot, found) for at, found in _changes(judged, offer, rules, start, before))
            slot += 1
    changes.sort(key=lambda change: change[:2])
    state: dict[int, Beyond] = {}
    points: list[tuple[Instant, Beyonds]] = [(start, ())]
    for at, number, found in changes:
        state.pop(number, None)
        state |= {number: found} if found else {}
        points.append((at, tuple(state[key] for key in sorted(state))))
    return spans_of(points, start)


class _Judged(NamedTuple):
    """One series under one limit."""

    of: Readings
    sensor: Sensor
    indicator: str
    limit: float
    hard: bool


def _changes(
    judged: _Judged, offer: Span[Sold], rules: Rules, start: Instant, before: Sequence[Evidence] | None
) -> Iterator[tuple[Instant, Beyond | None]]:
    """When one series went beyond its limit, and back."""
    samples = _during(samples_of(judged.of, rules), offer)
    pair = Limits(nextafter(judged.limit, inf), judged.limit * rules.clear_factor, lower=False)
    sides = sides_of(samples.value, pair)
    known = next((each for each in before or () if _same(each, judged)), None)
    first, alive = 0, None
    if before is not None and offer.start <= start:
        first = int(np.searchsorted(samples.ts, start))
        alive = int(samples.expires[first - 1]) if first else None
    else:
        known = None
    if known is not None:
        yield start, Beyond(judged.indicator, known, judged.hard)
    for change in raised(runs_of(samples, sides, first, alive), known is not None, alive, rules):
        if offer.end is None or change.ts < offer.end:  # a silence may end later than the offer
            yield change.ts, _beyond(judged, samples, change.sample) if change.word == "degraded" else None
    if offer.end is not None:
        yield max(offer.end, start), None


def _during(samples: Samples, offer: Span[Sold]) -> Samples:
    first, last = np.searchsorted(samples.ts, (offer.start, np.iinfo(np.int64).max if offer.end is None else offer.end))
    return Samples(samples.ts[first:last], samples.value[first:last], samples.reason[first:last], samples.expires[first:last])


def _same(shown: Evidence, judged: _Judged) -> bool:
    of = judged.of
    return shown.limit == judged.limit and (shown.sensor_id, shown.metric, shown.instance) == (
        of.sensor_id,
        of.metric,
        of.instance,
    )


def _beyond(judged: _Judged, samples: Samples, at: int) -> Beyond:
    of, sensor = judged.of, judged.sensor
    shown = Evidence(
        sensor.id, sensor.name, of.metric, of.instance, int(samples.ts[at]), float(samples.value[at]), "", judged.limit
    )
    return Beyond(judged.indicator, shown, judged.hard)


def exceeded(shape: Shape, states: Sequence[ElementState], beyond: Sequence[Beyonds]) -> list[tuple[int, Beyond]]:
    """(position, what is beyond there) of what counts for the service: what is required or degrading and answers.

    Of a redundancy group it counts when it is so of every member that answers: one good path is enough.
    """
    answering = [index for index, state in enumerate(states) if state.raw in (UP, HAS_ISSUES)]
    counted = [index for index in answering if shape.criticality[index] != "informational"]
    spared = {shape.member[index] for index in counted if shape.member[index] >= 0 and not beyond[index]}
    return [(index, each) for index in counted if shape.member[index] not in spared for each in beyond[index]]


def limited(status: str, found: Sequence[tuple[int, Beyond]]) -> str:
    """The status with the indicators: Up becomes Has Issues, and only where the product says so Down."""
    if not found or status not in (UP, HAS_ISSUES):
        return status
    return DOWN if any(each.hard for _, each in found) else HAS_ISSUES


def remembered(evidence: Sequence[Evidence], status: str) -> Sequence[Evidence] | None:
    """What an earlier service state knows of indicators, by its causes' evidence; None where its status hid them."""
    shown = [each for each in evidence if each.limit is not None]
    return shown if shown or status == UP else None


def as_decided(
    history: Sequence[tuple[Instant, Sequence[tuple[int, str, str, Sequence[Evidence]]]]], end: Instant
) -> dict[int, list[Span[Beyonds]]]:
    """What service states said earlier of indicators, where the samples are gone: element -> spans until `end`.

    `history`: of each span its start and causes, as (element, status, reason, evidence).
    """
    points: dict[int, list[tuple[Instant, Beyonds]]] = {}
    for start, causes in history:
        found: dict[int, Beyonds] = dict.fromkeys(points, ())
        for element, status, reason, evidence in causes:
            said = tuple(
                Beyond(reason.removesuffix("_limit"), each, status == DOWN) for each in evidence if each.limit is not None
            )
            if said:
                found[element] = found.get(element, ()) + said
        for element, beyond in found.items():
            points.setdefault(element, []).append((start, beyond))
    spans = {element: spans_of(mine, mine[0][0]) for element, mine in points.items()}
    return {
        e: [each._replace(end=end if each.end is None else min(each.end, end)) for each in mine if each.start < end]
        for e, mine in spans.items()
    }
