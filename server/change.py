"""A signal between tasks of one process: something changed, look again."""

from __future__ import annotations

import asyncio


class Change:
    """Take `next`, look, then wait for it: a change in between is not missed."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def fire(self) -> None:
        """Wake everyone who waits."""
        event, self.next = self.next, asyncio.Event()
        event.set()
