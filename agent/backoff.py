"""How long to wait before the same thing is tried again: full jitter, and what the server asked for as the lower bound."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

FIRST = 0.5  # s
LONGEST = 60.0  # s
SLOW = 60.0  # s between probes of a server that has turned this agent away
MOST_ASKED = 3_600.0  # s of Retry-After that are believed

Uniform = Callable[[float, float], float]


class Backoff:
    """Counts failures in a row."""

    def __init__(self, uniform: Uniform = random.uniform) -> None:
        self._uniform = uniform
        self.failures = 0

    def after_failure(self, at_least: float = 0.0) -> float:
        """Seconds to wait now: `at_least`, and on top a random part of min(60, 0.5·2ⁿ)."""
        ceiling = min(LONGEST, FIRST * 2.0 ** min(self.failures, 10))
        self.failures += 1
        return at_least + self._uniform(0.0, ceiling)

    def slow(self, at_least: float = 0.0) -> float:
        """Seconds to the next probe when only a person can change something."""
        self.failures += 1
        return max(at_least, SLOW) + self._uniform(0.0, SLOW / 4)

    def success(self) -> None:
        """Begin anew."""
        self.failures = 0


def retry_after(value: str | None, now: float) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110 section 10.2.3); 0 when it is absent or makes no sense."""
    if not value:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now
    return min(max(seconds, 0.0), MOST_ASKED) if seconds == seconds else 0.0  # noqa: PLR0124 - not a number
