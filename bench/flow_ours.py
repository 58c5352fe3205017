"""Our agent's flow collector as a process of its own, with spool: `python -m bench.flow_ours FOLDER PORT` until SIGTERM.

Prints one line when it listens and one at the end: {flows, cpu_s, drops, rows, buffer}.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from agent import hearing
from agent.batcher import Batcher, Sink
from agent.budget import Budget
from agent.collectors import flows
from agent.interfaces import Interfaces
from agent.spool import LANES, Spool, open_segments
from protocols.uplink.batch import Lane
from protocols.uplink.listeners import Flow
from protocols.uplink.plan import Plan, Target


async def main(folder: Path, port: int) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    counters: Counter[str] = Counter()
    lanes: dict[Lane, Spool] = {}
    for name in LANES:
        lanes[name] = Spool(name, "00000000000000aa", open_segments(folder / "spool" / name, Budget(1 << 30, 0), Counter()))
    writers = [asyncio.create_task(lane.run()) for lane in lanes.values()]
    sensors = (Flow(1, senders=("127.0.0.0/8",)),)
    place = flows.Place([port], folder, Interfaces().name, print)
    target = Target("edge", "edge", "127.0.0.1", sensors)
    run = flows.collector(place)((target,), Plan(""), Sink(Batcher(lanes["metrics"].append), lanes), _clock, counters)
    task = asyncio.ensure_future(run)
    await stop.wait()
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for lane in lanes.values():
        lane.close()
    await asyncio.gather(*writers)
    said = {"flows": counters["flow.flows"], "cpu_s": time.process_time(), "drops": counters["flow.kernel_drops"]}
    print(json.dumps(said | {"records": lanes["flows"].segments.pending, "buffer": hearing.RECEIVE_BUFFER}), flush=True)


def _clock() -> int:
    return time.time_ns() // 1_000


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
