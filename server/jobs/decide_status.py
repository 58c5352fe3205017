"""Decide status: elements with news or a due time, then the services they carry. It loads, asks analytics, and saves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, NamedTuple

from analytics.rules import lookback, reach, with_thresholds
from analytics.status import element_timeline, same_state, service_timeline
from analytics.timeline import Span, at_instant, first_difference, splice
from analytics.unanswered import OPER_STATUS, with_unanswered
from server import deciding, indicating
from storage import agents, dirty, judged, late, rules, samples, timelines
from storage.database import as_tenant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.network import Readings
    from analytics.rules import Rules
    from analytics.status import ElementState
    from server.jobs_process import Work
    from storage.database import Connection, Pool
    from storage.judged import Judged
    from storage.timelines import ElementSpans, ServiceSpans

log = logging.getLogger("lineside.status")
IDLE = 0.5  # seconds between looks at what is due
GATHER = 0.1  # seconds in which marks gather after a round, so that a storm is decided in few rounds


async def run(work: Work) -> None:
    """Whenever there is news, and when something is due; for ever."""
    while True:
        news = work.news.next
        now = work.clock()
        async with work.pool.acquire() as con:
            tenants = await dirty.tenants_with_work(con, now)
        for tenant_id in tenants:
            await decide(work.pool, tenant_id, work.clock())
        if tenants:
            await asyncio.sleep(GATHER)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), IDLE)


async def decide(pool: Pool, tenant_id: int, now: int) -> None:
    """One round for one tenant, in one transaction: what it claims returns to the queue if it fails."""
    async with as_tenant(pool, tenant_id) as con:
        if not await dirty.alone(con, tenant_id):
            return
        elements, services = await dirty.claim(con, tenant_id)
        for element, at in (await dirty.due(con, tenant_id, now)).items():
            elements[element] = min(at, elements.get(element, at))
        rule_set = await rules.status_rules(con, tenant_id)
        changed = await _decide_elements(con, tenant_id, elements, rule_set, now)
        for service, element in await judged.services_of(con, tenant_id, list(changed)):
            services[service] = min(changed[element], services.get(service, changed[element]))
        await indicating.add_news(con, tenant_id, services, elements, rule_set)
        await deciding.add_due(con, tenant_id, services, now)
        if await _decide_services(con, tenant_id, services, rule_set, now) or changed:
            await dirty.tell_status(con)


class _Case(NamedTuple):
    """One element to decide: from where on, what is stored from there, and the state to go on from."""

    start: int
    stored: ElementSpans
    seed: Span[ElementState] | None


async def _decide_elements(con: Connection, tenant_id: int, marks: dict[int, int], rule_set: Rules, now: int) -> dict[int, int]:
    """Decide the elements marked (id -> first news, µs) and their ports; returns those whose timeline changed, and from when on."""
    for port, device in await judged.ports_of(con, tenant_id, list(marks)):
        marks[port] = min(marks[device], marks.get(port, marks[device]))
    found = await judged.elements(con, tenant_id, list(marks))
    known = await _intervals(con, tenant_id, found)
    cases = await _cases(con, tenant_id, {e: marks[e] for e in found}, found, known, rule_set)
    back = {e: case.start - reach(rule_set, _longest(found[e], known)) if case.seed else case.start for e, case in cases.items()}
    readings = await _readings(con, tenant_id, found, back, known, rule_set)
    sites = {one.site_id for one in found.values() if one.site_id is not None}
    heard = await agents.presence(con, tenant_id, list(sites), min(back.values(), default=now))
    changes, dues, since = {}, {}, {}
    for element, case in cases.items():
        one = found[element]
        silent = _silent(heard.get(one.site_id or 0, []), back[element], now)
        own = with_thresholds(rule_set, one.thresholds)
        seed = case.seed.value if case.seed else None
        try:
            fresh, dues[element] = element_timeline(
                one.sensors, readings[element], own, case.start, now, seed, silent, one.managed
            )
        except (ArithmeticError, ValueError, LookupError):  # a fault of ours with one element must not stop all others
            log.exception("element %d of tenant %d cannot be decided", element, tenant_id)
            continue
        new = splice(case.seed, fresh, same_state)
        if new != case.stored:
            changes[element] = (case.stored, new)
            since[element] = first_difference(case.stored, new)
    await timelines.replace_elements(con, tenant_id, changes)
    await dirty.set_due(con, tenant_id, dues | dict.fromkeys(marks.keys() - found.keys()))
    return since


async def _intervals(con: Connection, tenant_id: int, found: Mapping[int, Judged]) -> dict[int, samples.Intervals]:
    """How often each sensor was polled, those of the ports' devices included."""
    configured = {sensor: each for one in found.values() for sensor, each in one.intervals.items()}
    for one in found.values():
        if one.via is not None:
            configured.setdefault(one.via, max(one.intervals.values()))
    known = await samples.intervals(con, tenant_id, configured)
    for one in found.values():
        if one.via is not None:  # agents state the interval of the sensor that reads the port
            known |= {sensor.id: known[one.via] for sensor in one.sensors if sensor.kind == "port"}
    return known


