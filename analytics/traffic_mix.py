"""What a service's traffic is made of: the share of each application, cloud provider and remote network, and of clouds by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.traffic import Facing

Values = NDArray[np.float64]
IN, OUT = 0, 1  # of the interface


class Octets(NamedTuple):
    """Shape [n] each. Of traffic without a meter nobody knows which way it went: only `total` has it."""

    down: Values
    up: Values
    total: Values


class Part(NamedTuple):
    """One application, provider or network. `share` of everything, 0 to 1."""

    name: str
    down: float
    up: float
    total: float
    share: float


class Ranking(NamedTuple):
    """The largest first; `rest` is all that is not among them together, None where nothing is left."""

    parts: tuple[Part, ...]
    rest: Part | None
    others: int  # how many are in the rest
    whole: Part


class Check(NamedTuple):
    """Octets of flows beside those that SNMP counted on the same ports, over the hours that both know."""

    flows: float
    counted: float
    hours: int

    @property
    def factor(self) -> float | None:
        """Flows by SNMP: 1 where they tell the same; None without anything to compare."""
        return self.flows / self.counted if self.counted else None


def octets(
    element: NDArray[np.int64], direction: NDArray[np.int64], counted: Values, facing: Mapping[int, Facing | None]
) -> Octets:
    """Which way the octets of each row went, shape [n]; rows of elements that `facing` does not name count for nothing.

    Down is what leaves a customer-facing port or enters a network-facing one. Elements without a facing are taken together: what
    comes into their interfaces counts, where each packet passes once; what leaves them only where nothing is known of that.
    """
    down, up, total = (np.zeros(len(counted)) for _ in range(3))
    loose = np.isin(element, [number for number, way in facing.items() if way is None])
    inward = loose & (direction == IN)
    seen = inward if counted[inward].any() else loose
    total[seen] = counted[seen]
    for number, way in facing.items():
        leaves = (element == number) & (direction == OUT)
        enters = (element == number) & (direction == IN)
        if way == "customer":
            down[leaves], up[enters] = counted[leaves], counted[enters]
        elif way == "network":
            down[enters], up[leaves] = counted[enters], counted[leaves]
    return Octets(down, up, total + down + up)


def ranking(names: Sequence[str], code: NDArray[np.int64], of: Octets, most: int) -> Ranking:
    """The `most` largest of `names`; row i is of names[code[i]]. What has no octets is left out."""
    down, up, total = (np.bincount(code, each, len(names)) for each in of)
    order = [place for place in np.lexsort((np.arange(len(names)), -total)).tolist() if total[place] > 0]
    everything = float(total.sum())

    def part(name: str, places: list[int]) -> Part:
        mine = float(total[places].sum())
        return Part(name, float(down[places].sum()), float(up[places].sum()), mine, mine / everything if everything else 0.0)

    shown, left = order[:most], order[most:]
    return Ranking(
        tuple(part(names[place], [place]) for place in shown),
        part("", left) if left else None,
        len(left),
        part("", order),
    )


def stacked(bucket: NDArray[np.int64], buckets: int, code: NDArray[np.int64], places: Sequence[int], total: Values) -> Values:
    """Octets of each of the names `places` and, last, of all others, in each bucket: shape [names + 1, buckets]."""
    row = np.full(int(code.max(initial=-1)) + 1, len(places))
    for position, place in enumerate(places):
        if place < len(row):
            row[place] = position
    made = np.zeros((len(places) + 1, buckets))
    np.add.at(made, (row[code], bucket), total)
    return made


def cloud_share(day: NDArray[np.int64], days: int, to_cloud: NDArray[np.bool_], total: Values) -> Values:
    """The share of traffic with known clouds of each day, shape [days], 0 to 1; NaN for a day without traffic."""
    every = np.bincount(day, total, days)
    cloud = np.bincount(day, np.where(to_cloud, total, 0), days)
    share: Values = np.full(days, np.nan)
    np.divide(cloud, every, out=share, where=every > 0)
    return share


def check(flows: Values, counted: Values, known: NDArray[np.bool_]) -> Check:
    """Hours, shape [n]: octets by flows, by SNMP, and whether SNMP measured the whole hour on every port.

    Hours before the first flow and after the last are left out: nobody exported then.
    """
    heard = np.flatnonzero(flows > 0)
    if not len(heard):
        return Check(0.0, 0.0, 0)
    both = known.copy()
    both[: heard[0]] = False
    both[heard[-1] + 1 :] = False
    return Check(float(flows[both].sum()), float(counted[both].sum()), int(both.sum()))
