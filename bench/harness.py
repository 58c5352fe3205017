"""What all benches share: arguments, facts about the machine, rivals in alternation, and the one JSON line at the end.

options = harness.options("ingest")
seconds = harness.alternate({"ours": ours, "copy": copy}, rounds=3 if options.quick else 9)
harness.report(options, figures={...}, peers={"copy": {...}})
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Options(NamedTuple):
    """How a bench was called: `quick` must end within 45 s."""

    bench: str
    quick: bool
    json: bool


def options(bench: str) -> Options:
    parser = argparse.ArgumentParser(prog=f"./dev bench {bench}")
    parser.add_argument("--quick", action="store_true", help="end within 45 s, with less certain figures")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line of standard output")
    given = parser.parse_args()
    return Options(bench, given.quick, given.json)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def alternate(rivals: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Seconds of each call, rivals in turn and every other round backwards: a machine that slows down slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(-warm_up, rounds):
        order = list(rivals.items())
        for name, call in reversed(order) if number % 2 else order:
            begin = time.perf_counter()
            call()
            took = time.perf_counter() - begin
            if number >= 0:
                seconds[name].append(took)
        if number >= 0:
            latest = ", ".join(f"{name} {values[-1]:.3f} s" for name, values in seconds.items())
            progress(f"round {number + 1} of {rounds}: {latest}")
    return seconds


def summary(values: list[float]) -> dict[str, float]:
    """Median, smallest and largest: what a reader needs to see how far the rounds lie apart."""
    return {"median": round(statistics.median(values), 6), "min": round(min(values), 6), "max": round(max(values), 6)}


def report(given: Options, figures: Mapping[str, Any], peers: Mapping[str, Any] | None = None) -> None:
    """Print the result: a table for people, or with --json one object {bench, commit, machine, figures, peers}."""
    result = {"bench": given.bench, "quick": given.quick, "commit": commit(), "machine": machine()}
    result |= {"figures": dict(figures), "peers": dict(peers or {})}
    if given.json:
        print(json.dumps(result, default=float), flush=True)
        return
    for group in ("figures", "peers"):
        for name, value in result[group].items():  # type: ignore[attr-defined] # both are dicts
            print(f"{name:32} {value}")


def commit() -> str:
    """The commit that is measured; with a plus sign where the checkout has changes on top."""
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=False, capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain"], check=False, capture_output=True, text=True).stdout.strip()
    return f"{head or 'unknown'}{'+' if changed else ''}"


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores this process may use, memory, kernel, Python."""
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in facts if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }
