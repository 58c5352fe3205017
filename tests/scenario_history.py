"""The scenario language of history, read: dates and zones, maintenance windows and policies, accounts and locations."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from analytics.availability import POLICIES
from analytics.indicators import Sold
from analytics.maintenance import BEGINNING, Window, changes_past, fault_of
from analytics.periods import instant
from tests.scenario_story import Expectation, Holding, Line, ScenarioError, Story, Version

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _begins(story: Story, line: int, rest: str, block: list[Line]) -> None:
    when, zone = rest.split()
    story.zone = ZoneInfo(zone)
    story.epoch = instant(datetime.fromisoformat(when).replace(tzinfo=story.zone))


def _week(story: Story, line: int, rest: str, block: list[Line]) -> None:
    story.week_start = WEEKDAYS.index(rest.partition(" ")[2]) + 1


def _maintenance(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`maintenance NAME SERVICE … FROM..TO [every RULE] [in ZONE] [saved TIME] [because REASON]`, or `NAME canceled saved TIME`.

    The same name again is the next version; one that changes the past without a reason is refused and does not count.
    """
    found = re.fullmatch(
        r"(\S+) (?:canceled|(.+?) (\S+?)\.\.(\S+?)(?: every (\S+))?(?: in (\S+))?)(?: saved (\S+))?( because .+)?", rest
    )
    if not found:
        raise ValueError("write: maintenance NAME SERVICE … FROM..TO [every RULE] [in ZONE] [saved TIME] [because REASON]")
    name, services, start, end, rule, zone, saved, reason = found.groups()
    before = story.windows.setdefault(name, [])
    recorded = story.epoch + story.when(saved) if saved else BEGINNING
    if services is None:
        old = before[-1]
        window = old.window._replace(recorded=recorded, canceled=True, back_dated=bool(reason))
        named = old.services
    else:
        first, last = (story.epoch + story.when(each) for each in (start, end))
        window = Window(first, last, ZoneInfo(zone) if zone else story.zone, rule or "", recorded, bool(reason))
        named = tuple(services.split())
    fault = fault_of(window)
    if fault:
        raise ScenarioError(f"{story.path}:{line}: {fault}")
    if not reason and recorded != BEGINNING and changes_past([each.window for each in before], window):
        story.refused[name] = line
    else:
        before.append(Version(line, window, named))


def _sold(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`sold SERVICE [from TIME] [response_time S] [loss %] [jitter S] [hard]`: what its product promises, from then on."""
    found = re.fullmatch(r"(\S+)(?: from (\S+))?((?: (?:response_time|loss|jitter) \S+)*)( hard)?", " ".join(rest.split()))
    if not found:
        raise ValueError("write: sold SERVICE [from TIME] [response_time S] [loss %] [jitter S] [hard]")
    words = found[3].split()
    limits = {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}
    at = story.when(found[2]) if found[2] else 0
    story.sold.setdefault(found[1], []).append((at, Sold(**limits, hard=bool(found[4]))))


def _refuses(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`refuses NAME`: the change of that window just above was refused, for want of a reason."""
    story.expectations.append(Expectation(line, "refused", rest.strip(), None, at=story.refused.pop(rest.strip(), 0)))


def _policy(story: Story, line: int, rest: str, block: list[Line]) -> None:
    service, word = rest.split()
    if word not in POLICIES:
        raise ValueError(f"{word!r} is no policy: {', '.join(POLICIES)}")
    story.policies[service] = word


def _account(story: Story, line: int, rest: str, block: list[Line]) -> None:
    name, *words = rest.split()
    story.accounts[name] = _holding(words, block)


def _location(story: Story, line: int, rest: str, block: list[Line]) -> None:
    name, *words = rest.split()
    story.locations[name] = _holding(words, block)


def _holding(words: list[str], block: list[Line]) -> Holding:
    """`[any_down] SERVICE …`, or one a line: `SERVICE [12.50 EUR]`."""
    services = {word: (Decimal(0), "EUR") for word in words if word != "any_down"}
    for row in block:
        name, amount, currency = (row.text.split() + ["0", "EUR"][len(row.text.split()) - 1 :])[:3]
        services[name] = (Decimal(amount), currency)
    return Holding(services, "any_down" in words)


Statement = Callable[[Story, int, str, list[Line]], None]
STATEMENTS: dict[str, Statement] = {
    "account": _account,
    "begins": _begins,
    "location": _location,
    "maintenance": _maintenance,
    "sold": _sold,
    "policy": _policy,
    "refuses": _refuses,
    "week": _week,
}
