"""The rule book and the stories hold each other: every rule is shown or open, and every number of the rules matters."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from analytics.availability import Terms
from analytics.periods import Calendar
from analytics.rules import STATES, THRESHOLDS, Rules, SensorState
from tests.scenario_language import read
from tests.scenario_runner import failures
from tests.scenario_story import Story

ROOT = Path(__file__).parent.parent
TAG = re.compile(r"^- \[([a-z0-9-]+)\] ", re.MULTILINE)
BOOK = TAG.findall((ROOT.parent / "docs" / "status-rules.md").read_text(encoding="utf-8"))

# Rules whose building is still to come, by the area that will close the line.
OPEN = {
    "agent-power": "forensics",
    "buffer-loss": "forensics",
    "confirm-two-vantage": "vantage",
    "fallback": "sources",
    "flapping-notices": "notices",
    "gap-fine": "forensics",
    "gap-upstream-dark": "forensics",
    "implied-no-alarm": "alarms",
    "maintenance-silences": "notices",
    "one-owner": "sources",
    "prior-frozen": "freezing",
    "reconstructed-names-probe": "forensics",
    "replay": "replay",
    "resolution-never-suppressed": "alarms",
    "trap-hint": "traps",
    "trap-polls": "traps",
}


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    return [read(path) for path in sorted((ROOT / "scenarios").rglob("*.scenario"))]


def test_every_rule_is_shown_by_a_story_or_open(stories: list[Story]) -> None:
    shown = {tag for story in stories for tag in story.tags}
    assert sorted(set(BOOK) - shown - set(OPEN)) == [], "no story shows these rules"


def test_an_open_rule_is_not_shown(stories: list[Story]) -> None:
    shown = {tag for story in stories for tag in story.tags}
    assert sorted(shown & set(OPEN)) == [], "strike these from OPEN: a story shows them"


def test_tags_are_known_and_written_once(stories: list[Story]) -> None:
    assert len(BOOK) == len(set(BOOK))
    assert set(OPEN) <= set(BOOK)
    assert [f"{story.path.name}: {tag}" for story in stories for tag in story.tags if tag not in BOOK] == []
    assert [story.path.name for story in stories if not story.tags] == []


def test_the_open_list_is_sorted() -> None:
    assert list(OPEN) == sorted(OPEN)


# Each number of the rules, a step away in either direction; `down_after_vantage` waits for its rule (see OPEN).
NUMBERS: dict[str, tuple[float, ...]] = {
    "down_after": (2, 4),
    "up_after": (1, 3),
    "stale_intervals": (2, 4),
    "stale_seconds": (170, 190),
    "clear_factor": (0.85, 0.95),
    "dwell_intervals": (1, 3),
    "flap_changes": (4, 6),
    "flap_seconds": (1_740, 1_860),
}
WAITING = {"down_after_vantage"}


def changed_rules() -> Iterator[tuple[str, Rules]]:
    rules = Rules()
    for name, values in NUMBERS.items():
        for value in values:
            yield f"{name}={value}", msgspec.structs.replace(rules, **{name: value})
    for metric, (raise_at, clear_at) in THRESHOLDS.items():
        for factor in (0.97, 1.03):
            pairs = THRESHOLDS | {metric: (raise_at * factor, clear_at)}
            yield f"{metric}*{factor}", msgspec.structs.replace(rules, thresholds=pairs)
    for metric, table in STATES.items():
        for number, word in table.items():
            for other in get_args(SensorState):
                if other != word:
                    states = STATES | {metric: table | {number: other}}
                    yield f"{metric} {number}={other}", msgspec.structs.replace(rules, states=states)


CHANGED = dict(changed_rules())


@pytest.mark.parametrize("change", CHANGED)
def test_a_changed_number_makes_some_story_fail(change: str, stories: list[Story]) -> None:
    assert any(any(True for _ in failures(story, CHANGED[change])) for story in stories)


def test_every_field_of_the_rules_is_changed() -> None:
    assert set(Rules.__struct_fields__) == {*NUMBERS, *WAITING, "thresholds", "states"}


def changed_history() -> Iterator[tuple[str, Terms, Calendar]]:
    """Each number of history's terms and calendar, a step away."""
    for name, values in {"places": (2, 4), "coverage_percent": (94.9, 95.1)}.items():
        for value in values:
            yield f"{name}={value}", msgspec.structs.replace(Terms(), **{name: value}), Calendar()
    calendars = {"hours": (23, 25), "week_start": (7, 2)}
    for name, values in calendars.items():
        for value in values:
            yield f"{name}={value}", Terms(), msgspec.structs.replace(Calendar(), **{name: value})
    usual = Calendar().days
    for position, days in enumerate(usual):
        for value in (days - 1, days + 1):
            other = (*usual[:position], value, *usual[position + 1 :])
            yield f"days={value}", Terms(), msgspec.structs.replace(Calendar(), days=other)


HISTORY = {name: (terms, calendar) for name, terms, calendar in changed_history()}


@pytest.mark.parametrize("change", HISTORY)
def test_a_changed_number_of_history_makes_some_story_fail(change: str, stories: list[Story]) -> None:
    terms, calendar = HISTORY[change]
    assert any(any(True for _ in failures(story, terms=terms, calendar=calendar)) for story in stories)


def test_every_field_of_history_is_changed() -> None:
    names = {name.partition("=")[0] for name in HISTORY}
    assert names == {*Terms.__struct_fields__, *Calendar.__struct_fields__}


# The policies and switches, each replaced by another: some story tells the difference.
def other_policy(story: Story) -> Story:
    following = {"exclude": "honor_up", "honor_up": "ignore", "ignore": "exclude"}
    policies = {name: following[story.policies.get(name, "exclude")] for name in story.services}
    return dataclasses.replace(story, policies=policies)


def other_switch(story: Story) -> Story:
    accounts = {name: held._replace(any_down=not held.any_down) for name, held in story.accounts.items()}
    return dataclasses.replace(story, accounts=accounts)


@pytest.mark.parametrize("change", [other_policy, other_switch])
def test_another_policy_or_switch_makes_some_story_fail(change: Callable[[Story], Story], stories: list[Story]) -> None:
    assert any(any(True for _ in failures(change(story))) for story in stories)


def test_every_k_matters(stories: list[Story]) -> None:
    """One member less, or one more, than each group needs: each kind of group (k of n) has a story that tells the difference."""
    for take in (1, -1):
        told: dict[tuple[int, int], bool] = {}
        for story in stories:
            for tree in story.services.values():
                for group in tree.groups:
                    members = sum(placement.group == group.id for placement in tree.placements)
                    if take == 1 or group.k < members:  # more than all cannot be needed
                        key = (group.k, members)
                        told[key] = told.get(key, False) or any(True for _ in failures(story, take=take))
        assert len(told) >= (10 if take == 1 else 6)
        assert [key for key, noticed in sorted(told.items()) if not noticed] == []
