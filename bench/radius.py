"""RADIUS: how many Accounting-Requests a second an agent answers, each after its record is on disk.

A listener with a real lane of the spool in one process; a sender in another speaks for 50 NASes and keeps at most WINDOW
requests without answer, so that nothing is lost by its own haste. CPU seconds are those of the listener's process.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import secrets
import select
import socket
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent import senders, spool
from agent.batcher import Batcher, Sink
from agent.budget import budget_for
from agent.collectors import radius
from bench import harness
from protocols.uplink.batch import decode
from protocols.uplink.listeners import Radius
from protocols.uplink.plan import Plan, Target

SECRET = b"0123456789abcdef"
NASES = 50
WINDOW = 512


def packets(count: int) -> list[bytes]:
    """As a controller sends them: 20 attributes each, one session each."""

    def value(kind: int, content: bytes) -> bytes:
        return bytes((kind, len(content) + 2)) + content

    usual = b"".join(value(kind, struct.pack(">I", n)) for kind, n in ((42, 9_000), (43, 70_000), (47, 80), (48, 90), (46, 600)))
    usual += b"".join(value(kind, struct.pack(">I", n)) for kind, n in ((52, 0), (53, 0), (41, 0), (61, 19), (5, 1), (6, 2)))
    usual += value(32, b"controller-1") + value(30, b"02-00-00-00-00-01:Guest") + value(40, struct.pack(">I", 3))
    made = []
    for n in range(count):
        name = f"{n:08x}".encode()
        body = usual + value(44, name + b"-0001") + value(1, b"person" + name) + value(25, b"class" + name)
        body += value(31, b"AA-BB-CC-%02X-%02X-%02X" % (n >> 16 & 255, n >> 8 & 255, n & 255))
        body += value(55, struct.pack(">I", int(time.time()))) + value(8, bytes((10, n >> 16 & 255, n >> 8 & 255, n & 255)))
        head = struct.pack(">BBH", 4, n & 255, 20 + len(body))
        made.append(head + hashlib.md5(head + bytes(16) + body + SECRET, usedforsecurity=False).digest() + body)
    return made


def send(port: int, count: int, told: Any) -> None:
    """Send `count` requests from NASES addresses, and again what was not answered within a second; tell (seconds, sent again)."""
    ours: dict[int, socket.socket] = {}
    ready = select.epoll()
    for n in range(NASES):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.0.1.{n + 1}", 0))
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        ready.register(sock, select.EPOLLIN)
        ours[sock.fileno()] = sock
    files = list(ours)
    todo = packets(count)
    waiting: dict[tuple[int, int], tuple[bytes, float]] = {}
    at = again = 0
    begun = time.perf_counter()
    while at < count or waiting:
        now = time.perf_counter()
        while at < count and len(waiting) < WINDOW and (files[at % NASES], todo[at][1]) not in waiting:
            ours[files[at % NASES]].send(todo[at])
            waiting[files[at % NASES], todo[at][1]] = (todo[at], now)
            at += 1
        heard = ready.poll(1.0)
        for file, _ in heard:
            waiting.pop((file, ours[file].recv(4_096)[1]), None)
        for key, (packet, sent) in [] if heard else list(waiting.items()):
            if now - sent > 1:
                ours[key[0]].send(packet)
                waiting[key] = (packet, now)
                again += 1
    told.put((time.perf_counter() - begun, again))


async def measured(count: int) -> Mapping[str, float]:
    """One run: requests answered a second, CPU seconds for each million, and how many records are in the spool."""
    counters: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="lineside-radius-", dir="/var/tmp") as name:
        folder = Path(name)
        budget = budget_for(folder, 1 << 30, 0)
        segments = spool.open_segments(folder / "events", budget.of("events"), Counter(), keeps=True)
        lane = spool.Spool("events", secrets.token_hex(8), segments)
        writer = asyncio.create_task(lane.run())
        sink = Sink(Batcher(lane.append), {"events": lane})
        target = Target("wlc", "wlc", "127.0.0.1", (Radius(number=1, secret=SECRET.decode(), senders=("127.0.0.0/16",)),))
        sock = radius.bound(0)
        known = await senders.of([target], Radius, counters)
        plan = Plan("", hash_key="ab" * 32)
        listener = radius.Listener(sock, known, plan, sink, lambda: time.time_ns() // 1_000, counters)
        hearing = asyncio.create_task(listener.run())
        told: Any = multiprocessing.get_context("spawn").Queue()
        sender = multiprocessing.get_context("spawn").Process(target=send, args=(sock.getsockname()[1], count, told))
        sender.start()
        spent = time.process_time()
        seconds, again = await asyncio.to_thread(told.get)
        spent = time.process_time() - spent
        sender.join()
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        lane.close()
        await writer
        kept = sum(decode(entry.record.body).rows for entry in segments.read(segments.position, 1 << 20) if entry.record)
        segments.close()
    return {
        "requests_per_s": count / seconds,
        "cpu_s_per_million": spent / count * 1e6,
        "kept": kept,
        "sent_again": again,
        "repeated": counters["radius.repeated"],
    }


def main() -> None:
    given = harness.options("radius")
    count = 20_000 if given.quick else 100_000
    runs = [asyncio.run(measured(count)) for _ in range(2 if given.quick else 5)]
    figures = {name: harness.summary([run[name] for run in runs]) for name in ("requests_per_s", "cpu_s_per_million")}
    lost = {name: max(run[name] for run in runs) for name in ("sent_again", "repeated")}
    missing = {"requests": count, "kept_least": min(run["kept"] for run in runs), "kept_most": max(run["kept"] for run in runs)}
    harness.report(given, {"requests_per_s": figures["requests_per_s"]["median"], "rounds": figures, **missing, **lost})


if __name__ == "__main__":
    main()
