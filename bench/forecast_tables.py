"""Makes the error tables that ship, analytics/forecast/fleet.npz: `.venv/bin/python -m bench.forecast_tables`.

They come from made-up series (bench/forecast_series.py). Only SPREAD, and how bursty those are, were fitted to real ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analytics.forecast import fleet as fleets
from analytics.forecast.fitting import HORIZON
from analytics.forecast.fleet import PastErrors
from analytics.forecast.packing import packed
from bench import harness
from bench.forecast_rows import origins_of
from bench.forecast_series import as_lines, rates, stores

# (fewest, most days of history shown, origins a series) for each table.
HISTORIES = ((3, 6, 4), (7, 13, 4), (14, 27, 4), (28, 59, 4), (60, 119, 4), (120, 180, 6))
SERIES, DAYS = 400, 500
# Made-up storage is less surprising than real storage, made-up links more so where little is known of them.
SPREAD = {"rate": (0.8, 0.8, 0.8, 0.8, 1.2, 1.2), "storage": (1.7, 1.7, 1.7, 1.7, 1.7, 1.7)}
SEED = 1


def past(series: list[dict[str, Any]], kind: str) -> list[PastErrors]:
    """Errors at rolling origins of all series of a kind, with histories cut to the lengths of each table."""
    found = []
    for fewest, most, origins in HISTORIES:
        of_kind = [one for one in series if one["kind"] == kind]
        rows = [row for one in of_kind for row in origins_of(one, origins, fewest, most, HORIZON)]
        rows = [row for row in rows if np.isfinite(row[2]).sum() >= fewest]
        if rows:
            names, _, history, future = zip(*rows, strict=True)
            named = "rate" if kind == "demand" else "storage"
            found.append(fleets.past_errors(np.stack(history), np.stack(future), names, kind=named))
    return found


def main() -> None:
    series = as_lines(rates(SERIES, DAYS, SEED)[0], "demand", "rate") + as_lines(
        stores(SERIES, DAYS, SEED)[0], "storage", "store"
    )
    made = fleets.fleet([*past(series, "demand"), *past(series, "storage")], "made-up series", SEED, SPREAD)
    target = harness.ROOT / "analytics" / "forecast" / "fleet.npz"
    np.savez_compressed(target, **packed(made))  # type: ignore[arg-type] # one of its names is a flag
    print(f"{target}: {len(made.tables)} tables, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
