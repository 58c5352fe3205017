"""Run inside a fresh network namespace: neighbours that lose and delay echo requests by plan, pinged; prints JSON of the figures."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence

from agent.batcher import Row
from agent.collectors import ping
from protocols.icmp import checksum
from protocols.uplink.plan import Ping, Plan, Target

NETWORK = """
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 192.0.2.2/24 dev v0
ip link set v0 up
ip link set v1 up
"""
SPACING = 0.05
# Delays (s) of the answers to a neighbour's requests, over and over; None = lost.
NEIGHBOURS: dict[str, tuple[float | None, ...]] = {
    "192.0.2.11": (0.01,),
    "192.0.2.12": (0.01, 0.03, 0.01, 0.03, None),
    "192.0.2.13": (None,),
    "192.0.2.14": (None, None, None, None, 0.01, None, None, None, None, None),
    "192.0.2.15": (0.08, 0.01),  # the second overtakes the first
}


def answer(sock: socket.socket) -> None:
    """Be all the neighbours, at the far end of the cable."""
    seen: Counter[bytes] = Counter()
    while True:
        frame = sock.recv(2048)
        if frame[12:14] != b"\x08\x00" or frame[23] != 1 or frame[34] != 8:
            continue
        host = frame[30:34]
        plan = NEIGHBOURS[socket.inet_ntoa(host)]
        delay = plan[seen[host] % len(plan)]
        seen[host] += 1
        if delay is None:
            continue
        message = b"\0\0\0\0" + frame[38:]
        message = b"\0\0" + checksum(message).to_bytes(2, "big") + frame[38:]
        reply = frame[6:12] + frame[:6] + frame[12:26] + host + frame[26:30] + message
        threading.Timer(delay, sock.send, (reply,)).start()


async def measure(count: int, stall: float) -> dict[str, dict[str, float]]:
    """The figures of the first poll of every neighbour, while other work holds up the loop for `stall` s again and again."""
    figures: dict[str, dict[str, float]] = {}
    hosts = list(NEIGHBOURS)

    def emit(rows: Sequence[Row], _interval: float) -> None:
        figures.setdefault(hosts[rows[0].sensor - 1], {row.metric: row.value for row in rows})

    targets = [
        Target(f"e{n}", host, host, (Ping(n, interval=2.0, timeout=0.5, count=count, spacing=SPACING),))
        for n, host in enumerate(hosts, 1)
    ]
    task = asyncio.create_task(ping.run(targets, Plan("r"), emit, lambda: time.time_ns() // 1_000, Counter()))
    while len(figures) < len(hosts):
        await asyncio.sleep(0.01)
        time.sleep(stall)  # on purpose: nothing else runs meanwhile
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return figures


if __name__ == "__main__":
    subprocess.run(["sh", "-ec", NETWORK], check=True)
    far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    far.bind(("v1", 0))
    mac = far.getsockname()[4].hex(":")
    for neighbour in NEIGHBOURS:
        subprocess.run(["ip", "neigh", "add", neighbour, "lladdr", mac, "dev", "v0"], check=True)
    threading.Thread(target=answer, args=(far,), daemon=True).start()
    print(json.dumps(asyncio.run(measure(1 if sys.argv[1] == "single" else 10, 0.03 if sys.argv[1] == "busy" else 0.0))))
