"""The scenario language, run: samples to timelines by the rules, and what of the story's expectations does not hold."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from analytics import maintenance
from analytics.account_status import AccountState, account_timeline
from analytics.availability import Terms
from analytics.indicators import Beyonds, beyond_limits
from analytics.maintenance import Window, flagged
from analytics.network import Readings, Tree
from analytics.periods import Calendar
from analytics.status import (
    Cause,
    ElementState,
    Evidence,
    Rules,
    ServiceState,
    element_timeline,
    service_timeline,
    with_thresholds,
)
from analytics.timeline import Span, spans_of, until
from tests import scenario_figures
from tests.scenario_story import Expectation, Line, Sample, Story, Version, clock


class World(NamedTuple):
    """All that is decided as known at `now`."""

    now: int
    elements: dict[str, list[Span[ElementState]]]
    due: dict[str, int | None]
    services: dict[str, list[Span[ServiceState]]]
    accounts: dict[str, list[Span[AccountState]]]
    beyond: dict[str, dict[int, list[Span[Beyonds]]]]


Spans = Sequence[Span[ElementState]] | Sequence[Span[ServiceState]] | Sequence[Span[AccountState]]


def failures(
    story: Story, rules: Rules | None = None, take: int = 0, terms: Terms | None = None, calendar: Calendar | None = None
) -> Iterator[str]:
    """What does not hold, as sentences that begin with file and line. `take` is subtracted from every group's k."""
    rules = Rules() if rules is None else rules
    for name, line in story.refused.items():
        yield f"{story.path}:{line}: this change of {name} is refused: it changes the past and gives no reason"
    worlds: dict[int, World] = {}
    for each in story.expectations:
        now = story.now if each.as_of is None else each.as_of
        if now not in worlds:
            worlds[now] = world_at(story, rules, now, take)
        if each.kind == "availability":
            found = scenario_figures.check(story, each, worlds[now].services, now, terms or Terms(), calendar or Calendar())
        else:
            found = _check(story, each, worlds[now])
        for wrong in found:
            yield f"{story.path}:{each.line}: {wrong}"


