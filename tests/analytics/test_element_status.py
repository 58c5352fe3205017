"""Element timelines hold for any samples: whole, in any order, and from whatever instant they are decided."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.element_status import MEASURED, ElementState, element_timeline, judge, same_state
from analytics.network import SECOND, Readings, Sensor
from analytics.rules import Rules, lookback, reach
from analytics.timeline import Span, at_instant

STEP = 60 * SECOND
LONGEST = 2 * STEP
RULES = Rules(flap_changes=3)  # so that short samples flap as well
SENSORS = (
    Sensor(1, "ping", "ping", "reachability"),
    Sensor(2, "snmp", "snmp", "reachability", required=False),
    Sensor(3, "port", "port", "reachability"),
    Sensor(4, "cpu", "values", "condition"),
)
METRICS = {1: ("reachable",), 2: ("reachable", "cpu.load"), 3: ("if.oper_status", "if.admin_status"), 4: ("cpu.load",)}
VALUES = {
    "reachable": (0.0, 0.0, 1.0, 1.0, None),
    "if.oper_status": (1.0, 1.0, 2.0, 2.0, 4.0, 5.0, 7.0, None),
    "if.admin_status": (1.0, 1.0, 1.0, 2.0, None),
    "cpu.load": (50.0, 85.0, 95.0, 95.0, float("nan"), None),
}
Rows = list[tuple[int, float]]
World = tuple[list[Sensor], list[Readings], list[Span[None]]]


def quick(examples: int) -> settings:
    """A machine shared with other work is no reason to fail, so there is no deadline."""
    return settings(max_examples=examples, deadline=None)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Some sensors, their readings over 40 steps with runs and holes, and the agent's silences."""
    sensors = [sensor for sensor in SENSORS if draw(st.booleans())] or [SENSORS[0]]
    readings = []
    for sensor in sensors:
        for metric in METRICS[sensor.id]:
            runs = draw(st.lists(st.tuples(st.sampled_from(VALUES[metric]), st.integers(1, 6)), max_size=12))
            values = [value for value, times in runs for _ in range(times)][:40]
            jitter = draw(st.integers(0, 20)) * SECOND
            rows = [(at * STEP + jitter, value) for at, value in enumerate(values) if value is not None]
            readings.append(slower(series(sensor.id, metric, rows), draw(st.integers(0, 60)) * STEP))
    edges = sorted(draw(st.sets(st.integers(0, 45), max_size=4)))
    silences = [Span(first * STEP, last * STEP, None) for first, last in zip(edges[::2], edges[1::2], strict=False)]
    return sensors, readings, silences


def series(sensor: int, metric: str, rows: Rows) -> Readings:
    ts = np.array([at for at, _ in rows], np.int64)
    value = np.array([number for _, number in rows], np.float64)
    return Readings(sensor, metric, "", ts, value, np.zeros(len(rows), np.uint8), np.full(len(rows), STEP, np.int64))


def slower(of: Readings, since: int) -> Readings:
    """The same series with an interval twice as long from `since` on: staleness follows the interval in force."""
    return of._replace(interval=np.where(of.ts < since, STEP, LONGEST).astype(np.int64))


