"""Availability of an account: each service, each location and the whole, over all periods, from one array of seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.availability import POLICIES, Figures, Policy, Seconds, Terms, figures, weighted
from analytics.availability_arrays import SpanArrays, spent_many
from analytics.periods import Period

USUAL = Terms()


class Member(NamedTuple):
    """What availability needs of a service, beside its spans. `sla_percent`: what was promised, if anything."""

    id: int
    external_id: str
    name: str
    location_id: int | None
    mrr: Decimal
    currency: str
    policy: Policy
    sla_percent: float | None


class Total(NamedTuple):
    """Several services together in one period: their seconds summed, and per currency weighted by MRR (texts in per cent)."""

    figures: Figures
    weighted: Mapping[str, str | None]


class Summary(NamedTuple):
    """[i] of each list belongs to periods[i]. `services` by position in `members`, `locations` by id (None: without one)."""

    periods: tuple[Period, ...]
    members: tuple[Member, ...]
    services: tuple[tuple[Figures, ...], ...]
    locations: Mapping[int | None, tuple[Total, ...]]
    account: tuple[Total, ...]


def summarise(
    members: Sequence[Member], spans: SpanArrays, periods: Sequence[Period], terms: Terms = USUAL, *, singly: bool = True
) -> Summary:
    """The account's figures. `spans` number the services by position in `members`, all in the account's zone.

    Without `singly` only the whole, `services` and `locations` stay empty: of thousands of services that is most of the time.
    """
    edges = np.array([each[1:] for each in periods], np.int64).reshape(len(periods), 2)
    windows = np.broadcast_to(edges, (len(members), *edges.shape))
    policy = np.array([POLICIES.index(each.policy) for each in members], np.int8)
    spent = spent_many(spans, windows, policy)
    seconds = _seconds(spent)
    places: dict[int | None, list[int]] = {}
    for position, member in enumerate(members if singly else ()):
        places.setdefault(member.location_id, []).append(position)
    return Summary(
        tuple(periods),
        tuple(members),
        tuple(
            tuple(figures(each, member.sla_percent, terms) for each in mine)
            for member, mine in zip(members if singly else (), seconds if singly else (), strict=True)
        ),
        {place: _totals(members, seconds, spent, chosen, terms) for place, chosen in places.items()},
        _totals(members, seconds, spent, range(len(members)), terms),
    )


def _seconds(spent: NDArray[np.int64]) -> list[list[Seconds]]:
    return [[Seconds(*buckets) for buckets in service] for service in spent.tolist()]


def _totals(
    members: Sequence[Member], seconds: list[list[Seconds]], spent: NDArray[np.int64], chosen: Sequence[int], terms: Terms
) -> tuple[Total, ...]:
    """The chosen services together, one entry a period. `spent`: the same as `seconds`, as an array."""
    totals = []
    for period, whole in enumerate(spent[list(chosen)].sum(axis=0).tolist()):
        mine = [seconds[position][period] for position in chosen]
        money = ((each, members[position].mrr, members[position].currency) for each, position in zip(mine, chosen, strict=True))
        totals.append(Total(figures(Seconds(*whole), None, terms), weighted(money, terms.places)))
    return tuple(totals)
