"""What others do, as signed scores [n, days, slots] of which the size is compared with a threshold.

Written after their sources: Zabbix's src/libs/zbxexpr trend functions, RRDtool's rrd_hw.c, GitLab's recording rules of 2019, and
Grafana's promql-anomaly-detection.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analytics.anomaly.medians import Floats

TINY = 1e-9


def three_sigma(values: Floats) -> Floats:
    """Distance from the mean of the last 28 days in standard deviations; the usual threshold is 3."""
    count, days, _ = values.shape
    out = np.zeros_like(values)
    for day in range(7, days):
        past = values[:, max(0, day - 28) : day].reshape(count, -1)
        mean, spread = np.nanmean(past, 1)[:, None], np.nanstd(past, 1)[:, None]
        out[:, day] = (values[:, day] - mean) / np.maximum(spread, TINY)
    return np.nan_to_num(out)


def zabbix_baselinedev(values: Floats, seasons: int = 10) -> Floats:
    """baselinedev(1h, "d", 10): deviations of this hour's mean among those of the last ten days, itself included."""
    count, days, slots = values.shape
    hours = np.nanmean(values.reshape(count, days * 24, slots // 24), axis=2)
    at = np.arange(seasons * 24, days * 24)
    seen = np.stack([hours[:, at - 24 * back] for back in range(seasons + 1)])
    spread = np.nanstd(seen, 0)
    out = np.zeros_like(hours)
    out[:, at] = np.where(spread > TINY, (hours[:, at] - np.nanmean(seen, 0)) / np.maximum(spread, TINY), 0)
    return np.repeat(np.nan_to_num(out), slots // 24, axis=1).reshape(values.shape)


def prometheus_band(values: Floats) -> Floats:
    """GitLab's rules: median of three predictions from the last three weeks, in standard deviations of the week; usually 2."""
    count, _, slots = values.shape
    flat, hour = values.reshape(count, -1), slots // 24
    week = 168 * hour
    short, long = _rolling_mean(flat, 4 * hour), _rolling_mean(flat, week)
    spread = np.sqrt(np.maximum(_rolling_mean(flat**2, week) - long**2, 0))
    seen = [_ago(short, k * week - 2 * hour) + long - _ago(long, k * week) for k in (1, 2, 3)]
    score = np.nan_to_num((flat - np.nanmedian(np.stack(seen), 0)) / np.maximum(spread, TINY))
    return _lasting(score, 10 * slots // 1440 + 1).reshape(values.shape)


def prometheus_adaptive(values: Floats) -> Floats:
    """Grafana's adaptive rules: mean of an hour and its filtered deviation now, a day and a week ago; alarm at 1."""
    count, _, slots = values.shape
    flat, hour = np.where(values > 0, values, np.nan).reshape(count, -1), slots // 24
    mean = _rolling_mean(flat, hour)
    spread = np.sqrt(np.maximum(_rolling_mean(flat**2, hour) - mean**2, 0))
    smooth = np.nan_to_num(_rolling_mean(np.where(spread > 0.5 * mean, spread, np.nan), 26 * hour))
    high, low = np.fmax(mean + 2 * smooth, 1.5 * mean), np.fmin(mean - 2 * smooth, 0.5 * mean)
    for back in (int(167.5 * hour), int(23.5 * hour)):
        high = np.fmax(high, _ago(mean, back) + 2 * _ago(spread, back))
        low = np.fmin(low, _ago(mean, back) - 2 * _ago(spread, back))
    room = np.where(flat >= mean, high - mean, mean - np.maximum(low, 0))
    return _lasting(np.nan_to_num((flat - mean) / np.maximum(room, TINY)), 300 * slots // 86400 + 1).reshape(values.shape)


def holt_winters(values: Floats) -> Floats:
    """RRDtool's aberrant behaviour detection with a season of a day; 7 of 9 points outside, usually at 2 deviations."""
    count, _, slots = values.shape
    flat = values.reshape(count, -1)
    out = np.zeros_like(flat)
    level, slope = np.nan_to_num(np.nanmean(flat[:, :slots], 1)), np.zeros(count)
    season = np.nan_to_num(flat[:, :slots] - level[:, None]).T.copy()
    spread = np.tile(np.nanmean(np.abs(season), 0), (slots, 1)) * 0.5
    for at in range(slots, flat.shape[1]):
        k, known = at % slots, np.isfinite(flat[:, at])
        value = np.where(known, flat[:, at], level + slope + season[k])
        error = value - level - slope - season[k]
        out[:, at] = error / np.maximum(spread[k], TINY)
        before = level
        level = 0.1 * (value - season[k]) + 0.9 * (level + slope)
        slope = 0.0035 * (level - before) + 0.9965 * slope
        season[k] = np.where(known, 0.1 * (value - level) + 0.9 * season[k], season[k])
        spread[k] = np.where(known, 0.1 * np.abs(error) + 0.9 * spread[k], spread[k])
    window, needed = (9, 7) if slots > 24 else (2, 2)
    recent = np.lib.stride_tricks.sliding_window_view(np.pad(np.abs(out), ((0, 0), (window - 1, 0))), window, axis=1)
    return (np.sort(recent, axis=-1)[..., window - needed] * np.sign(out)).reshape(values.shape)


PEERS: dict[str, Callable[[Floats], Floats]] = {
    "three_sigma": three_sigma,
    "zabbix_baselinedev": zabbix_baselinedev,
    "prometheus_band": prometheus_band,
    "prometheus_adaptive": prometheus_adaptive,
    "holt_winters": holt_winters,
}


def _rolling_mean(flat: Floats, width: int) -> Floats:
    """Mean of the last `width` slots of what is present."""
    known = np.isfinite(flat)
    total, count = (np.cumsum(np.pad(part, ((0, 0), (width, 0))), axis=1) for part in (np.where(known, flat, 0.0), known))
    n = count[:, width:] - count[:, :-width]
    return np.where(n > 0, (total[:, width:] - total[:, :-width]) / np.maximum(n, 1), np.nan)


def _ago(flat: Floats, slots: int) -> Floats:
    return np.pad(flat, ((0, 0), (slots, 0)), constant_values=np.nan)[:, : flat.shape[1]]


def _lasting(score: Floats, polls: int) -> Floats:
    """`for:` of an alerting rule: the smallest of the last `polls` scores, 0 where they are not on one side."""
    seen = np.stack([np.pad(score, ((0, 0), (back, 0)))[:, : score.shape[1]] for back in range(polls)])
    alike = (np.sign(seen) == np.sign(seen[0])).all(axis=0)
    return np.where(alike, np.sign(score) * np.abs(seen).min(axis=0), 0)
