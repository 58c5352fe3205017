"""Availability of an account: each service, each location and the whole, over all periods, from one array of seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.availability import POLICIES, Figures, Policy, Seconds, Terms, figures, together, weighted
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


def summarise(members: Sequence[Member], spans: SpanArrays, periods: Sequence[Period], terms: Terms = USUAL) -> Summary:
    """The account's figures. `spans` number the services by position in `members`, all in the account's zone."""
    edges = np.array([each[1:] for each in periods], np.int64).reshape(len(periods), 2)
    windows = np.broadcast_to(edges, (len(members), *edges.shape))
    policy = np.array([POLICIES.index(each.policy) for each in members], np.int8)
    seconds = _seconds(spent_many(spans, windows, policy))
    places: dict[int | None, list[int]] = {}
    for position, member in enumerate(members):
        places.setdefault(member.location_id, []).append(position)
    return Summary(
        tuple(periods),
        tuple(members),
        tuple(
            tuple(figures(each, member.sla_percent, terms) for each in mine)
            for member, mine in zip(members, seconds, strict=True)
        ),
        {place: _totals(members, seconds, chosen, len(periods), terms) for place, chosen in places.items()},
        _totals(members, seconds, range(len(members)), len(periods), terms),
    )


def _seconds(spent: NDArray[np.int64]) -> list[list[Seconds]]:
    return [[Seconds(*buckets) for buckets in service] for service in spent.tolist()]


def _totals(
    members: Sequence[Member], seconds: list[list[Seconds]], chosen: Sequence[int], periods: int, terms: Terms
) -> tuple[Total, ...]:
    totals = []
    for period in range(periods):
        mine = [seconds[position][period] for position in chosen]
        money = ((each, members[position].mrr, members[position].currency) for each, position in zip(mine, chosen, strict=True))
        totals.append(Total(figures(together(mine), None, terms), weighted(money, terms.places)))
    return tuple(totals)
