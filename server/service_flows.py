"""Which flows are a service's, and their figures, for its page and for the CRM's API alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from analytics import traffic_mix
from storage import flow_views, meters
from storage.flows import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analytics.traffic import Facing
    from analytics.traffic_mix import Check, Octets, Ranking, Values
    from storage.database import Connection
    from storage.flow_views import By, Placed, Step, Sums
    from storage.meters import Meter

# Networks are too many to be read by the hour over a month.
NAMES: tuple[tuple[By, Step], ...] = (("application", "hour"), ("provider", "hour"), ("remote", "day"))
WHOLE_HOUR = 0.97  # of an hour that SNMP measured before it is compared


class Sources(NamedTuple):
    """Whose flows are counted, and by what: the meters of the service, a device of its own, or nothing.

    `facing`: element -> which way it looks, None where that is not known and only totals can be told.
    """

    by: Literal["meter", "own", "nothing"]
    facing: Mapping[int, Facing | None]
    meters: list[Meter]
    counted: list[Placed]  # the elements whose flows these are
    placed: list[Placed]

    @property
    def shared(self) -> bool:
        """Whether other services use what is counted too, so that not all of this may be the service's own."""
        return any(meter.shared for meter in self.meters) or any(each.shared for each in self.counted)


class Counted(NamedTuple):
    """Sums with the way that each of them went."""

    sums: Sums
    octets: Octets

    @property
    def named(self) -> float:
        """The share of octets whose name is known, 0 to 1: by provider, that of known clouds."""
        known = np.array([bool(name) for name in self.sums.names], np.bool_)
        total = float(self.octets.total.sum())
        return float(self.octets.total[known[self.sums.name]].sum()) / total if total else 0.0

    def ranking(self, most: int) -> Ranking:
        """The `most` largest of the names."""
        return traffic_mix.ranking(self.sums.names, self.sums.name, self.octets, most)


async def sources(con: Connection, tenant_id: int, service_id: int, window: tuple[int, int]) -> Sources:
    """The meters where there are any; else, of the devices that carry this service alone, the one that most passed."""
    placed = await flow_views.placed(con, tenant_id, service_id)
    known = await meters.meters(con, tenant_id, service_id)
    if known:
        interfaces = await flow_views.interfaces(con, tenant_id, [meter.element_id for meter in known])
        facing: dict[int, Facing | None] = {
            # of a device with several interfaces nobody knows which one the customer is behind
            meter.element_id: meter.facing if interfaces.get(meter.element_id, 0) <= 1 else None
            for meter in known
        }
        return Sources("meter", facing, known, [each for each in placed if each.id in facing], placed)
    own = [each for each in placed if not each.shared]
    found = await flow_views.sums(con, tenant_id, [each.id for each in own], window, "", "day")
    device_of = {each.id: each.device_id for each in own}
    passed: dict[int, float] = {}
    for element, octets in zip(found.element.tolist(), found.octets.tolist(), strict=True):
        passed[device_of[element]] = passed.get(device_of[element], 0.0) + octets
    if not passed:
        return Sources("nothing", {}, [], [], placed)
    # several devices on one path each tell of the same traffic
    largest = max(passed, key=lambda device: passed[device])
    chosen = [each for each in own if each.device_id == largest]
    return Sources("own", {each.id: None for each in chosen}, [], chosen, placed)


async def counted(
    con: Connection, tenant_id: int, of: Sources, window: tuple[int, int], by: By, step: Step, zone: str = "UTC"
) -> Counted:
    """Octets by name and step over [start, end), µs, full hours."""
    sums = await flow_views.sums(con, tenant_id, list(of.facing), window, by, step, zone)
    return Counted(sums, traffic_mix.octets(sums.element, sums.direction, sums.octets, of.facing))


async def check(con: Connection, tenant_id: int, of: Sources, found: Counted, window: tuple[int, int], now: int) -> Check | None:
    """Flows beside what SNMP counted on the meters, over hours that have ended; None where nothing can be compared.

    `found`: their flows by the hour, over the window; `now`: µs. Both directions together, and only where both are known.
    """
    start, end = window[0], min(window[1], now // HOUR_US * HOUR_US)
    if of.by != "meter" or start >= end or None in of.facing.values():
        return None
    snmp = await meters.traffic_of(con, tenant_id, of.meters, start, end, HOUR_US)
    flows: Values = np.zeros(len(snmp.ts))
    ended = found.sums.bucket < end
    np.add.at(flows, (found.sums.bucket[ended] - start) // HOUR_US, found.octets.total[ended])
    known = snmp.whole & _whole(snmp.down_mean, snmp.down_bytes) & _whole(snmp.up_mean, snmp.up_bytes)
    return traffic_mix.check(flows, np.nan_to_num(snmp.down_bytes + snmp.up_bytes), known)


def _whole(mean: Values, volume: Values) -> NDArray[np.bool_]:
    """Whether the hour was measured (nearly) whole: its bytes are those of its mean over all its seconds."""
    whole: NDArray[np.bool_] = volume >= mean * (HOUR_US / 8e6 * WHOLE_HOUR)
    return whole
