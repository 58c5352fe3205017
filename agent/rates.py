"""Counters become rates. Whatever might be a reset, a wrap too many or another port gives no rate: a gap is honest, a
false spike sells somebody a bigger line. Raw values are ints and never leave the agent.
"""

from __future__ import annotations

from typing import NamedTuple

UPTIME_WRAP = 1 << 32  # sysUpTime counts hundredths of a second and wraps after 497 days (RFC 3418)
COUNTER32 = 1 << 32
TOLERANCE = 1.1  # counters and clocks are read a little apart
SLACK = 5.0  # seconds: a slow answer, or an agent that refreshes sysUpTime now and then
LONGEST = 3600.0  # seconds: a mean over more would say nothing about any time within


class Mark(NamedTuple):
    """The device's clock, as read in the same answer as the counters, and ours at that moment."""

    uptime: int  # sysUpTime, hundredths of a second; -1 = the device does not say, so it has no rates
    at: float  # our monotonic clock, seconds
    boots: int | None = None  # snmpEngineBoots
    engine: int | None = None  # snmpEngineTime, seconds


class Reading(NamedTuple):
    """One counter at one moment."""

    value: int
    mark: Mark
    discontinuity: int = 0  # ifCounterDiscontinuityTime or its like
    doubtful: bool = False  # it fell for no reason that we know: what it does next must be plausible


class Limits(NamedTuple):
    """What is known about a counter: its width in bits, and the most it can count a second (None = unknown)."""

    bits: int
    fastest: float | None = None
    wraps: bool = True  # False: it counts so slowly that a fall of a 32-bit one is a reset


class Rate(NamedTuple):
    """Counts per second, and the seconds of the device's clock over which that is the mean."""

    per_second: float
    seconds: float


def elapsed(old: Mark, new: Mark) -> float | None:
    """Seconds between two marks by the device's own clock; None if it restarted or its clock cannot be believed."""
    if old.boots is not None and new.boots is not None and old.boots != new.boots:
        return None
    if old.engine is not None and new.engine is not None and new.engine < old.engine:
        return None
    seconds = ((new.uptime - old.uptime) % UPTIME_WRAP) / 100
    ours = new.at - old.at
    # After a restart the difference, wrapped or not, is no longer the time that passed for us. After 497 days it still is.
    if abs(seconds - ours) > SLACK + (TOLERANCE - 1) * ours:
        return None
    return seconds


def measure(old: Reading, new: Reading, limits: Limits) -> tuple[Rate | None, Reading]:
    """(the rate between two readings if there is one, the reading to compare the next one with)."""
    seconds = elapsed(old.mark, new.mark)
    if seconds is None or old.discontinuity != new.discontinuity:
        return None, new
    if seconds <= 0:
        return None, old  # the same answer twice, or a clock that stands: the next one covers both
    if new.value < old.value and (limits.bits == 64 or not limits.wraps or limits.fastest is None):
        return None, new._replace(doubtful=True)
    if seconds > LONGEST:
        return None, new
    rate = Rate((new.value - old.value) % (1 << limits.bits) / seconds, seconds)
    return (rate if _plausible(rate, limits, doubtful=old.doubtful) else None), new


def _plausible(rate: Rate, limits: Limits, *, doubtful: bool) -> bool:
    """Whether a line of that speed can do it, within an interval too short for a second wrap."""
    if limits.fastest is None:
        return not doubtful
    if limits.bits == 32 and limits.wraps and rate.seconds * limits.fastest >= COUNTER32:
        return False
    # A 64-bit counter is believed beyond the stated speed, which for tunnels is a mere figure, unless it just fell.
    return rate.per_second <= TOLERANCE * limits.fastest or (limits.bits == 64 and not doubtful)


class Rates:
    """The last reading of each counter of one device. A key names the counter *and* the row: another name, another key."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, bytes], Reading] = {}

    def observe(self, key: tuple[str, bytes], reading: Reading, limits: Limits) -> Rate | None:
        """The rate since the last reading under `key`; None at the first, and whenever it would be a guess."""
        old = self._last.get(key)
        if old is None:
            self._last[key] = reading
            return None
        rate, self._last[key] = measure(old, reading, limits)
        return rate

    def last(self, key: tuple[str, bytes]) -> Reading | None:
        """What the next reading under `key` will be compared with."""
        return self._last.get(key)

    def restore(self, readings: dict[tuple[str, bytes], Reading]) -> None:
        """Go on from `readings`, which were made elsewhere meanwhile."""
        self._last |= readings

    def keep(self, keys: set[tuple[str, bytes]]) -> None:
        """Forget every counter that is not among `keys`."""
        self._last = {key: reading for key, reading in self._last.items() if key in keys}
