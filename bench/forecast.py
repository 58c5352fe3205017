"""Forecasts: how far off values, dates and probabilities are, by rolling origin over real series; the same for what others use.

Needs LINESIDE_CORPUS/series/daily.jsonl.gz (default ../shared). Ours uses the tables that ship, which are made of none of these
series. Every series weighs the same; each figure prints its n and a 90 % interval by drawing the groups anew.
MASE: by the error of "as a week ago" in the history, at most 30. Dates: over pairs of origin and threshold where the truth or the
median crosses within 90 days, later counts as day 91. F1: yes from P(30 days) of 0.4 (storage 0.3), of a peer the better of this
and of its expected path. Peers are run on one core, on the same rows.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.answer import forecast, trial
from analytics.forecast.fitting import DAYS
from analytics.forecast.fleet import QUANTILES
from bench import forecast_peers as peers
from bench import harness
from bench.forecast_rows import AHEAD, NEVER, Rows, read, rolling, sample
from bench.forecast_scores import SAY_YES, Answers, Score, from_paths, scores
from server.forecasting import shipped_fleet

SEED = 1
ORIGINS = 12
SIZES = {True: 100, False: 1000}  # rows of each kind, quick or not


def main() -> None:
    options = harness.options("forecast")
    series = read(harness.ROOT / os.environ.get("LINESIDE_CORPUS", "../shared") / "series" / "daily.jsonl.gz")
    figures: dict[str, Any] = {}
    rivals: dict[str, dict[str, Any]] = {}
    for kind in ("demand", "storage"):
        rows = sample(rolling(series, kind, ORIGINS), SIZES[options.quick], SEED)
        harness.progress(f"{kind}: {len(rows.name)} origins of {len(set(rows.name.tolist()))} series")
        figures[f"n_{kind}"] = len(rows.name)
        figures |= flat(scores(rows, ours(rows, kind), kind))
        for name, run in PEERS.items():
            path = run(rows.history)
            harness.progress(f"  {name}: {path.series_per_s:.0f} series/s")
            rivals.setdefault(name, {})["series_per_s"] = round(path.series_per_s, 1)
            rivals[name] |= flat(peer_scores(rows, path, kind))
    figures |= speed(10_000 if options.quick else 100_000)
    harness.report(options, figures, rivals)


PEERS: Mapping[str, Callable[[NDArray[np.float64]], peers.Path]] = {
    "linear_30d": lambda history: peers.linear(history, 30),
    "AutoETS": lambda history: peers.statsforecast(history, "AutoETS"),
    "AutoTheta": lambda history: peers.statsforecast(history, "AutoTheta"),
    "MSTL": lambda history: peers.statsforecast(history, "MSTL"),
    "SeasonalNaive": lambda history: peers.statsforecast(history, "SeasonalNaive"),
}


def ours(rows: Rows, kind: str) -> Answers:
    probability, values = trial(rows.history, rows.thresholds, shipped_fleet(), rate=kind == "demand")
    reached = probability[:, :, None, :AHEAD] >= np.array(QUANTILES)[:, None] - 1e-9
    days = np.where(reached.any(axis=3), reached.argmax(axis=3) + 1, NEVER)
    return Answers(values[:, :AHEAD], np.moveaxis(days, 2, 0), probability[:, :, 29])


def peer_scores(rows: Rows, path: peers.Path, kind: str) -> dict[str, Score]:
    """A peer's F1 by the kinder of two rules: the probability that its band gives, or its expected path."""
    said = from_paths(rows, path.middle, path.low, path.high, kind)
    found = scores(rows, said, kind)
    by_path = scores(rows, said._replace(within_30=np.where(said.days[1] <= 30, 1.0, SAY_YES[kind] - 1e-6)), kind)
    name = f"f1_30_{kind}"
    better = max(found[name], by_path[name], key=lambda score: score["value"] if isinstance(score["value"], float) else 0.0)
    return found | {name: better}


def flat(found: Mapping[str, Score]) -> dict[str, Any]:
    """Each figure as a number under its key, its n and its interval beside it."""
    named = {
        name: {name: score["value"], f"{name}_n": score["n"], f"{name}_interval": score["interval"]}
        for name, score in found.items()
    }
    return {key: value for figures in named.values() for key, value in figures.items()}


def speed(series: int) -> dict[str, Any]:
    """Whole answers with evidence, as the nightly job makes them, in chunks; half of them storage."""
    chance = np.random.default_rng(SEED)
    matrix = 100 * np.exp(0.002 * np.arange(DAYS) + 0.05 * chance.standard_normal((series, DAYS)))
    kinds: list[Any] = ["rate", "storage"] * (series // 2)
    begin = time.process_time()
    forecast(matrix, kinds, matrix[:, -1] * 1.3, shipped_fleet())
    took = time.process_time() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"series_per_s": round(series / took), "series_timed": series, "memory_gib": round(memory, 2)}


if __name__ == "__main__":
    main()
