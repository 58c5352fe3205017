"""What a story expects of figures: availability over periods, and the counts and money of an account."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

import msgspec

from analytics.account_status import AccountState, Money, ServiceNow, revenue
from analytics.availability import Figures, Policy, Seconds, Terms, figures, percent, spent, together, verdict, weighted
from analytics.periods import Calendar, Period, local, periods
from analytics.service_status import ServiceState
from analytics.timeline import Span
from tests.scenario_story import WHEN, Expectation, Line, Story, clock

Mrr = tuple[Decimal, str]
Each = Sequence[tuple[Seconds, Decimal, str]]


def check(
    story: Story,
    expected: Expectation,
    services: Mapping[str, list[Span[ServiceState]]],
    now: int,
    terms: Terms,
    calendar: Calendar,
) -> Iterator[str]:
    """What of an `availability` block does not hold. Its name is a service, an account or a location."""
    found = re.fullmatch(rf"(?:from ({WHEN}) )?over (\S+) (\S+)|(\D.*?|last \d+ \w+)(?: in (\S+))? (\S+)", expected.text)
    if found is None:
        yield "write: availability NAME PERIOD [in ZONE] PER CENT, or [from TIME] over LENGTH PER CENT"
        return
    begin, length, plain, name, zone, wanted = found.groups()
    if length:
        start = story.when(begin) if begin else 0
        window = Period("", start, start + story.when(length))
    else:
        window = _period(story, name, now, ZoneInfo(zone) if zone else story.zone, calendar)
    holding = story.accounts.get(expected.name) or story.locations.get(expected.name)
    members = holding.services if holding else {expected.name: (Decimal(0), "EUR")}
    each: Each = [
        (spent(services[member], *window[1:], cast("Policy", story.policies.get(member, "exclude"))), *money)
        for member, money in members.items()
    ]
    seconds = together(part for part, _, _ in each)
    if sum(seconds) != (window.end - window.start) * len(members):
        yield f"the buckets of {expected.name} sum to {clock(sum(seconds))}"
    said = figures(seconds, None, terms)
    for line, text in [
        (Line(expected.line, ""), plain or wanted),
        *((each, each.text.partition(" ")[2]) for each in expected.details),
    ]:
        yield from _compare(story, line, text.strip(), window, said, each)


def _compare(story: Story, line: Line, wanted: str, window: Period, said: Figures, each: Each) -> Iterator[str]:
    subject = line.text.partition(" ")[0] or "availability"
    ask = DETAILS.get(subject)
    if ask is None:
        yield f"line {line.number}: nothing of availability is called {subject!r}: {', '.join(DETAILS)}"
        return
    found = ask(story, wanted, window, said, each)
    if found != wanted:
        yield f"line {line.number}: {subject} is {found}, not {wanted}"


def _period(story: Story, name: str, now: int, zone: ZoneInfo, calendar: Calendar) -> Period:
    if story.week_start is not None:
        calendar = msgspec.structs.replace(calendar, week_start=story.week_start)
    known = {each.name.lower(): each for each in periods(story.epoch + now, zone, calendar)}
    if name not in known:
        return Period(name, 0, 0)
    return known[name]._replace(start=known[name].start - story.epoch, end=known[name].end - story.epoch)


def _places(wanted: str) -> int:
    return len(wanted.split("%", maxsplit=1)[0].partition(".")[2])


def _share(good: int, known: int, wanted: str) -> str:
    text = percent(good, known, _places(wanted))
    return "unmeasured" if text is None else f"{text}%"


def _ratio(top: tuple[str, ...], bottom: tuple[str, ...]) -> Callable[..., str]:
    def ask(story: Story, wanted: str, window: Period, said: Figures, each: Each) -> str:
        good, known = (sum(getattr(said.seconds, name) for name in names) for names in (top, bottom))
        return _share(good, known, wanted)

    return ask


def _spent(story: Story, wanted: str, window: Period, said: Figures, each: Each) -> str:
    return ", ".join(f"{name} {clock(us)}" for name, us in said.seconds._asdict().items() if us)


def _window(story: Story, wanted: str, window: Period, said: Figures, each: Each) -> str:
    zone = ZoneInfo(wanted.partition(" in ")[2] or story.zone.key)
    start, end = (f"{local(story.epoch + at, zone):%Y-%m-%dT%H:%M}" for at in window[1:])
    return f"{start}..{end}" + (f" in {zone.key}" if " in " in wanted else "")


def _verdict(story: Story, wanted: str, window: Period, said: Figures, each: Each) -> str:
    target = wanted.split(maxsplit=1)[0]
    return f"{target} {verdict(said.seconds, float(target.rstrip('%')))}"


def _weighted(story: Story, wanted: str, window: Period, said: Figures, each: Each) -> str:
    found = weighted(each, _places(wanted))
    return ", ".join(f"{text}% {currency}" if text else f"unmeasured {currency}" for currency, text in found.items())


_GOOD = ("up", "has_issues")
_MEASURED = (*_GOOD, "down")
_KNOWN = (*_MEASURED, "no_data")
DETAILS: dict[str, Callable[[Story, str, Period, Figures, Each], str]] = {
    "availability": _ratio(_GOOD, _MEASURED),
    "up_only": _ratio(("up",), _MEASURED),
    "coverage": _ratio(_MEASURED, _KNOWN),
    "low": _ratio(_GOOD, _KNOWN),
    "high": _ratio((*_GOOD, "no_data"), _KNOWN),
    "lasts": lambda _story, _wanted, window, _said, _each: clock(window.end - window.start),
    "low_coverage": lambda _story, _wanted, _window, said, _each: "yes" if said.low_coverage else "no",
    "partial_period": lambda _story, _wanted, _window, said, _each: "yes" if said.partial_period else "no",
    "shown": lambda _story, _wanted, _window, said, _each: f"{said.percent}%" if said.percent else "unmeasured",
    "spent": _spent,
    "verdict": _verdict,
    "weighted": _weighted,
    "window": _window,
}


def account(line: Line, state: AccountState, parts: Sequence[tuple[ServiceState, Mrr]]) -> str:
    """What an account's state says about the subject of one line of an `at` block."""
    subject = line.text.split()[0]
    if subject == "raw":
        return state.raw
    if subject == "flags":
        return ", ".join(sorted(state.flags)) or "none"
    if subject == "measured":
        return f"{state.measured} of {state.services}"
    if subject == "services_down":
        return str(state.services_down)
    if subject in ("affected", "at_risk", "unknown"):
        money: Money = getattr(revenue(ServiceNow(each.shown, "maintenance" in each.flags, *mrr) for each, mrr in parts), subject)
        return ", ".join(f"{amount} {currency}" for currency, amount in money.items()) or "none"
    return f"(nothing of an account is called {subject!r})"
