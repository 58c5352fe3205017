"""What else forecasts daily series: the line of Zabbix and Prometheus, seasonal naive, and the models of statsforecast."""

from __future__ import annotations

import os
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.prepare import fill
from bench.forecast_rows import AHEAD

Values = NDArray[np.float64]
MODELS = ("AutoETS", "AutoTheta", "MSTL", "SeasonalNaive")


class Path(NamedTuple):
    """Expected values of the next AHEAD days [n, AHEAD] and the 80 % band around them, if the method has one."""

    middle: Values
    low: Values | None
    high: Values | None
    series_per_s: float


def linear(history: Values, days: int) -> Path:
    """Least squares over the last days: what predict_linear of Prometheus and forecast() of Zabbix do."""
    begin = time.perf_counter()
    filled = fill(history)
    recent = filled.values[:, -days:]
    at = np.arange(days) - (days - 1.0)
    inside = np.arange(history.shape[1])[-days:] >= filled.first[:, None]
    count = inside.sum(axis=1)
    mean_at, mean = (np.where(inside, each, 0).sum(axis=1) / count for each in (at, recent))
    centred = np.where(inside, at - mean_at[:, None], 0)
    slope = (centred * (recent - mean[:, None])).sum(axis=1) / np.maximum((centred**2).sum(axis=1), 1e-9)
    path = (mean - slope * mean_at)[:, None] + slope[:, None] * np.arange(1, AHEAD + 1)
    return Path(path, None, None, len(history) / (time.perf_counter() - begin))


def statsforecast(history: Values, model: str) -> Path:
    """One of MODELS with a week's season, on one core; its compiling is not counted."""
    warnings.simplefilter("ignore")
    os.environ["NIXTLA_ID_AS_COL"] = "1"
    import pandas as pd  # noqa: PLC0415 - a rival's own dependency
    from statsforecast import StatsForecast, models  # noqa: PLC0415 - installed by `./dev setup --peers`

    season: Any = [7] if model == "MSTL" else 7
    runner = StatsForecast(
        models=[getattr(models, model)(season_length=season)],
        freq=1,
        n_jobs=1,
        fallback_model=models.SeasonalNaive(season_length=7),
    )
    filled = fill(history)
    lengths = filled.days
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(history)), lengths),
            "ds": np.concatenate([np.arange(length) for length in lengths]),
            "y": np.concatenate([row[first:] for row, first in zip(filled.values, filled.first, strict=True)]),
        }
    )
    runner.forecast(df=frame[frame.unique_id < 2], h=AHEAD, level=[80])
    begin = time.perf_counter()
    found = runner.forecast(df=frame, h=AHEAD, level=[80]).sort_values(["unique_id", "ds"])
    took = time.perf_counter() - begin
    middle, low, high = (
        next(c for c in found.columns if c.startswith(model) and c.endswith(end)) for end in (model, "-lo-80", "-hi-80")
    )
    paths = [found[name].to_numpy().reshape(len(history), AHEAD) for name in (middle, low, high)]
    return Path(paths[0], paths[1], paths[2], len(history) / took)