def picked(of: Readings, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Readings:
    return Readings(of.sensor_id, of.metric, of.instance, of.ts[chosen], of.value[chosen], of.reason[chosen], of.interval[chosen])


def told(spans: list[Span[ElementState]]) -> list[tuple[object, ...]]:
    return [(span.start, span.end, *span.value[:6]) for span in spans]


@quick(50)
@given(worlds(), st.integers(0, 50))
def test_spans_are_sorted_and_cover_all_from_start_to_now(world: World, now: int) -> None:
    sensors, readings, silences = world
    spans, due = element_timeline(sensors, readings, RULES, 0, now * STEP, None, silences)
    assert spans[0].start == 0
    assert spans[-1].end is None
    assert spans[-1].start <= now * STEP
    assert due is None or due > now * STEP
    for one, following in pairwise(spans):
        assert one.end == following.start > one.start
        assert not same_state(one.value, following.value)


@quick(50)
@given(worlds(), st.randoms(use_true_random=False))
def test_neither_order_nor_repeats_of_samples_matter(world: World, rng: random.Random) -> None:
    sensors, readings, silences = world
    mixed = []
    for each in readings:
        order = [*range(len(each.ts)), *(rng.sample(range(len(each.ts)), len(each.ts) // 2))]
        rng.shuffle(order)
        mixed.append(picked(each, np.array(order, np.int64)))
    rng.shuffle(mixed)
    args = (RULES, 0, 60 * STEP, None, silences)
    assert element_timeline(sensors, mixed, *args) == element_timeline(sensors, readings, *args)


@quick(150)
@given(worlds(), st.integers(0, 40 * 60), st.integers(0, 40))
def test_it_does_not_matter_where_a_decision_starts(world: World, start: int, known: int) -> None:
    """What is stored was decided without the news; decided again from `lookback` before them, history is as if from the beginning."""
    sensors, readings, silences = world
    start *= SECOND
    news = start + lookback(RULES, LONGEST) + known * STEP
    old = [picked(each, each.ts < news) for each in readings]
    stored, _ = element_timeline(sensors, old, RULES, 0, 90 * STEP, None, silences)
    seed = at_instant(stored, start)
    assert seed is not None
    loaded = [picked(each, each.ts >= start - reach(RULES, LONGEST)) for each in readings]
    fresh = element_timeline(sensors, loaded, RULES, start, 90 * STEP, seed.value, silences)
    whole = element_timeline(sensors, readings, RULES, start, 90 * STEP, None, silences)
    assert told(fresh[0]) == told(whole[0])
    assert fresh[1] == whole[1]


@quick(50)
@given(worlds())
def test_every_down_has_a_failed_sample_of_each_reachability_sensor(
    world: World,
) -> None:
    sensors, readings, silences = world
    for span in element_timeline(sensors, readings, RULES, 0, 60 * STEP, None, silences)[0]:
        if span.value.raw == "Down":
            failed = {each.sensor_id for each in span.value.evidence if each.metric in RULES.states and each.ts <= span.start}
            assert failed == {
                sensor.id for sensor in sensors if sensor.role == "reachability" and sensor.id in dict(span.value.sensors)
            }


@quick(50)
@given(worlds(), st.integers(0, 60))
def test_what_time_alone_changes_is_due_then(world: World, now: int) -> None:
    sensors, readings, _ = world
    readings = [picked(each, each.ts <= now * STEP) for each in readings]
    before, due = element_timeline(sensors, readings, RULES, 0, now * STEP)
    if due is None:
        assert told(element_timeline(sensors, readings, RULES, 0, 10_000 * STEP)[0]) == told(before)
    else:
        assert told(element_timeline(sensors, readings, RULES, 0, due - 1)[0]) == told(before)
        after = element_timeline(sensors, readings, RULES, 0, due)[0]
        assert after[-1].start == due
        assert told(after)[:-2] == told(before)[:-1]


@quick(200)
@given(st.lists(st.tuples(
    st.sampled_from(["ping", "snmp", "port", "values"]),
    st.sampled_from(["reachability", "condition"]),
    st.booleans(),
    st.sampled_from(["ok", "degraded", "failed", "unknown", "stale", "agent_offline", "never"]),
), max_size=4))  # fmt: skip
def test_a_status_is_never_better_than_its_sensors(parts: list[tuple[str, str, bool, str]]) -> None:
    status, reason = judge(tuple(parts))
    assert (status == "Up") == (reason == "")
    if status == "Up":
        assert all(word == "ok" for _, _, required, word in parts if required)
    if status == "Down":
        assert {word for _, role, _, word in parts if role == "reachability"} == {"failed"}
    if status == "No Data":
        assert reason in ("never", "stale", "agent_offline", "unknown")
    assert status in MEASURED | {"No Data"}


def test_an_unmanaged_element_is_unmanaged_throughout() -> None:
    spans, due = element_timeline(SENSORS, [], RULES, 5, 9, managed=False)
    assert [(span.start, span.end, span.value.raw) for span in spans] == [(5, None, "Unmanaged")]
    assert due is None


def test_without_readings_from_before_the_start_the_seed_is_taken_for_a_sample() -> None:
    seed = ElementState("Up", "Up", "", frozenset(), (), ((1, "ok"),), (), "Up")
    spans, due = element_timeline(SENSORS[:1], [], RULES, 0, STEP, seed)
    assert [span.value.raw for span in spans] == ["Up"]
    assert due == 180 * SECOND


def test_a_sensor_of_another_element_is_not_judged() -> None:
    spans, _ = element_timeline(SENSORS[:1], [series(9, "reachable", [(0, 1.0)])], RULES, 0, STEP)
    assert [span.value.reason for span in spans] == ["never"]
