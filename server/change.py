"""A signal between tasks of one process: something changed, look again."""

from __future__ import annotations

import asyncio


class Change:
    """Take `next`, look, then wait for it: a change in between is not missed. `count` says how many there were."""

    def __init__(self) -> None:
        self.next = asyncio.Event()
        self.count = 0

    def fire(self) -> None:
        """Wake everyone who waits."""
        self.count += 1
        event, self.next = self.next, asyncio.Event()
        event.set()
