"""What deciding services brings with it: their maintenance, its next edge, and their accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analytics.account_status import account_timeline
from analytics.maintenance import flagged, next_due, planned
from analytics.timeline import at_instant, first_difference, splice
from storage import account_spans, maintenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.status import ServiceState
    from analytics.timeline import Span
    from storage.database import Connection
    from storage.timelines import ServiceSpans


class Maintenance(NamedTuple):
    """The windows of the services under decision, as saved by `now`."""

    windows: dict[int, list[maintenance.Versions]]
    now: int

    def flag(self, service: int, start: int, spans: list[Span[ServiceState]]) -> list[Span[ServiceState]]:
        """The service's fresh `spans` from `start` on, with the flag where a window was open."""
        windows = self.windows.get(service)
        return flagged(spans, planned(windows, start, self.now)) if windows else spans


async def add_due(con: Connection, tenant_id: int, marks: dict[int, int], now: int) -> None:
    """Add to `marks` (service -> from when on, µs) the services of which a window opened or closed."""
    for service, at in (await maintenance.due(con, tenant_id, now)).items():
        marks[service] = min(at, marks.get(service, at))


async def maintained(con: Connection, tenant_id: int, services: Mapping[int, object], now: int) -> Maintenance:
    """The windows of `services` (by id); records when the next of each opens or closes."""
    windows = await maintenance.windows_of(con, tenant_id, list(services))
    await maintenance.set_due(con, tenant_id, {service: next_due(windows.get(service, ()), now) for service in services})
    return Maintenance(windows, now)


async def decide_accounts(
    con: Connection, tenant_id: int, changes: Mapping[int, tuple[ServiceSpans, ServiceSpans]], now: int
) -> None:
    """Decide the accounts of services whose timelines changed (service -> spans as they were, as they are), and those that
    are made up of other services than before.
    """
    whole = await account_spans.claim(con, tenant_id)
    if not changes and not whole:
        return
    changed = {service: first_difference(old, new) for service, (old, new) in changes.items()}
    any_down = await account_spans.any_down(con, tenant_id)
    results = {}
    for account, one in (await account_spans.members(con, tenant_id, changed, whole)).items():
        fresh = account_timeline(one.services, one.start, now, any_down=any_down) if one.services else []
        new = fresh if account in whole else splice(at_instant(one.stored, one.start), fresh)
        if new != one.stored:
            results[account] = (one.stored, new)
    await account_spans.replace(con, tenant_id, results)
