"""A trap is a hint to poll: whoever hears a device tells whoever polls it, who does so at once, though not at each of a storm."""

from __future__ import annotations

import time
from collections.abc import Callable

QUIET = 5.0  # seconds in which one device is polled for a hint once
MOST = 20_000  # devices


class Hints:
    """`on_hint` is set by the poller while it runs; addresses are those of the plan's targets."""

    def __init__(self) -> None:
        self.on_hint: Callable[[str], None] | None = None
        self._last: dict[str, float] = {}

    def give(self, address: str) -> None:
        """Something happened at the target with this address."""
        if self.on_hint is None:
            return
        now = time.monotonic()
        if now - self._last.get(address, -QUIET) < QUIET:
            return
        if len(self._last) >= MOST:
            self._last.clear()
        self._last[address] = now
        self.on_hint(address)
