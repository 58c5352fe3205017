"""What of services is beyond the limits that were sold: it loads limits and readings, and asks analytics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.rules import lookback
from analytics.status import INDICATORS, as_decided, beyond_limits, remembered
from analytics.timeline import at_instant
from storage import judged, late, promises, samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.indicators import Beyonds
    from analytics.network import Readings
    from analytics.rules import Rules
    from analytics.timeline import Span
    from storage.database import Connection
    from storage.judged import Judged, JudgedService
    from storage.timelines import ServiceSpans

Found = dict[int, dict[int, "list[Span[Beyonds]]"]]  # service -> element -> what is beyond


async def add_news(con: Connection, tenant_id: int, marks: dict[int, int], news: Mapping[int, int], rule_set: Rules) -> None:
    """Add to `marks` the services with limits on elements with `news` (element -> first new sample, µs).

    They begin where a run of samples that waits for its second could have begun.
    """
    for service, element, interval in await promises.with_limits(con, tenant_id, list(news)):
        at = news[element] - lookback(rule_set, interval)
        marks[service] = min(at, marks.get(service, at))


async def beyond(
    con: Connection,
    tenant_id: int,
    found: Mapping[int, JudgedService],
    starts: Mapping[int, int],
    stored: Mapping[int, ServiceSpans],
    rule_set: Rules,
) -> Found:
    """What is beyond limits of the services `found` from starts[service] on. Where samples are gone, what was decided stands."""
    sold = await promises.sold(con, tenant_id, list(found))
    complete = await late.raw_from_us(con, tenant_id) if sold else 0
    begins = {service: max(starts[service], complete) for service in sold}
    wanted: dict[int, int] = {}
    for service, begin in begins.items():
        for placement in found[service].tree.placements:
            wanted[placement.element_id] = min(begin, wanted.get(placement.element_id, begin))
    elements = await judged.elements(con, tenant_id, list(wanted))
    readings = await _readings(con, tenant_id, elements, wanted, rule_set)
    answer: Found = {}
    for service, offers in sold.items():
        begin = begins[service]
        seed = at_instant(stored[service], begin)
        shown = [each for cause in seed.value.cause for each in cause.evidence] if seed else []
        before = remembered(shown, seed.value.raw) if seed else None
        answer[service] = _decided(stored[service], starts[service], begin)
        for element in dict.fromkeys(each.element_id for each in found[service].tree.placements):
            if element in elements:
                sensors = {sensor.id: sensor for sensor in elements[element].sensors}
                fresh = beyond_limits(sensors, readings[element], offers, rule_set, begin, before)
                answer[service].setdefault(element, []).extend(fresh)
    return answer


async def _readings(
    con: Connection, tenant_id: int, elements: Mapping[int, Judged], wanted: Mapping[int, int], rule_set: Rules
) -> dict[int, list[Readings]]:
    """The indicators' series of each element, from a look-back before wanted[element] on."""
    configured = {sensor: each for one in elements.values() for sensor, each in one.intervals.items()}
    known = await samples.intervals(con, tenant_id, configured)
    longest = {element: max((int(known[s].length.max()) for s in one.intervals), default=0) for element, one in elements.items()}
    back = {element: wanted[element] - lookback(rule_set, longest[element]) for element in elements}
    return await samples.readings(con, tenant_id, back, sorted(INDICATORS), known) if back else {}


def _decided(stored: ServiceSpans, start: int, begin: int) -> dict[int, list[Span[Beyonds]]]:
    """What the service's states of [start, begin) said."""
    spans = [span for span in stored if span.start < begin and (span.end is None or span.end > start)] if begin > start else []
    history = [
        (max(span.start, start), [(each.element_id, each.status, each.reason, each.evidence) for each in span.value.cause])
        for span in spans
    ]
    return as_decided(history, begin)
