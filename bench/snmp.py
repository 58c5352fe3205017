"""SNMP polling: CPU-seconds per 100,000 counters of who asks, checks, rates and ready columns included, beside the best rivals.

gufo-snmp (its own best way is measured), and net-snmp's C library driven by netsnmp_poll.c. All ask the same devices for the same
counters, in turn; snmp_responder.c answers on 127.0.0.0/8, a real snmpd where SNMPv3 is spoken. Rates are per the device's clock.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import harness
from bench.snmp_ours import PAUSE, Ours
from bench.snmp_peers import KINDS, Gufo, GufoAsync, NetSnmp, build, fleet, responder, secure

DEVICES = 1_000
PORT = 16_161


def alternate(rivals: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    """CPU-seconds per 100,000 counters of each rival's rounds, in turn; every other turn backwards."""
    costs: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(-4, rounds):  # the first ones teach whoever learns
        for name, rival in list(rivals.items())[:: -1 if number % 2 else 1]:
            time.sleep(PAUSE)  # nobody polls without a pause, and it leaves nobody's data in the caches
            seconds, counters = rival.sweep()
            if number >= 0:
                costs[name].append(seconds / counters * 1e5)
    harness.progress(", ".join(f"{name} {statistics.median(values):.4f}" for name, values in costs.items()))
    return costs


def ratio(costs: dict[str, list[float]], *rivals: str) -> float:
    """Ours against the cheapest of `rivals`, the median of the rounds."""
    best = min(rivals, key=lambda name: statistics.median(costs[name]))
    return round(statistics.median([a / b for a, b in zip(costs["ours"], costs[best], strict=True)]), 3)


def identical(tools: Path, rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Many devices of one kind, 64 counters each."""
    asked = fleet([0] * DEVICES, PORT)
    with responder(tools, asked), contextlib.ExitStack() as stack:
        rivals = {
            "ours": stack.enter_context(Ours(asked)),
            "gufo": Gufo(asked),
            "gufo_async": stack.enter_context(GufoAsync(asked)),
            "netsnmp": stack.enter_context(NetSnmp(tools, asked)),
        }
        costs = alternate(rivals, rounds)
    figures = {"ratio_to_gufo": ratio(costs, "gufo", "gufo_async"), "ratio_to_netsnmp": ratio(costs, "netsnmp")}
    return figures | {"cpu_s_per_100k": round(statistics.median(costs["ours"]), 4)}, _peers(costs)


def mixed(tools: Path, rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Twenty devices of five kinds."""
    asked = fleet([number % KINDS for number in range(20)], PORT)
    with responder(tools, asked), Ours(asked) as ours, GufoAsync(asked) as gufo_async:
        costs = alternate({"ours": ours, "gufo": Gufo(asked), "gufo_async": gufo_async}, 10 * rounds)
    figures = {"mixed_ratio_to_gufo": ratio(costs, "gufo", "gufo_async")}
    return figures | {"mixed_cpu_s_per_100k": round(statistics.median(costs["ours"]), 4)}, _peers(costs, "mixed_")


def encrypted(folder: Path, rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """SNMPv3 authPriv (SHA-256, AES-128) against a real snmpd."""
    # gufo-snmp by asyncio costs twice as much here too, and asks more at a time than the snmpd can take.
    with secure(folder) as asked, Ours(asked) as ours:
        costs = alternate({"ours": ours, "gufo": Gufo(asked)}, rounds)
    figures = {"v3_ratio_to_gufo": ratio(costs, "gufo")}
    return figures | {"v3_cpu_s_per_100k": round(statistics.median(costs["ours"]), 4)}, _peers(costs, "v3_")


def dead(tools: Path, rounds: int) -> dict[str, float]:
    """200 live devices and 40 that died: when the last live answer is in, against the same without the dead.

    Of three polls the quickest counts, for what else the machine does is longer than what is measured.
    """
    live, gone = fleet([0] * 200, PORT), fleet([0] * 40, PORT, 200)
    with responder(tools, live), Ours(live, gone) as ours:
        with responder(tools, gone):
            for _ in range(4):
                time.sleep(PAUSE)
                ours.sweep()
            alone = [min(ours.last_answer(dead=False) for _ in range(3)) for _ in range(rounds)]
        beside = [min(ours.last_answer(dead=True) for _ in range(3)) for _ in range(rounds)]
    harness.progress(f"last live answer {statistics.median(alone):.4f} s, with dead ones {statistics.median(beside):.4f} s")
    return {"dead_ratio": round(statistics.median(beside) / statistics.median(alone), 3)}


def _peers(costs: dict[str, list[float]], prefix: str = "") -> dict[str, Any]:
    return {prefix + name: {"cpu_s_per_100k": harness.summary(values)} for name, values in costs.items() if name != "ours"}


@contextlib.contextmanager
def workshop() -> Iterator[Path]:
    """A folder with the two C programs in it."""
    with tempfile.TemporaryDirectory(prefix="lineside-bench-", dir="/var/tmp") as folder:
        build(Path(folder))
        yield Path(folder)


def main() -> None:
    given = harness.options("snmp")
    rounds = 7 if given.quick else 25
    figures: dict[str, float] = {}
    peers: dict[str, Any] = {}
    with workshop() as folder:
        for part in (identical, mixed, encrypted):
            found, rivals = part(folder, rounds)
            figures |= found
            peers |= rivals
        figures |= dead(folder, rounds)
    harness.report(given, figures | {"devices": DEVICES, "counters": DEVICES * 64}, peers)


if __name__ == "__main__":
    main()
