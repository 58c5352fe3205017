"""Account status: the roll-up over the services In Service, its money, and its timeline from theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from analytics.element_status import DOWN, HAS_ISSUES, MEASURED, NO_DATA, NOT_IN_SERVICE, UP
from analytics.maintenance import MAINTENANCE
from analytics.network import Instant
from analytics.service_status import ServiceState
from analytics.timeline import Span, spans_of, until

Money = Mapping[str, Decimal]  # amount by currency


class AccountState(NamedTuple):
    """An account's status: `raw` from its services' raw statuses, `shown` from the shown ones; the counts go with `shown`.

    `measured` of `services` In Service say anything; `services_down` are Down or have issues; `flags`: maintenance.
    """

    raw: str
    shown: str
    measured: int
    services: int
    services_down: int
    flags: frozenset[str]


class ServiceNow(NamedTuple):
    """What an account needs of one of its services now: status as shown, whether in maintenance, monthly revenue."""

    status: str
    maintenance: bool
    mrr: Decimal
    currency: str


class Revenue(NamedTuple):
    """Monthly revenue of the services that are Down, have issues, or say nothing; by currency, none where there is none."""

    affected: Money
    at_risk: Money
    unknown: Money


NOTHING = AccountState(NO_DATA, NO_DATA, 0, 0, 0, frozenset())


def roll_up(statuses: Iterable[str], *, any_down: bool = False) -> str:
    """The status of an account from those of its services. `any_down` is the tenant's switch: one Down is enough for Down."""
    return _status(Counter(statuses), any_down=any_down)


def revenue(services: Iterable[ServiceNow]) -> Revenue:
    """The money fields. Only services In Service have one of these statuses, so only theirs counts."""
    sums: dict[str, dict[str, Decimal]] = {DOWN: {}, HAS_ISSUES: {}, NO_DATA: {}}
    for service in services:
        if service.status in sums:
            money = sums[service.status]
            money[service.currency] = money.get(service.currency, Decimal(0)) + service.mrr
    return Revenue(sums[DOWN], sums[HAS_ISSUES], sums[NO_DATA])


def account_now(services: Sequence[ServiceNow], *, any_down: bool = False) -> AccountState:
    """The account's state from its services' present ones, all of them given, whatever their fulfilment status."""
    statuses = Counter(service.status for service in services)
    maintained = sum(service.maintenance for service in services)
    return _state(statuses, statuses, maintained, any_down=any_down)


def account_timeline(
    services: Iterable[Sequence[Span[ServiceState]]], start: Instant, now: Instant, *, any_down: bool = False
) -> list[Span[AccountState]]:
    """The account's spans from `start` to `now`, the last one open, from the timelines of all its services.

    A service counts from its first span on. The spans after `start` are the same whatever `start` is.
    """
    changes: list[tuple[Instant, ServiceState | None, ServiceState | None]] = []
    for spans in services:
        before: ServiceState | None = None
        end: Instant | None = None
        for span in spans:
            if end is not None and end < span.start:
                changes.append((end, before, None))
                before = None
            changes.append((span.start, before, span.value))
            before, end = span.value, span.end
        if end is not None:
            changes.append((end, before, None))
    changes.sort(key=lambda change: change[0])
    raw: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    maintained = 0
    points = [(min(start, changes[0][0]) if changes else start, NOTHING)]
    for position, (at, old, new) in enumerate(changes):
        for state, step in ((old, -1), (new, 1)):
            if state is not None:
                raw[state.raw] += step
                shown[state.shown] += step
                maintained += step * (MAINTENANCE in state.flags)
        if position + 1 == len(changes) or changes[position + 1][0] != at:
            points.append((at, _state(raw, shown, maintained, any_down=any_down)))
    return until(spans_of(points, start), now)[0]


def _state(raw: Counter[str], shown: Counter[str], maintained: int, *, any_down: bool) -> AccountState:
    return AccountState(
        _status(raw, any_down=any_down),
        _status(shown, any_down=any_down),
        sum(shown[status] for status in MEASURED),
        sum(count for status, count in shown.items() if status != NOT_IN_SERVICE),
        shown[DOWN] + shown[HAS_ISSUES],
        frozenset({MAINTENANCE}) if maintained else frozenset(),
    )


def _status(counts: Counter[str], *, any_down: bool) -> str:
    measured = sum(counts[status] for status in MEASURED)
    if not measured:
        return NO_DATA
    if counts[DOWN] == measured or (any_down and counts[DOWN]):
        return DOWN
    return HAS_ISSUES if counts[DOWN] or counts[HAS_ISSUES] else UP
