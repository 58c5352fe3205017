"""Availability: seconds by bucket of a timeline, and the ratio people are promised. Durations are whole microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from analytics.element_status import DOWN, HAS_ISSUES, NO_DATA, NOT_IN_SERVICE, UP
from analytics.maintenance import MAINTENANCE
from analytics.network import Instant
from analytics.service_status import ServiceState
from analytics.timeline import Span, clip

Policy = Literal["exclude", "honor_up", "ignore"]
Verdict = Literal["met", "missed", "undetermined"]


class Seconds(NamedTuple):
    """How a window [start, end) was spent, in µs, in order of priority. The buckets sum to the window."""

    not_in_service: int = 0
    maintenance: int = 0
    no_data: int = 0
    down: int = 0
    has_issues: int = 0
    up: int = 0


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How figures are shown and flagged; the defaults are Lineside's own."""

    places: Annotated[int, Meta(ge=0, le=9)] = 3
    coverage_percent: Annotated[float, Meta(ge=0, le=100)] = 95.0  # less measured than this is flagged


class Figures(NamedTuple):
    """All that is said of a window. Ratios are 0 to 1, None where nothing was measured; texts are per cent, truncated.

    `low` and `high` count No Data as down and as up. `partial_period`: the service was not In Service throughout.
    """

    seconds: Seconds
    availability: float | None
    availability_up_only: float | None
    coverage: float | None
    low: float | None
    high: float | None
    percent: str | None
    partial_period: bool
    low_coverage: bool
    verdict: Verdict | None


USUAL = Terms()
_SHARE = 10_000  # money has four places
BUCKETS = Seconds._fields
STATUSES = (NOT_IN_SERVICE, NO_DATA, DOWN, HAS_ISSUES, UP)
POLICIES: tuple[Policy, ...] = ("exclude", "honor_up", "ignore")
_BUCKET = {NOT_IN_SERVICE: 0, NO_DATA: 2, DOWN: 3, HAS_ISSUES: 4, UP: 5}


def bucket(status: str, policy: Policy, *, maintenance: bool) -> int:
    """The position in Seconds of time in `status`: not in service > maintenance, if the policy excludes it > the status."""
    excluded = maintenance and status != NOT_IN_SERVICE and (policy == "exclude" or (policy == "honor_up" and status != UP))
    return 1 if excluded else _BUCKET[status]


def spent(spans: Sequence[Span[ServiceState]], start: Instant, end: Instant, policy: Policy = "exclude") -> Seconds:
    """The window's µs by *raw* status: damping is for people's eyes. Spans carry the flag of maintenance.

    Before its first span a service was not yet known and so not in service; without any span all is No Data.
    """
    buckets = [0] * len(BUCKETS)
    for first, last, state in clip(spans, start, end):
        buckets[bucket(state.raw, policy, maintenance=MAINTENANCE in state.flags)] += last - first
    window = max(end - start, 0)
    if spans:
        buckets[0] += min(max(spans[0].start - start, 0), window)
    buckets[_BUCKET[NO_DATA]] += window - sum(buckets)
    return Seconds(*buckets)


def figures(seconds: Seconds, sla_percent: float | None = None, terms: Terms = USUAL) -> Figures:
    """Everything derived from how a window was spent."""
    good, measured = seconds.up + seconds.has_issues, seconds.up + seconds.has_issues + seconds.down
    known = measured + seconds.no_data
    wanted, of = _exact(terms.coverage_percent)
    return Figures(
        seconds,
        _ratio(good, measured),
        _ratio(seconds.up, measured),
        _ratio(measured, known),
        _ratio(good, known),
        _ratio(good + seconds.no_data, known),
        percent(good, measured, terms.places),
        seconds.not_in_service > 0,
        measured * 100 * of < wanted * known,
        None if sla_percent is None else verdict(seconds, sla_percent),
    )


def verdict(seconds: Seconds, sla_percent: float) -> Verdict | None:
    """Whether the promise was kept: undetermined where what was not measured could decide it; None where nothing could be."""
    good = seconds.up + seconds.has_issues
    known = good + seconds.down + seconds.no_data
    wanted, of = _exact(sla_percent)
    if not known:
        return None
    if good * 100 * of >= wanted * known:
        return "met"
    return "missed" if (good + seconds.no_data) * 100 * of < wanted * known else "undetermined"


def availability(seconds: Seconds) -> float | None:
    """(up + has_issues) / (up + has_issues + down), 0 to 1; None where nothing was measured."""
    good = seconds.up + seconds.has_issues
    return _ratio(good, good + seconds.down)


def availability_up_only(seconds: Seconds) -> float | None:
    """The stricter up / (up + has_issues + down), 0 to 1; None where nothing was measured."""
    return _ratio(seconds.up, seconds.up + seconds.has_issues + seconds.down)


def together(each: Iterable[Seconds]) -> Seconds:
    """The seconds of several services of an account or a location, summed bucket by bucket."""
    return Seconds(*(sum(column) for column in zip(Seconds(), *each, strict=True)))


def weighted(each: Iterable[tuple[Seconds, Decimal, str]], places: int = 3) -> Mapping[str, str | None]:
    """Availability with each service's seconds weighted by its MRR, in per cent by currency; currencies do not mix.

    `each`: (seconds, MRR, currency). None where nothing was measured, or only what costs nothing.
    """
    sums: dict[str, tuple[int, int]] = {}
    for seconds, mrr, currency in each:
        good, known = sums.get(currency, (0, 0))
        up, weight = seconds.up + seconds.has_issues, int(mrr * _SHARE)
        sums[currency] = (good + weight * up, known + weight * (up + seconds.down))
    return {currency: percent(good, known, places) for currency, (good, known) in sums.items()}


def percent(good: int, measured: int, places: int = 3) -> str | None:
    """The ratio as people read it, truncated and never rounded up: 99.9996 % is "99.999". None where nothing was measured."""
    if not measured:
        return None
    whole, rest = divmod(good * 100 * 10**places // measured, 10**places)
    return f"{whole}.{rest:0{places}d}" if places else str(whole)


def available_percent(seconds: Seconds, places: int = 3) -> str | None:
    """The availability of `seconds` in per cent, truncated."""
    good = seconds.up + seconds.has_issues
    return percent(good, good + seconds.down, places)


@lru_cache(maxsize=1_024)
def _exact(percent: float) -> tuple[int, int]:
    """A figure as a person wrote it, as numerator and denominator: 99.9 is 999/10, not the nearest double."""
    return Fraction(str(percent)).as_integer_ratio()


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
