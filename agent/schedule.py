"""When a sensor is polled: on its interval, spread over it by a stable hash, sooner after a failure."""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Awaitable, Callable

RETRY = 30.0  # s after a failed poll at the latest
FIRST = 10.0  # s after start within which everything is polled once


def phase(number: int) -> float:
    """Where in its interval sensor `number` is polled, 0 to 1: the same after every restart."""
    return zlib.crc32(number.to_bytes(8, "big")) / 2**32


def next_poll(now: float, started: float, interval: float, number: int, *, good: bool) -> float:
    """When the poll that began at `started` is followed by the next (monotonic s): the sensor's next place in its interval,
    never less than half an interval later; after a failure no later than RETRY.
    """
    if not good and interval > RETRY:
        return max(now, started + RETRY)
    offset = phase(number) * interval
    earliest = max(now, started + interval / 2)
    return offset + math.ceil((earliest - offset) / interval) * interval


async def poll_for_ever(number: int, interval: float, poll: Callable[[], Awaitable[bool]]) -> None:
    """Call `poll` (True = the target answered) on the schedule of sensor `number` until cancelled."""
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(phase(number) * min(interval, FIRST))
    while True:
        started = clock()
        good = await poll()
        now = clock()
        await asyncio.sleep(next_poll(now, started, interval, number, good=good) - now)