def world_at(story: Story, rules: Rules, now: int, take: int = 0, shuffle: random.Random | None = None) -> World:
    """Everything decided from what had arrived by `now`; with `shuffle`, arrived in any order and partly twice."""
    samples = [sample for sample in story.samples if sample.arrives <= now]
    if shuffle is not None:
        samples += shuffle.sample(samples, len(samples) // 3)
        shuffle.shuffle(samples)
    offline = silences(story, now)
    spans, due, mine = {}, {}, {}
    for name in story.elements:
        mine[name] = readings(story, [sample for sample in samples if sample.sensor[0] == name])
        spans[name], due[name] = decide(story, name, mine[name], rules, 0, now, None, offline)
    over = beyond(story, mine, rules)
    decided = services(story, spans, over, rules, now, take)
    return World(now, spans, due, decided, accounts(story, decided, now), over)


def beyond(story: Story, mine: Mapping[str, Sequence[Readings]], rules: Rules) -> dict[str, dict[int, list[Span[Beyonds]]]]:
    """What of each service's elements is beyond the limits that were sold."""
    sensors = {sensor.id: sensor for sensor in story.sensors.values()}
    found: dict[str, dict[int, list[Span[Beyonds]]]] = {}
    for service, points in story.sold.items():
        sold = spans_of(points, 0)
        found[service] = {
            story.elements[name]: beyond_limits(sensors, mine[name], sold, rules, 0)
            for name in dict.fromkeys(placement.name for placement in story.services[service].placements)
        }
    return found


def decide(
    story: Story,
    name: str,
    mine: Sequence[Readings],
    rules: Rules,
    start: int,
    now: int,
    seed: ElementState | None,
    offline: Sequence[Span[None]],
) -> tuple[list[Span[ElementState]], int | None]:
    if name in story.histories:
        told = [(at, ElementState(word, word, "", frozenset(), (), ())) for at, word in story.histories[name]]
        return until(spans_of(told, start), now)[0], None
    sensors = [sensor for (element, _), sensor in story.sensors.items() if element == name]
    own = with_thresholds(rules, story.thresholds.get(name, {}))
    return element_timeline(sensors, mine, own, start, now, seed, offline, managed=name not in story.unmanaged)


def silences(story: Story, now: int) -> list[Span[None]]:
    return [Span(start, None if end is None or end > now else end, None) for start, end in story.silences if start <= now]


def readings(story: Story, samples: Sequence[Sample]) -> list[Readings]:
    """Samples as the arrays that analytics takes, one set a series, in the order given."""
    series: dict[tuple[tuple[str, str], str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        series[sample.sensor, sample.metric, sample.instance].append(sample)
    return [
        Readings(
            story.sensors[sensor].id,
            metric,
            instance,
            np.array([sample.ts for sample in rows], np.int64),
            np.array([sample.value for sample in rows], np.float64),
            np.array([sample.reason for sample in rows], np.uint8),
            np.array([sample.interval for sample in rows], np.int64),
        )
        for (sensor, metric, instance), rows in series.items()
    ]


def services(
    story: Story,
    spans: dict[str, list[Span[ElementState]]],
    over: dict[str, dict[int, list[Span[Beyonds]]]],
    rules: Rules,
    now: int,
    take: int,
) -> dict[str, list[Span[ServiceState]]]:
    by_id = {story.elements[name]: mine for name, mine in spans.items()}
    found = {}
    for name, tree in story.services.items():
        points = story.fulfilment[name]
        ends = [at for at, _ in points[1:]]
        orders = [Span(at, end, word) for (at, word), end in zip(points, [*ends, None], strict=True)]
        eased = Tree(tree.placements, tuple(group._replace(k=group.k - take) for group in tree.groups))
        decided = service_timeline(eased, by_id, orders, 0, now, rules, beyond=over.get(name))
        found[name] = flagged(decided, in_planned(story, name, now))
    return found


def in_planned(story: Story, service: str, now: int) -> list[Span[None]]:
    """When the service is in maintenance, by all windows as saved by `now`."""
    known = maintenance.planned(_windows(story, service, now), story.epoch, story.epoch + now)
    return [Span(each.start - story.epoch, None if each.end is None else each.end - story.epoch, None) for each in known]


def _windows(story: Story, service: str, now: int) -> list[list[Window]]:
    return [[_for(each, service) for each in _saved(story, versions, now)] for versions in story.windows.values()]


def _saved(story: Story, versions: Sequence[Version], now: int) -> list[Version]:
    return [each for each in versions if each.window.recorded <= story.epoch + now]


def _for(version: Version, service: str) -> Window:
    """A version that does not name the service is to it as if it had been canceled."""
    return version.window if service in version.services else version.window._replace(canceled=True)


def accounts(story: Story, decided: dict[str, list[Span[ServiceState]]], now: int) -> dict[str, list[Span[AccountState]]]:
    return {
        name: account_timeline([decided[each] for each in holding.services], 0, now, any_down=holding.any_down)
        for name, holding in story.accounts.items()
    }


def _check(story: Story, expected: Expectation, world: World) -> Iterator[str]:
    spans: Spans
    if expected.kind == "refused":
        if not expected.at:
            yield f"no change of {expected.name} was refused"
        return
    if expected.name in world.services:
        spans = world.services[expected.name]
    elif expected.name in world.elements:
        spans = world.elements[expected.name]
    elif expected.name in world.accounts:
        spans = world.accounts[expected.name]
    else:
        yield f"the story knows no {expected.name}"
        return
    if expected.kind == "timeline":
        yield from _timeline(story, expected, spans)
    elif expected.kind == "next":
        due = world.due[expected.name] if expected.name in world.due else _edge(story, expected.name, world.now)
        said = "never" if due is None else story.told(due)
        if said != expected.text:
            yield f"{expected.name} changes next by time alone at {said}, not at {expected.text}"
    else:
        yield from _state(story, expected, spans, world)


def _edge(story: Story, service: str, now: int) -> int | None:
    """When a maintenance window of the service opens or closes next."""
    edge = maintenance.next_due(_windows(story, service, now), story.epoch + now)
    return None if edge is None else edge - story.epoch


def _timeline(story: Story, expected: Expectation, spans: Spans) -> Iterator[str]:
    points: list[tuple[int, str]] = []
    for span in spans:
        word = span.value.raw if expected.raw else span.value.shown
        if not points or points[-1][1] != word:
            points.append((span.start, word))
    if tuple(points) != expected.points:
        said, wanted = ("  ".join(f"{story.told(at)} {word}" for at, word in each) for each in (points, expected.points))
        yield f"{expected.name} was to be\n    {wanted}\n  and is\n    {said}"


def _state(story: Story, expected: Expectation, spans: Spans, world: World) -> Iterator[str]:
    states = [span.value for span in spans if span.start <= expected.at]
    if not states or expected.at > world.now:
        yield f"nothing is known of {expected.name} at {clock(expected.at)}"
        return
    state: ElementState | ServiceState | AccountState = states[-1]
    parts = [(each[-1].value, money) for each, money in _held(story, expected, world) if each]
    if state.shown != expected.text:
        yield f"{expected.name} is {state.shown} at {clock(expected.at)}, not {expected.text}"
    for line in expected.details:
        said = scenario_figures.account(line, state, parts) if isinstance(state, AccountState) else _said(story, line, state)
        wanted = line.text.partition(" ")[2].strip()
        if said != wanted:
            yield f"line {line.number}: {expected.name} at {clock(expected.at)}: {line.text.split()[0]} {said}, not {wanted}"


def _held(story: Story, expected: Expectation, world: World) -> list[tuple[list[Span[ServiceState]], scenario_figures.Mrr]]:
    """What the account's services were until that instant, each with its revenue."""
    holding = story.accounts.get(expected.name)
    return [
        ([span for span in world.services[name] if span.start <= expected.at], money)
        for name, money in (holding.services.items() if holding else ())
    ]


def _said(story: Story, line: Line, state: ElementState | ServiceState) -> str:
    """What the state says about the subject of one line of an `at` block, in the story's own words."""
    subject = line.text.split()[0]
    if subject in ("raw", "reason"):
        return str(getattr(state, subject)) or "none"
    if subject == "flags":
        return ", ".join(sorted(state.flags)) or "none"
    if subject == "evidence":
        shown = state.evidence if isinstance(state, ElementState) else [each for cause in state.cause for each in cause.evidence]
        return ", ".join(dict.fromkeys(_observation(story, each) for each in shown)) or "none"
    if isinstance(state, ServiceState) and subject == "shown":
        name = line.text.split()[1]
        proof = [_observation(story, each) for cause in state.cause if cause.name == name for each in cause.evidence]
        return f"{name} by {', '.join(proof) or 'none'}"
    if isinstance(state, ServiceState) and subject == "since":
        return clock(state.since)
    if isinstance(state, ServiceState) and subject == "cause":
        return ", ".join(_cause(each) for each in state.cause) or "none"
    return f"(nothing of a state is called {subject!r})"


def _observation(story: Story, evidence: Evidence) -> str:
    element, sensor = next(key for key, each in story.sensors.items() if each.id == evidence.sensor_id)
    limit = "" if evidence.limit is None else f" beyond {evidence.limit:g}"
    return f"{element}.{sensor} at {clock(evidence.ts)} {evidence.reason or f'{evidence.value:g}'}{limit}"


def _cause(cause: Cause) -> str:
    return cause.name + (f" implied by {cause.implied_by}" if cause.implied_by else "")
