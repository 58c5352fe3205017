"""Hear what other processes say through the database (LISTEN), for ever, through its restarts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import asyncpg

from storage.database import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INVENTORY = "lineside_inventory"
STATUS = "lineside_status"
DIRTY = "lineside_dirty"


async def listen(dsn: str, channels: Sequence[str], heard: Callable[[str], None]) -> None:
    """Call `heard(channel)` for each message. After a lost connection every channel is called once, since messages were missed."""
    while True:
        with contextlib.suppress(*Trouble, OSError, asyncpg.PostgresError):
            con = await asyncpg.connect(dsn, timeout=10)
            lost = asyncio.Event()
            con.add_termination_listener(lambda _, lost=lost: lost.set())
            try:
                for channel in channels:
                    await con.add_listener(channel, lambda _c, _p, name, _m: heard(name))
                for channel in channels:
                    heard(channel)
                await lost.wait()
            finally:
                con.terminate()
        await asyncio.sleep(0.5)
