"""Lineside's server with a clock that backfill.py moves: the same routes and jobs, on days that are long over.

past.py FILE web | jobs     (the settings come from the environment, as always)

FILE holds two numbers of 8 bytes: the instant (µs since the epoch), and whether time is held. While it is held, jobs that sleep
go on sleeping: otherwise they would take a day whose samples are still on their way for a day without any.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import sys
from pathlib import Path

from server import cli
from server.app import JOBS, ROUTES

SIZE = 16
LOOK_EVERY = 0.01  # seconds between two looks at the clock


class PastClock:
    """The instant in a file that is shared between processes."""

    def __init__(self, path: Path, now_us: int | None = None) -> None:
        """`now_us` makes the file; without it the file is there."""
        if now_us is not None:
            path.write_bytes(now_us.to_bytes(8, "little") + bytes(8))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SIZE)
        self._began = self.now_us
        self._woke: dict[asyncio.Task[object] | None, int] = {}

    @property
    def now_us(self) -> int:
        return int.from_bytes(self._memory[:8], "little")

    @now_us.setter
    def now_us(self, value: int) -> None:
        self._memory[:8] = value.to_bytes(8, "little")

    @property
    def held(self) -> bool:
        return self._memory[8] != 0

    @held.setter
    def held(self, value: bool) -> None:
        self._memory[8] = int(value)

    async def sleep(self, seconds: float) -> None:
        """Wait until so much of this time has passed since the task last woke, and time is not held.

        Not since now: time may have leapt while the task was at work, and nobody would wake it before the next leap.
        """
        task = asyncio.current_task()
        end = self._woke.get(task, self._began) + seconds * 1e6
        while self.held or self.now_us < end:
            await asyncio.sleep(LOOK_EVERY)
        self._woke[task] = self.now_us


def main() -> int:
    clock = PastClock(Path(sys.argv[1]))
    return cli.main(["server", sys.argv[2]], os.environ, ROUTES, JOBS, lambda: clock.now_us, clock.sleep)


if __name__ == "__main__":
    sys.exit(main())
