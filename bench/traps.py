"""Traps: how many from 250 sources are recorded durably, beside snmptrapd and pysnmp; and honest senders during a storm.

Ours is the agent's collector whole: socket, limit for each sender, decode, names, columns, the spool of a real folder with fsync.
A trap counts when its batch is on disk. The same datagrams go to all; each is offered rising rates, for the highest that loses at
most one in a thousand, and the storm is one source with 50,000 a second beside 100 honest ones with 10 a second each.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.batcher import Batcher, Sink
from agent.budget import Budget
from agent.collectors import traps
from agent.hints import Hints
from agent.spool import Spool, open_segments
from bench import harness
from protocols.snmp import ber, oid
from protocols.snmp.message import VarBind
from protocols.uplink import batch
from protocols.uplink.listeners import Trap
from protocols.uplink.plan import Plan, Target
from tests.protocols.snmp.notifications import IF_NAME, v2c

SOURCES = 250
RATES = (10_000, 20_000, 25_000, 30_000, 40_000, 50_000)  # a second
LOSS = 0.001
_FIELDS = ("1.3.6.1.2.1.2.2.1.7.", "1.3.6.1.2.1.2.2.1.8.", "1.3.6.1.2.1.2.2.1.1.")


def datagrams(count: int) -> list[bytes]:
    """`linkDown` of so many different interfaces."""
    out = []
    for number in range(1, count + 1):
        binds = [VarBind(oid.parse(f"{field}{number}"), ber.INTEGER, number % 3) for field in _FIELDS]
        out.append(v2c(binds=(*binds, VarBind(IF_NAME, ber.OCTET_STRING, b"ge-0/0/%d" % number))))
    return out


def send(port: int, rate: float, seconds: float, sources: int, first: int = 1, spread: int = 48) -> int:
    """Send at `rate` from 127.0.1.`first` on, in turn; how many were sent."""
    sockets = []
    for number in range(first, first + sources):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.0.{1 + number // 250}.{1 + number % 250}", 0))
        sockets.append(sock)
    data, sent, begin = datagrams(spread), 0, time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        due = int(passed * rate)
        while sent < due:
            with contextlib.suppress(OSError):  # nobody listens yet, or a full buffer
                sockets[sent % sources].sendto(data[sent % spread], ("127.0.0.1", port))
            sent += 1
        time.sleep(0.0005)
    return sent


@contextmanager
def sending(*arguments: Any) -> Iterator[Callable[[], int]]:
    """A sender in a process of its own; the call waits for its end and says how many it sent."""
    pool = multiprocessing.get_context("spawn").Pool(1)
    try:
        given = pool.apply_async(send, arguments)
        yield lambda: int(given.get(120))
    finally:
        pool.terminate()
        pool.join()


class Lane:
    """The events lane of the spool, which counts what is on disk, and by whom."""

    def __init__(self, spool: Spool) -> None:
        self.spool, self.durable_rows, self.by_source = spool, 0, Counter[str]()
        self._tasks: set[asyncio.Task[None]] = set()

    def append(self, packed: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._keep(packed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, packed: Any) -> None:
        if await self.spool.durable(packed):
            events = batch.decode(packed.body).events
            assert events is not None
            heard = events.kind != 3
            self.durable_rows += int(heard.sum())
            self.by_source.update(events.texts[k] for k in events.source[heard].tolist())

    async def durable(self, packed: Any) -> bool:
        return await self.spool.durable(packed)


async def ours(rate: float, seconds: float, *, storm: bool = False) -> dict[str, float]:
    """One run: sent, recorded, share, CPU seconds; of a storm the honest ones alone."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        lane = Lane(Spool("events", "00000000000000aa", open_segments(Path(folder) / "events", Budget(1 << 30, 0), Counter())))
        writer = asyncio.create_task(lane.spool.run())
        counters: Counter[str] = Counter()
        port: asyncio.Queue[int] = asyncio.Queue()
        target = Target("e", "e", "127.0.0.1", (Trap(1, community="public", senders=("127.0.0.0/8",)),))
        place = traps.Place(_free(), Path(folder), Hints(), 60.0, port.put_nowait)
        sink = Sink(Batcher(lane.append), {"events": lane})
        run = traps.collector(place)([target], Plan(""), sink, lambda: time.time_ns() // 1_000, counters)
        task = asyncio.ensure_future(run)
        number = await asyncio.wait_for(port.get(), 5)
        used, begin = _cpu(), time.monotonic()
        with senders_of(number, rate, seconds, storm) as parts:
            sent = [await asyncio.to_thread(part) for part in parts]
        took = time.monotonic() - begin
        await asyncio.sleep(0.5)
        cpu = _cpu() - used
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        lane.spool.close()
        await writer
        honest = sum(n for host, n in lane.by_source.items() if not host.startswith("127.0.3."))
        return {
            "sent": sum(sent), "recorded": lane.durable_rows, "share": lane.durable_rows / max(1, sum(sent)), "cpu_s": cpu,
            "seconds": took, "kernel_drops": counters["trap.kernel_drops"], "suppressed": counters["trap.suppressed"],
            "honest_share": honest / sent[0] if storm else 0.0, "heard": counters["trap.heard"],
        }  # fmt: skip


@contextmanager
def senders_of(port: int, rate: float, seconds: float, storm: bool) -> Iterator[list[Callable[[], int]]]:
    """The senders of one run: 250 sources, or 100 honest ones and one that storms."""
    if not storm:
        with sending(port, rate, seconds, SOURCES) as all_of_them:
            yield [all_of_them]
        return
    with sending(port, 1_000.0, seconds, 100) as honest, sending(port, rate, seconds, 1, 520) as one:
        yield [honest, one]


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


PYSNMP = """
import sys, asyncio
from pysnmp.entity import engine, config
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity.rfc3413 import ntfrcv
e = engine.SnmpEngine()
config.add_transport(e, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", int(sys.argv[1]))))
config.add_v1_system(e, "area", "public")
out = open(sys.argv[2], "w", buffering=1)
ntfrcv.NotificationReceiver(e, lambda *a: out.write("trap " + str(a[4][1][1]) + "\\n"))
e.transport_dispatcher.job_started(1)
e.transport_dispatcher.run_dispatcher()
"""


def rival(name: str, rate: float, seconds: float) -> dict[str, float]:
    """One run of snmptrapd or pysnmp, each of which writes a line a trap to a file."""
    with tempfile.TemporaryDirectory() as folder:
        port, log = _free(), Path(folder) / "log"
        if name == "snmptrapd":
            Path(folder, "conf").write_text("authCommunity log public\nformat2 trap %v\\n\n")
            command = ["/usr/sbin/snmptrapd", "-f", "-C", "-c", f"{folder}/conf", "-Lf", str(log), "-On", "-n", "-m", "",
                       "-p", f"{folder}/pid", f"udp:127.0.0.1:{port}"]  # fmt: skip
        else:
            command = [sys.executable, "-c", PYSNMP, str(port), str(log)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1.5)
            with sending(port, rate, seconds, SOURCES) as wait:
                sent = wait()
            time.sleep(1.0)
        finally:
            process.terminate()
            process.wait(10)
        lines = log.read_bytes().count(b"trap ") if log.exists() else 0
        return {"sent": sent, "recorded": lines, "share": lines / max(1, sent)}


def highest(run: Callable[[float], dict[str, float]], name: str, rates: tuple[int, ...] = RATES) -> dict[str, float]:
    """The run at the highest rate that loses at most LOSS, with that rate; else the one that recorded most."""
    best: dict[str, float] = {"rate": 0.0}
    for rate in rates:
        found = run(rate) | {"rate": float(rate)}
        harness.progress(f"{name} at {rate} a second: {found['recorded']:.0f} of {found['sent']:.0f} recorded")
        if found["share"] < 1 - LOSS:
            break
        best = found
    return best


def main() -> None:
    """The bench."""
    given = harness.options("traps")
    seconds = 3.0 if given.quick else 8.0
    best = highest(lambda rate: asyncio.run(ours(rate, seconds)), "ours", RATES[1:] if given.quick else RATES)
    storm = asyncio.run(ours(50_000.0, seconds, storm=True))
    slow = (500, 1_000, 2_000, 4_000)
    others = {
        "snmptrapd": highest(lambda rate: rival("snmptrapd", rate, seconds), "snmptrapd", (5_000, 10_000, 15_000, *RATES[1:])),
        "pysnmp": highest(lambda rate: rival("pysnmp", rate, seconds), "pysnmp", slow),
    }
    figures = {
        "traps_per_s": best["rate"],
        "cpu_s_per_100k": round(best.get("cpu_s", 0.0) / max(1.0, best.get("recorded", 0.0)) * 1e5, 3),
        "storm_honest_received": round(storm["honest_share"], 5),
        "storm_cores": round(storm["cpu_s"] / storm["seconds"], 3),
        "storm_kernel_drops": storm["kernel_drops"],
        "storm_suppressed": storm["suppressed"],
        "storm_unaccounted": storm["sent"] - storm["heard"] - storm["suppressed"] - storm["kernel_drops"],
    }
    harness.report(given, figures, {name: {"traps_per_s": found["rate"]} for name, found in others.items()})


if __name__ == "__main__":
    main()
