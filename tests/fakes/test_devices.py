"""The demo's devices: what the file says is there, is there; what is sent as history, is what the devices say of themselves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.batcher import Row
from agent.poller import Poller
from agent.udp import Exchange
from protocols.snmp import message
from protocols.uplink.batch import MAX_ROWS, decode
from protocols.uplink.plan import Snmp, Target
from server.profiles import load_profiles
from tests.fakes import devices, patterns
from tests.fakes.devices import Device
from tests.fakes.patterns import DAY, HOUR, Change, Pattern, values

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging" / "demo"))

import rows
from rows import INTERVAL, Sensors, Series

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "packaging" / "demo" / "devices.yaml"
BIRTH = 1_790_251_200.0 + 3 * HOUR  # a Thursday, 17:00 in Hamburg and 11:00 in Newark
FOUND = {device.name: device for device in devices.load(FILE, BIRTH)}


def month(pattern: Pattern, days: int = 30) -> tuple[patterns.Values, patterns.Values]:
    """(instants, values) of the last days, every 5 minutes."""
    t = np.arange(BIRTH - days * DAY, BIRTH, INTERVAL)
    return t, values(pattern, t)


def busy(t: patterns.Values, zone: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Workdays from 9 to 17."""
    hour, workday = patterns.local(zone, t)
    return workday & (hour >= 9) & (hour < 17)


def test_a_value_does_not_depend_on_what_else_is_asked():
    pattern = FOUND["harbour-rtr-1"].lines[0].rate_out
    t, whole = month(pattern)
    assert [float(values(pattern, t[k : k + 1])[0]) for k in (0, 777, 8000)] == [float(whole[k]) for k in (0, 777, 8000)]
    assert len(np.unique(whole)) > len(whole) * 0.9


def test_what_a_counter_grows_by_is_the_sum_of_its_rates():
    pattern = Pattern(100e6, "office", "Europe/Berlin", BIRTH, seed=7, noise=0.1)
    t = np.arange(BIRTH, BIRTH + 6 * HOUR, 10.0)
    assert patterns.carried(pattern, BIRTH, BIRTH + 6 * HOUR) == pytest.approx(values(pattern, t + 5).sum() * 10)


def test_the_day_is_the_local_one_before_and_after_the_clocks_change():
    before, after = 1_792_836_000.0, 1_792_922_400.0 + HOUR  # 2026-10-24 and -25, noon in Berlin
    hours, workdays = patterns.local("Europe/Berlin", np.array([before, after, after + DAY]))
    assert hours.tolist() == [12.0, 12.0, 12.0]
    assert workdays.tolist() == [False, False, True]


def test_a_change_is_there_in_its_hours_only_also_over_midnight():
    change = Change(BIRTH - DAY, BIRTH, hours=(22, 5))
    hours = np.array([BIRTH - 2 * HOUR, BIRTH - 18 * HOUR, BIRTH - 13 * HOUR, BIRTH - 40 * HOUR])
    assert patterns.active(change, "Europe/Berlin", hours).tolist() == [False, True, True, False]


def test_the_history_of_90_days_is_at_most_4_million_rows():
    whole = [rows.measured(each, Sensors(9, 10 * (each.kind == "voice gateway")), 0.0, DAY) for each in FOUND.values()]
    assert 3_000_000 < 91 * sum(len(series.ts) for found in whole for series in found) <= 4_000_000
    assert len(FOUND) >= 20
    assert len({device.kind for device in FOUND.values()}) >= 5


def test_a_device_that_is_down_says_nothing_but_that_and_an_agent_that_is_off_nothing_at_all():
    device = FOUND["kestrel-fw-1"]
    (start, end), *_ = device.outages
    found = list(rows.measured(device, Sensors(9), start - HOUR, end + HOUR))
    reachable = next(each for each in found if each.metric == "reachable")
    down = (reachable.ts >= start) & (reachable.ts < end)
    assert down.sum() == 6  # half an hour
    assert reachable.value.tolist() == [float(not gone) for gone in down]
    assert reachable.reason is not None
    assert reachable.reason.tolist() == [int(gone) for gone in down]
    assert all(not ((each.ts >= start) & (each.ts < end)).any() for each in found if each is not reachable)
    (start, end), *_ = FOUND["ewr-core-1"].silences
    assert not list(rows.measured(FOUND["ewr-core-1"], Sensors(9), start, end))


def test_a_cable_that_is_out_carries_nothing():
    found = {each.metric: each for each in rows.measured(FOUND["bluefin-rtr-b"], Sensors(9), BIRTH - 4 * HOUR, BIRTH)}
    assert set(found["if.oper_status"].value) == {2.0}
    assert set(found["if.out"].value) == set(found["if.in"].value) == {0.0}
    assert set(found["reachable"].value) == {1.0}


def test_batches_hold_every_row_once_and_none_is_too_large():
    series = [Series(1, "if.in", f"ge{n}", np.arange(9000) * 300.0, np.full(9000, n * 1.0), 300.0) for n in range(5)]
    packed = list(rows.batches(series))
    decoded = [decode(body).samples for body, _ in packed]
    assert sum(size for _, size in packed) == 45_000 == sum(len(each.ts) for each in decoded if each is not None)
    assert max(size for _, size in packed) <= MAX_ROWS
    assert Counter(v for each in decoded if each is not None for v in each.value.tolist()) == dict.fromkeys(
        map(float, range(5)), 9000
    )


