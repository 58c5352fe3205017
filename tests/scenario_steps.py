"""The scenario language, run as the jobs run: decided again and again, from what is stored."""

from __future__ import annotations

from analytics.account_status import AccountState, account_timeline
from analytics.maintenance import flagged
from analytics.status import ElementState, Rules, ServiceState, lookback, reach, same_state, service_timeline
from analytics.timeline import Span, at_instant, splice
from tests.scenario_runner import World, decide, in_planned, readings, silences
from tests.scenario_story import Story


def stepwise(story: Story, rules: Rules) -> dict[str, list[Span[ElementState]]]:
    """The elements' spans as a job makes them: decided again at each arrival, silence and due time, from stored spans only."""
    moments = {sample.arrives for sample in story.samples}
    moments |= {edge for silence in story.silences for edge in silence if edge is not None and edge <= story.now}
    stored: dict[str, list[Span[ElementState]]] = {}
    for name in story.elements.keys() - story.histories.keys():
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


def service_again(story: Story, world: World, rules: Rules, name: str, start: int) -> list[Span[ServiceState]]:
    """The service's spans as a job makes them that decides from `start` on, from what is stored there."""
    stored = world.services[name]
    kept = [span for span in stored if span.start <= start]
    reaching = {
        story.elements[each]: [span for span in spans if span.end is None or span.end > start]
        for each, spans in world.elements.items()
    }
    points = story.fulfilment[name]
    orders = [Span(at, end, word) for (at, word), end in zip(points, [*(at for at, _ in points[1:]), None], strict=True)]
    seed = kept[-1].value if kept else None
    tree, over = story.services[name], world.beyond.get(name)
    fresh = service_timeline(tree, reaching, orders, start, world.now, rules, seed, over)
    return [*kept[:-1], *splice(kept[-1] if kept else None, flagged(fresh, in_planned(story, name, world.now)))]


def account_again(story: Story, world: World, name: str, start: int) -> list[Span[AccountState]]:
    """The same of an account."""
    holding = story.accounts[name]
    reaching = [[s for s in world.services[each] if s.end is None or s.end > start] for each in holding.services]
    kept = [span for span in world.accounts[name] if span.start < start]
    fresh = account_timeline(reaching, start, world.now, any_down=holding.any_down)
    return [*kept[:-1], *splice(kept[-1] if kept else None, fresh)]
