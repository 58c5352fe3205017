"""The scenario language, run: samples to timelines by the rules, and what of the story's expectations does not hold."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from analytics.availability import available_percent, spent
from analytics.network import Readings, Tree
from analytics.status import (
    Cause,
    ElementState,
    Evidence,
    Rules,
    ServiceState,
    element_timeline,
    lookback,
    reach,
    same_state,
    service_timeline,
    with_thresholds,
)
from analytics.timeline import Span, at_instant, splice
from tests.scenario_language import Expectation, Line, Sample, Story, clock, moment


class World(NamedTuple):
    """All that is decided as known at `now`."""

    now: int
    elements: dict[str, list[Span[ElementState]]]
    due: dict[str, int | None]
    services: dict[str, list[Span[ServiceState]]]


def failures(story: Story, rules: Rules | None = None, take: int = 0) -> Iterator[str]:
    """What does not hold, as sentences that begin with file and line. `take` is subtracted from every group's k."""
    rules = Rules() if rules is None else rules
    worlds: dict[int, World] = {}
    for each in story.expectations:
        now = story.now if each.as_of is None else each.as_of
        if now not in worlds:
            worlds[now] = world_at(story, rules, now, take)
        for wrong in _check(story, each, worlds[now]):
            yield f"{story.path}:{each.line}: {wrong}"


def world_at(story: Story, rules: Rules, now: int, take: int = 0, shuffle: random.Random | None = None) -> World:
    """Everything decided from what had arrived by `now`; with `shuffle`, arrived in any order and partly twice."""
    samples = [sample for sample in story.samples if sample.arrives <= now]
    if shuffle is not None:
        samples += shuffle.sample(samples, len(samples) // 3)
        shuffle.shuffle(samples)
    offline = silences(story, now)
    spans, due = {}, {}
    for name in story.elements:
        mine = readings(story, [sample for sample in samples if sample.sensor[0] == name])
        spans[name], due[name] = decide(story, name, mine, rules, 0, now, None, offline)
    return World(now, spans, due, services(story, spans, rules, now, take))


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
    story: Story, spans: dict[str, list[Span[ElementState]]], rules: Rules, now: int, take: int
) -> dict[str, list[Span[ServiceState]]]:
    by_id = {story.elements[name]: mine for name, mine in spans.items()}
    found = {}
    for name, tree in story.services.items():
        points = story.fulfilment[name]
        ends = [at for at, _ in points[1:]]
        orders = [Span(at, end, word) for (at, word), end in zip(points, [*ends, None], strict=True)]
        eased = Tree(tree.placements, tuple(group._replace(k=group.k - take) for group in tree.groups))
        found[name] = service_timeline(eased, by_id, orders, 0, now, rules)
    return found


def stepwise(story: Story, rules: Rules) -> dict[str, list[Span[ElementState]]]:
    """The elements' spans as a job makes them: decided again at each arrival, silence and due time, from stored spans only."""
    moments = {sample.arrives for sample in story.samples}
    moments |= {edge for silence in story.silences for edge in silence if edge is not None and edge <= story.now}
    stored: dict[str, list[Span[ElementState]]] = {}
    for name in story.elements:
        spans: list[Span[ElementState]] = []
        due: int | None = None
        before = -1
        for now in sorted(moments | {story.now}):
            while due is not None and due <= now:
                spans, due = _again(story, name, rules, spans, due, due)
            news = [sample.ts for sample in story.samples if sample.sensor[0] == name and before < sample.arrives <= now]
            edges = [edge for silence in story.silences for edge in silence if edge is not None and before < edge <= now]
            dirty = min([*news, *edges, now])
            spans, due = _again(story, name, rules, spans, dirty, now)
            before = now
        stored[name] = spans
    return stored


def _again(
    story: Story, name: str, rules: Rules, stored: list[Span[ElementState]], dirty: int, now: int
) -> tuple[list[Span[ElementState]], int | None]:
    """One decision of a job: begin `lookback` before the first news, from the state stored there."""
    samples = [sample for sample in story.samples if sample.sensor[0] == name and sample.arrives <= now]
    longest = max((sample.interval for sample in samples), default=0)
    start = max(dirty - lookback(rules, longest), 0)
    seed = at_instant(stored, start) if start else None
    since = start - reach(rules, longest) if seed else 0
    mine = readings(story, [sample for sample in samples if sample.ts >= since])
    fresh, due = decide(story, name, mine, rules, start, now, seed.value if seed else None, silences(story, now))
    kept = [span for span in stored if span.start < start]
    return [*kept[:-1], *splice(kept[-1] if kept else None, fresh, same_state)], due


def _check(story: Story, expected: Expectation, world: World) -> Iterator[str]:
    spans: Sequence[Span[ElementState]] | Sequence[Span[ServiceState]]
    if expected.name in world.services:
        spans = world.services[expected.name]
    elif expected.name in world.elements:
        spans = world.elements[expected.name]
    else:
        yield f"the story knows no {expected.name}"
        return
    if expected.kind == "timeline":
        yield from _timeline(expected, spans)
    elif expected.kind == "next":
        due = world.due[expected.name]
        said = "never" if due is None else clock(due)
        if said != expected.text:
            yield f"{expected.name} changes next by time alone at {said}, not at {expected.text}"
    elif expected.kind == "availability":
        yield from _available(expected, world)
    else:
        yield from _state(story, expected, spans, world)


def _timeline(expected: Expectation, spans: Sequence[Span[ElementState]] | Sequence[Span[ServiceState]]) -> Iterator[str]:
    points: list[tuple[int, str]] = []
    for span in spans:
        word = span.value.raw if expected.raw else span.value.shown
        if not points or points[-1][1] != word:
            points.append((span.start, word))
    if tuple(points) != expected.points:
        said, wanted = ("  ".join(f"{clock(at)} {word}" for at, word in each) for each in (points, expected.points))
        yield f"{expected.name} was to be\n    {wanted}\n  and is\n    {said}"


def _available(expected: Expectation, world: World) -> Iterator[str]:
    words = expected.text.split()
    begin = moment(words.pop(1)) if words[0] == "from" else 0
    if words[0] == "from":
        words.pop(0)
    length, wanted = moment(words[1]), " ".join(words[2:])
    places = len(wanted.rstrip("%").partition(".")[2])
    found = available_percent(spent(world.services[expected.name], begin, begin + length), places)
    said = "unmeasured" if found is None else f"{found}%"
    if said != wanted:
        yield f"the availability of {expected.name} is {said}, not {wanted}"


def _state(
    story: Story, expected: Expectation, spans: Sequence[Span[ElementState]] | Sequence[Span[ServiceState]], world: World
) -> Iterator[str]:
    states = [span.value for span in spans if span.start <= expected.at]
    if not states or expected.at > world.now:
        yield f"nothing is known of {expected.name} at {clock(expected.at)}"
        return
    state: ElementState | ServiceState = states[-1]
    if state.shown != expected.text:
        yield f"{expected.name} is {state.shown} at {clock(expected.at)}, not {expected.text}"
    for line in expected.details:
        said = _said(story, line, state)
        wanted = line.text.partition(" ")[2].strip()
        if said != wanted:
            yield f"line {line.number}: {expected.name} at {clock(expected.at)}: {line.text.split()[0]} {said}, not {wanted}"


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
    return f"{element}.{sensor} at {clock(evidence.ts)} {evidence.reason or f'{evidence.value:g}'}"


def _cause(cause: Cause) -> str:
    return cause.name + (f" implied by {cause.implied_by}" if cause.implied_by else "")