async def _readings(
    con: Connection,
    tenant_id: int,
    found: Mapping[int, Judged],
    back: Mapping[int, int],
    known: Mapping[int, samples.Intervals],
    rule_set: Rules,
) -> dict[int, list[Readings]]:
    """What decides each element from back[element] on; a port's also holds the polls that its device did not answer."""
    readings = await samples.readings(con, tenant_id, back, _metrics(rule_set, found), known)
    # the confirmation of a failure that reaches into the window may lie before it
    ports = {
        e: (one.via, back[e] - rule_set.down_after * int(known[one.via].length.max()))
        for e, one in found.items()
        if one.via is not None
    }
    for port, polls in (await samples.polls(con, tenant_id, ports, known)).items():
        own = next((each for each in readings[port] if each.metric == OPER_STATUS), None)
        sensor = next(sensor.id for sensor in found[port].sensors if sensor.kind == "port")
        others = [each for each in readings[port] if each is not own]
        joined = with_unanswered(sensor, own, polls, rule_set)
        readings[port] = [*others, joined] if joined is not None else others
    return readings


async def _cases(
    con: Connection,
    tenant_id: int,
    marks: Mapping[int, int],
    found: Mapping[int, Judged],
    known: Mapping[int, samples.Intervals],
    rule_set: Rules,
) -> dict[int, _Case]:
    # what was decided of days whose samples are gone stands: from nothing, only No Data could follow
    complete = await late.raw_from_us(con, tenant_id)
    starts = {}
    for element, at in marks.items():
        longest = _longest(found[element], known)
        back = lookback(rule_set, longest)
        start = max(at - back, complete + reach(rule_set, longest)) if complete else at - back
        # the past was decided by the sensors and thresholds of then; only late data makes it be decided again
        since = found[element].since
        starts[element] = max(start, since) if at >= since else start
    stored = await timelines.elements_from(con, tenant_id, starts)
    cases = {}
    for element, start in starts.items():
        spans = stored[element]
        seed = at_instant(spans, start)
        if seed is None:  # nothing is stored that early: decide from the first thing known
            start = min([marks[element], *(span.start for span in spans[:1])])  # noqa: PLW2901
        cases[element] = _Case(start, spans, seed)
    return cases


async def _decide_services(con: Connection, tenant_id: int, marks: Mapping[int, int], rule_set: Rules, now: int) -> bool:
    """Decide the services marked (id -> from when on, µs); returns whether any timeline changed."""
    # one µs earlier: at the change itself the span that ends there would not be read, and with it what goes on
    marks = {service: at - 1 for service, at in marks.items()}
    upkeep = await deciding.maintained(con, tenant_id, marks, now)
    found = await judged.services(con, tenant_id, list(marks))
    # nothing is said of a service before it was known, nor by what carried it later
    marks = {service: max(marks[service], one.fulfilment[0].start, one.since - 1) for service, one in found.items()}
    stored = await timelines.services_from(con, tenant_id, marks)
    starts: dict[int, int] = {}
    for service, one in found.items():
        for placement in one.tree.placements:
            starts[placement.element_id] = min(marks[service], starts.get(placement.element_id, marks[service]))
    elements = await timelines.elements_from(con, tenant_id, starts)
    beyond = await indicating.beyond(con, tenant_id, found, marks, stored, rule_set)
    changes: dict[int, tuple[ServiceSpans, ServiceSpans]] = {}
    for service, one in found.items():
        start, over = marks[service], beyond.get(service)
        seed = at_instant(stored[service], start)
        state = seed.value if seed else None
        fresh = service_timeline(one.tree, elements, one.fulfilment, start, now, rule_set, state, over)
        new = splice(seed, upkeep.flag(service, start, fresh))
        if new != stored[service]:
            changes[service] = (stored[service], new)
    await timelines.replace_services(con, tenant_id, changes)
    await deciding.decide_accounts(con, tenant_id, changes, now)
    return bool(changes)


def _longest(one: Judged, known: Mapping[int, samples.Intervals]) -> int:
    """The longest interval any sensor of the element ever had, µs."""
    return max((int(known[sensor].length.max()) for sensor in one.intervals), default=0)


def _metrics(rule_set: Rules, found: Mapping[int, Judged]) -> list[str]:
    own = {metric for one in found.values() for metric in one.thresholds}
    return sorted({*rule_set.states, *rule_set.thresholds, *own})


def _silent(heard: list[tuple[int, int]], start: int, now: int) -> list[Span[None]]:
    """When no agent of the site was heard, from the times it was; silence counts once it lasted SILENT_US."""
    silent, before = [], start
    for since, until in heard:
        if since > before:
            silent.append(Span(before, since, None))
        before = max(before, until)
    if now - before > agents.SILENT_US:
        silent.append(Span(before, None, None))
    return silent
