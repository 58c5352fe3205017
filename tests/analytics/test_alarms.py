"""The life of an alarm, as stories: what comes, minute by minute, and what state it leaves."""

from __future__ import annotations

import pytest

from analytics.alarms import Alarm, Key, Present, Rule, Signal, aged, by_status, clear_by_hand, perceived, signals, step

MINUTE = 60_000_000
KEY = Key(1, 0, "link_down", "ge1")


def told(minute: float, word: str) -> Signal:
    return Signal(KEY, int(minute * MINUTE), word == "down", 3, word)


def lived(*story: tuple[float, str]) -> list[Alarm]:
    """All alarms of the story, in the order in which they were made."""
    alarms: list[Alarm] = []
    for minute, word in story:
        now = aged(alarms[-1], int(minute * MINUTE)) if alarms else None
        after = step(now, told(minute, word))
        if after is None:
            continue
        if alarms and after.id == alarms[-1].id:
            alarms[-1] = after
        else:
            alarms.append(after._replace(id=len(alarms) + 1))
    return alarms


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ([(0, "down")], [("open", 1)]),
        ([(0, "up")], []),
        ([(0, "down"), (1, "down"), (2, "down")], [("open", 3)]),
        ([(0, "down"), (1, "up")], [("cleared", 1)]),
        ([(0, "down"), (1, "up"), (2, "up")], [("cleared", 1)]),
        ([(0, "down"), (1, "up"), (11, "down")], [("open", 2)]),
        ([(0, "down"), (1, "up"), (11.1, "down")], [("cleared", 1), ("open", 1)]),
        ([(5, "down"), (4, "up")], [("open", 1)]),  # the end of something before, which comes late
        ([(0, "down"), (5, "up"), (3, "down")], [("cleared", 2)]),  # a repeat that comes late
        ([(0, "down"), (1, "up"), (2, "down"), (3, "up"), (14, "down")], [("cleared", 2), ("open", 1)]),
    ],
)
def test_an_alarm_lives_as_the_rule_book_says(story: list[tuple[float, str]], expected: list[tuple[str, int]]) -> None:
    assert [(alarm.state, alarm.times) for alarm in lived(*story)] == expected


def test_a_reopened_alarm_begins_a_new_interval_and_keeps_when_it_was_first_raised() -> None:
    (alarm,) = lived((0, "down"), (1, "up"), (5, "down"))
    assert (alarm.raised_at, alarm.since, alarm.cleared_at) == (0, 5 * MINUTE, None)


def test_an_acknowledged_alarm_stays_so_while_it_repeats() -> None:
    (alarm,) = lived((0, "down"))
    again = step(alarm._replace(state="acknowledged"), told(1, "down"))
    assert again is not None
    assert (again.state, again.times) == ("acknowledged", 2)


def test_severity_in_the_words_of_x_733() -> None:
    assert [perceived(number, "open") for number in range(8)] == [
        *("critical", "critical", "critical", "major", "minor", "warning", "indeterminate", "indeterminate")
    ]
    assert perceived(0, "cleared") == "cleared"


def test_rules_tell_instances_and_states_apart() -> None:
    rules = [
        Rule("temperature", 3, ("hot",), instance=("descr",), when={"state": ("critical", "warning")}),
        Rule("peer", 3, ("lost",), ("found",), ("@peer",)),
    ]

    def said(name: str, **values: object) -> list[tuple[str, str, bool]]:
        given = {key.replace("_", "."): value for key, value in values.items()}
        return [(s.key.condition, s.key.instance, s.raised) for s in signals(1, 0, name, "", given, "", rules)]

    assert said("hot", descr_1="inlet", state_1="critical") == [("temperature", "inlet", True)]
    assert said("hot", descr_1="inlet", state_1="normal") == [("temperature", "inlet", False)]
    assert said("lost", peer_7=1) == [("peer", "7", True)]
    assert said("found", peer_7=6) == [("peer", "7", False)]
    assert said("other") == []


def test_a_status_is_raised_once_and_cleared_when_it_ends() -> None:
    down = Present(1, 0, "Down", 10, implied=False)
    (raised,) = by_status([down], {})
    alarm = step(None, raised)
    assert alarm is not None
    alarm = alarm._replace(id=1)
    assert by_status([down], {alarm.key: alarm}) == []
    cleared = by_status([Present(1, 0, "Up", 50, implied=False)], {alarm.key: alarm})
    assert [(signal.raised, signal.ts) for signal in cleared] == [(False, 50)]
    worse = by_status([Present(1, 0, "Has Issues", 60, implied=False)], {alarm.key: alarm})
    assert [(signal.key.condition, signal.raised) for signal in worse] == [("has_issues", True), ("down", False)]
    gone = by_status([], {alarm.key: alarm})
    assert [signal.raised for signal in gone] == [False]


def test_what_depends_on_something_that_is_down_raises_nothing() -> None:
    assert by_status([Present(2, 0, "Down", 10, implied=True)], {}) == []


def test_what_a_person_cleared_is_not_raised_again_by_the_same_status() -> None:
    down = Present(1, 0, "Down", 10, implied=False)
    alarm = step(None, by_status([down], {})[0])
    assert alarm is not None
    cleared = clear_by_hand(alarm._replace(id=1), 20, "ann", "known")
    assert by_status([down], {cleared.key: cleared}) == []
    assert by_status([down._replace(since=30)], {cleared.key: cleared}) != []