def test_traffic_near_what_was_sold_and_traffic_that_only_bursts():
    _, near = month(FOUND["harbour-rtr-1"].lines[0].rate_out)
    assert 0.80 < np.percentile(near, 95) / 250e6 < 1
    t, bursts = month(FOUND["lindgren-rtr-1"].lines[0].rate_out)
    hour, workday = patterns.local("Europe/Berlin", t)
    at_ten = workday & (hour >= 10) & (hour < 11)
    assert np.percentile(bursts, 95) / 100e6 < 0.5
    assert (bursts[at_ten] >= 95e6).mean() >= 0.05


def test_steady_growth_reaches_what_was_sold_within_90_days_and_a_level_shift_does_not():
    def peak(name: str, ago: int) -> float:
        pattern = FOUND[name].lines[0].rate_out
        t = np.arange(BIRTH - (ago + 7) * DAY, BIRTH - ago * DAY, INTERVAL)
        return float(np.percentile(values(pattern, t)[busy(t, pattern.zone)], 95))

    now, before = peak("harbour-rtr-2", 0), peak("harbour-rtr-2", 60)
    assert now < 80e6 < now + (now - before) / 60 * 90
    assert peak("orchard-rtr-1", 42) > 1.7 * peak("orchard-rtr-1", 56)
    assert abs(peak("orchard-rtr-1", 0) - peak("orchard-rtr-1", 35)) < 0.1 * peak("orchard-rtr-1", 0)


def test_storage_grows_towards_its_limit_through_clean_ups():
    disk = next(each for each in FOUND["harbour-erp-1"].measures if each.instance == "/srv/erp")
    t = np.arange(BIRTH - 90 * DAY, BIRTH + 60 * DAY, DAY)
    used = values(disk.pattern, t)
    assert (np.diff(used) < -4).sum() >= 5  # clean-ups
    assert used[:91].max() < 90 < used.max()


def test_a_transfer_that_never_looks_fast_moves_more_and_more():
    pattern = FOUND["ewr-backup-1"].lines[0].rate_in
    _, rate = month(pattern, 60)
    daily = rate.reshape(60, -1).sum(axis=1) * INTERVAL / 8
    assert daily[-7:].mean() > 1.4 * daily[:25].mean()
    assert rate.max() < 60e6


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("lindgren-ap-1", 2.0, 9.0), ("summit-rtr-1", 0.05, 0.2), ("summit-rtr-2", 1.8, 3.5), ("summit-ap-1", 0.7, 1.4)],
)
def test_today_is_or_is_not_as_always(name: str, low: float, high: float):
    device = FOUND[name]
    pattern = device.lines[0].rate_out if device.lines else device.measures[0].pattern
    now, usual = values(pattern, np.arange(BIRTH - 4 * HOUR, BIRTH, INTERVAL)), 0.0
    usual = np.mean(
        [values(pattern, np.arange(BIRTH - w * 7 * DAY - 4 * HOUR, BIRTH - w * 7 * DAY, INTERVAL)).mean() for w in (1, 2, 3)]
    )
    assert low < now.mean() / usual < high


def test_a_line_that_is_full_because_it_is_broken_has_errors():
    line = FOUND["brightside-rtr-1"].lines[0]
    assert values(line.errors, np.array([BIRTH - 80 * HOUR, BIRTH])).tolist() == pytest.approx([0.01, 7.41])


@contextlib.contextmanager
def simulated(birth: float) -> Iterator[dict[str, int]]:
    command = [sys.executable, str(ROOT / "tests" / "fakes" / "site.py"), "--file", str(FILE), "--birth", str(birth)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def polled(exchange: Exchange, device: Device, port: int) -> list[Row]:
    sensor = Snmp(1, community="public", profiles=("auto",), port=port)
    if device.v3:
        secrets = {"auth_secret": "simulated-auth", "priv_secret": "simulated-priv"}
        sensor = Snmp(1, profiles=("auto",), port=port, version="3", user="lineside", auth="sha256", priv="aes128", **secrets)
    poller = Poller(exchange, Target(device.name, device.name, device.address, (sensor,)), sensor, load_profiles())
    await poller.poll(0)
    await asyncio.sleep(2)
    return await poller.poll(2_000_000)


async def test_what_is_sent_as_history_is_what_the_devices_say():
    exchange = Exchange("snmp", message.request_id, Counter())
    now = BIRTH + 100 * HOUR  # only for what the history would be; the site has the machine's clock
    with simulated(BIRTH) as ports:
        some = [device for device in FOUND.values() if device.name != "kestrel-build-1"]  # it is down
        said = await asyncio.gather(*(polled(exchange, device, ports[device.name]) for device in some))
    exchange.close()
    for device, live in zip(some, said, strict=True):
        past = {(e.metric, e.instance): e for e in rows.measured(device, Sensors(1), now - HOUR, now) if e.sensor == 1}
        names = {(row.metric, row.instance) for row in live}
        cut = {(metric, line.name) for line in device.lines if line.outages for metric in ("if.in", "if.out")}
        assert past.keys() - names <= cut, device.name
        held = {
            (row.metric, row.instance): row.seconds for row in live if row.metric not in {"if.in", "if.out", "vpn.in", "vpn.out"}
        }
        assert all((past[key].seconds == 0) == (held[key] == 0) for key in past.keys() & held.keys()), device.name
