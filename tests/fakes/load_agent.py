"""A real agent whose collector makes numbered rows instead of polling, and that keeps a ledger of what its spool made durable.

    load_agent.py LEDGER ROWS_PER_S        (0 = only send what is left)

Row n is (sensor of the plan, "load", n mod 500) with the value n. A line "first last" in LEDGER means: those rows survive a
kill -9. Numbers go on from the ledger, with a gap, at each start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agent import app, config, state
from agent.batcher import Clock, Emit, Packed, Row
from agent.program import Program
from protocols.uplink.plan import Plan, Target

INSTANCES = 500
SKIP = 1_000_000  # from one start to the next: rows that were made but never durable are not owed


class Ledgered(Program):
    """Writes down each batch once the spool says that it is durable."""

    ledger: int
    first: int

    def _append(self, packed: Packed) -> None:
        first, self.first = self.first, self.first + packed.rows
        super()._append(packed)
        asyncio.get_running_loop().create_task(self._note(first, self.first - 1))

    async def _note(self, first: int, last: int) -> None:
        if await self._spools["metrics"].commit():
            os.write(self.ledger, f"{first} {last}\n".encode())


def main() -> None:
    path, rate = Path(sys.argv[1]), int(sys.argv[2])
    last = (
        max((int(line.split()[1]) for line in path.read_text().splitlines() if line.count(" ") == 1), default=0)
        if path.exists()
        else 0
    )
    begin = (last // SKIP + 1) * SKIP

    async def collect(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
        sensor = targets[0].sensors[0].number
        number = begin
        every = INSTANCES / rate if rate else 3_600.0
        due = asyncio.get_running_loop().time() + (0 if rate else every)
        await asyncio.sleep(0 if rate else every)
        while True:
            now = clock()
            rows = [Row(sensor, "load", str(n % INSTANCES), now, float(n), 0.0) for n in range(number, number + INSTANCES)]
            emit(rows, 60.0)
            number += INSTANCES
            due += every
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    asyncio.run(run(path, begin, collect))


async def run(path: Path, begin: int, collect: object) -> None:
    settings = config.load(None, os.environ)
    who = state.identity(settings.state)
    assert who is not None
    with state.locked(settings.state):
        program = Ledgered(settings, who, "load", lambda: time.time_ns() // 1000, {"ping": collect}, os.environ)
        program.ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        program.first = begin
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, program.stop.set)
        await program.run()


if __name__ == "__main__":
    app.logs.start("logfmt", debug=False)
    main()
