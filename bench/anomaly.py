"""Anomalies: events put into real and made series, ours beside five ways of others, all at one false alarm per service-month.

Each is swept over its threshold, from above until the budget is reached. Scored from day 14; intervals are 90 %, by resampling.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from analytics.anomaly.calendar import days
from analytics.anomaly.medians import Floats
from analytics.anomaly.replay import replay
from bench import harness
from bench.anomalies import injections, panels, scoring
from bench.anomalies.peers import PEERS

SHIPPED = 1.0  # our score is a multiple of the limit


def main() -> None:
    options = harness.options("anomaly")
    warnings.simplefilter("ignore", RuntimeWarning)  # peers take means of nothing
    figures: dict[str, Any] = {}
    peers: dict[str, dict[str, Any]] = {name: {} for name in PEERS}
    delays, judged, seconds = [], [], 0.0
    for name, pieces in panels.panels(quick=options.quick).items():
        begin = time.perf_counter()
        ours = [_ours(piece) for piece in pieces]
        seconds += time.perf_counter() - begin
        scores = {"ours": ours} | {peer: [score(piece.fleet.values) for piece in pieces] for peer, score in PEERS.items()}
        delay = _panel(name, pieces, scores, figures, peers)
        if panels.is_judged(pieces):
            judged.append(name)
            delays.append(delay)
        harness.progress(f"{name}: {figures[f'recall_at_1fa_{name}']} of events, {figures[f'fa_per_service_month_{name}']} false")
    figures |= {"delay_minutes": round(float(np.median(delays)), 1), "panels_judged": judged, "replay_seconds": round(seconds, 2)}
    figures["injections"] = [f"{kind.name}, {kind.hours} h" for kind in injections.KINDS] + [f"seed {injections.SEED}"]
    harness.report(options, figures, peers)


def _ours(piece: panels.Piece) -> Floats:
    fleet = piece.fleet
    return replay(fleet.values, days(fleet.first, fleet.values.shape[1], piece.free), fleet.counts).signed


def _panel(
    name: str,
    pieces: list[panels.Piece],
    scores: Mapping[str, list[Floats]],
    figures: dict[str, Any],
    peers: Mapping[str, dict[str, Any]],
) -> float:
    """Add the figures of a panel; its median delay in minutes."""
    paired = {who: [(score, piece.truth) for score, piece in zip(of, pieces, strict=True)] for who, of in scores.items()}
    swept = {who: scoring.sweep(pair, SHIPPED) for who, pair in paired.items()}
    spread = scoring.intervals(swept, np.unique(panels.groups(pieces), return_inverse=True)[1])
    recall, false = scoring.at_level(swept["ours"], SHIPPED)
    told, delay = scoring.by_kind(paired["ours"], SHIPPED)
    precision, f1 = scoring.precision_and_f1(swept["ours"], SHIPPED)
    figures[f"recall_at_1fa_{name}"] = round(scoring.at_budget(swept["ours"])[0], 3)
    figures[f"recall_at_1fa_{name}_interval90"] = _rounded(spread["ours"])
    figures[f"lead_over_best_peer_{name}_interval90"] = _rounded(spread["lead"])
    figures[f"fa_per_service_month_{name}"] = round(false, 3)
    shipped = {"recall": recall, "precision": precision, "f1": f1, "delay_minutes": delay}
    known = {key: round(value, 3) for key, value in shipped.items() if np.isfinite(value)}
    figures[f"shipped_{name}"] = known | {"found": told}
    figures[f"n_{name}"] = {"series": len(swept["ours"].events), "events": int(swept["ours"].events.sum())}
    figures[f"n_{name}"]["service_months"] = round(float(swept["ours"].months.sum()), 1)
    for who in peers:
        reached, threshold = scoring.at_budget(swept[who])
        peers[who][f"recall_at_1fa_{name}"] = round(reached, 3)
        peers[who][f"recall_at_1fa_{name}_interval90"] = _rounded(spread[who])
        peers[who][f"threshold_{name}"] = round(threshold, 2) if np.isfinite(threshold) else None
    if sum(len(piece.labelled.events) for piece in pieces):
        _labelled(name, pieces, scores, figures, peers)
    return delay


def _labelled(
    name: str,
    pieces: list[panels.Piece],
    scores: Mapping[str, list[Floats]],
    figures: dict[str, Any],
    peers: Mapping[str, dict[str, Any]],
) -> None:
    """The same for the windows that people labelled."""
    for who, of in scores.items():
        swept = scoring.sweep([(score, piece.labelled) for score, piece in zip(of, pieces, strict=True)], SHIPPED)
        into = figures if who == "ours" else peers[who]
        into[f"labelled_recall_at_1fa_{name}"] = round(scoring.at_budget(swept)[0], 3)
        if who == "ours":
            into[f"labelled_n_{name}"] = int(swept.events.sum())


def _rounded(pair: tuple[float, float]) -> list[float]:
    return [round(value, 3) for value in pair]


if __name__ == "__main__":
    main()
