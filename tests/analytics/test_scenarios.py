"""Every story of tests/scenarios is told: as it is written, in any order of arrival, and step by step as the jobs do it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from analytics.element_status import ElementState, same_state
from analytics.rules import Rules
from analytics.timeline import Span
from tests.scenario_language import parse, read
from tests.scenario_runner import failures, world_at
from tests.scenario_steps import account_again, service_again, stepwise
from tests.scenario_story import ScenarioError

SCENARIOS = Path(__file__).parent.parent / "scenarios"
FILES = sorted(SCENARIOS.rglob("*.scenario"))


def told(spans: list[Span[ElementState]]) -> list[tuple[object, ...]]:
    """Spans without the bookkeeping of flapping, which no reader of history sees."""
    return [(span.start, span.end, *span.value[:6]) for span in spans]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCENARIOS).with_suffix("")))
def test_the_story_holds(path: Path) -> None:
    assert not list(failures(read(path)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCENARIOS).with_suffix("")))
def test_neither_order_nor_repeats_nor_steps_of_arrival_matter(path: Path) -> None:
    story, rules = read(path), Rules()
    world = world_at(story, rules, story.now)
    for seed in range(3):
        assert world_at(story, rules, story.now, shuffle=random.Random(seed)) == world
    for name, spans in stepwise(story, rules).items():
        assert told(spans) == told(world.elements[name]), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCENARIOS).with_suffix("")))
def test_where_the_decision_of_services_and_accounts_begins_does_not_matter(path: Path) -> None:
    """Recomputed from any change on, with what is stored before it, history is what it is when decided as a whole."""
    story, rules = read(path), Rules()
    world = world_at(story, rules, story.now)
    for name, spans in world.services.items():
        for span in spans[1:]:
            assert service_again(story, world, rules, name, span.start - 1) == spans
    for name, spans in world.accounts.items():
        for span in spans[1:]:
            assert account_again(story, world, name, span.start) == spans


def test_there_are_stories_enough() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("every 1m\n  edge1 up\n", "x.scenario:1: a scenario expects something"),
        ("evry 1m\n", "x.scenario:1: no statement begins with 'evry'"),
        ("every 1x\n", "x.scenario:1: '1x' is no time"),
        ("every 1m\n  edge1.port sideways\n", "x.scenario:2: "),
        ("every 1m\n  edge1 up*3 (down\n", "x.scenario:2: the brackets"),
        ("every 1m\n  edge1 high\n", "x.scenario:2: "),
        ("\n# a remark\nexpect edge1\n  0m Sideways\n", "x.scenario:3: 'Sideways' is no status"),
        ("service SP-1\n  a b c\n", "x.scenario:2: 'a b c' is no placement"),
        ("sensor edge1.ping maybe\n", "x.scenario:1: 'maybe' says nothing"),
        ("service SP-1\n  a under b\n", "x.scenario:2: "),
    ],
)
def test_a_story_that_cannot_be_read_names_its_file_and_line(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text, Path("x.scenario"))
    assert str(caught.value).startswith(message)


def test_a_story_that_does_not_hold_names_its_file_and_line() -> None:
    story = parse("every 1m\n  edge1 up*3\nexpect edge1\n  0m Down\n", Path("x.scenario"))
    (wrong,) = failures(story)
    assert wrong.startswith("x.scenario:3: edge1 was to be")


def test_same_state_ignores_only_bookkeeping() -> None:
    state = ElementState("Up", "Up", "", frozenset(), (), ((1, "ok"),), (5,), "Up")
    assert same_state(state, state._replace(changes=(), measured=""))
    assert not same_state(state, state._replace(sensors=((1, "stale"),)))
