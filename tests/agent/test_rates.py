"""Counter stories: what became of a counter between two polls, and whether a rate may be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rates import Limits, Mark, Rate, Rates, Reading, elapsed, measure

WRAP32 = 1 << 32
GIGABIT = 1e9 / 8  # octets a second
HC = Limits(64, GIGABIT)
LOW = Limits(32, GIGABIT)
SLOW = Limits(32, 100e6 / 8)
NEVER_WRAPS = Limits(32, GIGABIT, wraps=False)


def at(seconds: float, value: int, **more: int) -> Reading:
    """A reading of a device that came up when our clock was 0, at `seconds`."""
    boots, engine = more.pop("boots", None), more.pop("engine", None)
    uptime = more.pop("uptime", round(seconds * 100) % WRAP32)
    return Reading(value, Mark(uptime, seconds, boots, engine), **more)  # type: ignore[arg-type]


def rate(old: Reading, new: Reading, limits: Limits = HC) -> Rate | None:
    return measure(old, new, limits)[0]


def test_a_rate_is_the_difference_over_the_devices_own_time() -> None:
    old, new = at(1000, 5_000), at(1060, 11_000, uptime=106_200)  # by its clock it were 62 s
    assert rate(old, new) == Rate(6_000 / 62, 62.0)


def test_a_counter_at_rest_has_the_rate_zero() -> None:
    assert rate(at(0, 7), at(60, 7)) == Rate(0.0, 60.0)


def test_the_first_reading_gives_no_rate() -> None:
    rates = Rates()
    assert rates.observe(("eth0", b"x"), at(0, 1), HC) is None
    assert rates.observe(("eth0", b"x"), at(60, 61), HC) == Rate(1.0, 60.0)


def test_a_restarted_agent_loses_one_interval() -> None:
    told = []
    rates = Rates()
    for minute in range(6):
        if minute == 3:
            rates = Rates()
        told.append(rates.observe(("eth0", b"x"), at(60 * minute, 600 * minute), HC))
    assert [each is not None for each in told] == [False, True, True, False, True, True]


def test_a_32_bit_counter_wraps() -> None:
    assert rate(at(0, WRAP32 - 1_000), at(60, 5_000), SLOW) == Rate(100.0, 60.0)


def test_a_32_bit_counter_at_a_gigabit_is_believed_below_34_seconds_only() -> None:
    assert rate(at(0, 0), at(34, 100_000_000), LOW) is not None
    assert rate(at(0, 0), at(35, 100_000_000), LOW) is None
    assert rate(at(0, 0), at(60, 100_000_000), Limits(64, GIGABIT)) is not None


def test_a_32_bit_counter_that_would_be_faster_than_its_line_was_reset() -> None:
    assert rate(at(0, 3_000_000_000), at(60, 1_000), SLOW) is None  # 1.3e9 octets, 170 Mbit/s on a line of 100
    assert rate(at(60, 1_000), at(120, 2_000), SLOW) is not None


def test_a_falling_32_bit_counter_of_a_line_of_unknown_speed_was_reset() -> None:
    unknown = Limits(32, None)
    assert rate(at(0, WRAP32 - 1_000), at(60, 5_000), unknown) is None
    assert rate(at(0, 1_000), at(60, 7_000), unknown) == Rate(100.0, 60.0)


def test_a_falling_32_bit_counter_of_errors_was_cleared() -> None:
    assert rate(at(0, 4_000), at(60, 10), NEVER_WRAPS) is None


def test_a_falling_64_bit_counter_was_reset() -> None:
    assert rate(at(0, 10**15), at(60, 10**15 - 1)) is None


def test_a_counter_that_fell_and_leaps_back_gives_no_spike() -> None:
    """A device that answers 0 once: what follows looks like all its traffic since boot within one minute."""
    rates, key = Rates(), ("eth0", b"x")
    story = [at(0, 10**13), at(60, 10**13 + 6_000), at(120, 0), at(180, 10**13 + 18_000), at(240, 10**13 + 24_000)]
    assert [rates.observe(key, reading, HC) for reading in story] == [None, Rate(100.0, 60.0), None, None, Rate(100.0, 60.0)]


def test_a_counter_that_fell_on_a_line_of_unknown_speed_waits_one_interval_more() -> None:
    rates, key = Rates(), ("eth0", b"x")
    story = [at(0, 10**13), at(60, 0), at(120, 10**13), at(180, 10**13 + 6_000)]
    told = [rates.observe(key, reading, Limits(64, None)) for reading in story]
    assert told == [None, None, None, Rate(100.0, 60.0)]


@pytest.mark.parametrize(("share", "believed"), [(1.0, True), (1.09, True), (1.11, False)])
def test_a_32_bit_counter_may_be_a_tenth_faster_than_its_line(share: float, believed: bool) -> None:
    assert (rate(at(0, 0), at(60, int(share * 60 * 100e6 / 8)), SLOW) is not None) is believed


@pytest.mark.parametrize(
    ("ours", "theirs", "believed"),
    [
        (60, 60, True),
        (60, 70, True),
        (60, 72, False),
        (60, 50, True),
        (60, 48, False),
        (1, 6, True),
        (1, 7, False),
        (600, 660, True),
    ],
)
def test_a_clock_that_is_off_by_more_than_a_tenth_and_5_seconds_is_not_believed(ours: int, theirs: int, believed: bool) -> None:
    assert (rate(at(0, 0), at(ours, 100, uptime=theirs * 100)) is not None) is believed


def test_a_counter_that_was_cleared_goes_on_where_the_speed_vouches_for_it() -> None:
    rates, key = Rates(), ("eth0", b"x")
    story = [at(0, 10**13), at(60, 500), at(120, 6_500)]
    assert [rates.observe(key, reading, HC) for reading in story] == [None, None, Rate(100.0, 60.0)]


def test_a_64_bit_counter_may_exceed_a_stated_speed() -> None:
    """Tunnels state 9 kbit/s and carry what they like."""
    assert rate(at(0, 0), at(60, 60_000_000), Limits(64, 9_000 / 8)) == Rate(1e6, 60.0)


@pytest.mark.parametrize("known", [True, False])
def test_a_reboot_ends_the_segment(known: bool) -> None:
    old = at(10_000, 5_000, **({"boots": 3, "engine": 10_000} if known else {}))
    new = at(10_060, 9_000, uptime=1_500, **({"boots": 4, "engine": 15} if known else {}))
    assert elapsed(old.mark, new.mark) is None
    assert rate(old, new) is None
    assert measure(old, new, HC)[1] == new


def test_a_reboot_is_seen_even_when_the_uptime_has_grown_beyond() -> None:
    """Up for 20 s, unseen for ten minutes, and up for 280 s now."""
    assert rate(at(20, 1_000), at(620, 900_000, uptime=28_000)) is None


def test_more_boots_are_a_reboot_whatever_the_uptime_says() -> None:
    assert rate(at(1000, 5, boots=1, engine=1000), at(1060, 6, boots=2, engine=1060)) is None


@pytest.mark.parametrize("known", [True, False])
def test_after_497_days_the_uptime_wraps_and_the_rate_goes_on(known: bool) -> None:
    wrap = WRAP32 / 100
    engine = round(wrap)
    old = at(wrap - 20, 1_000, **({"boots": 3, "engine": engine - 20} if known else {}))
    new = at(wrap + 40, 7_000, **({"boots": 3, "engine": engine + 40} if known else {}))
    assert new.mark.uptime < old.mark.uptime
    assert rate(old, new) == Rate(pytest.approx(100.0), pytest.approx(60.0, abs=0.02))


def test_an_uptime_that_fell_with_engine_time_is_a_reboot_even_near_day_497() -> None:
    wrap = round(WRAP32 / 100)
    old, new = at(wrap - 20, 1_000, boots=3, engine=wrap - 20), at(wrap + 40, 7_000, boots=3, engine=40)
    assert rate(old, new) is None


def test_a_discontinuity_ends_the_segment() -> None:
    assert rate(at(0, 1_000, discontinuity=0), at(60, 7_000, discontinuity=5_500)) is None
    assert rate(at(60, 7_000, discontinuity=5_500), at(120, 13_000, discontinuity=5_500)) == Rate(100.0, 60.0)


def test_a_renumbered_port_is_another_counter() -> None:
    """ifIndex 2 was eth1 and is eth2 now: the key has the name and the OID, so neither meets the other's readings."""
    rates = Rates()
    assert rates.observe(("eth1", b"in.2"), at(0, 1_000), HC) is None
    assert rates.observe(("eth2", b"in.2"), at(60, 9_000_000), HC) is None
    assert rates.observe(("eth1", b"in.3"), at(60, 8_000_000), HC) is None


def test_the_same_answer_twice_changes_nothing() -> None:
    """Some agents refresh their clock only every few seconds: the next rate covers both intervals."""
    rates, key = Rates(), ("eth0", b"x")
    story = [at(0, 0), at(1, 150, uptime=0), at(2, 200)]
    assert [rates.observe(key, reading, HC) for reading in story] == [None, None, Rate(100.0, 2.0)]


def test_a_gap_is_bridged_by_its_mean_but_not_over_more_than_an_hour() -> None:
    assert rate(at(0, 0), at(600, 60_000)) == Rate(100.0, 600.0)
    assert rate(at(0, 0), at(3600, 60_000)) is not None
    assert rate(at(0, 0), at(3601, 60_000)) is None


def test_a_32_bit_counter_sent_with_more_bits_counts_modulo() -> None:
    assert rate(at(0, WRAP32 * 7 - 1_000), at(60, WRAP32 * 7 + 5_000), SLOW) == Rate(100.0, 60.0)


def test_forgotten_counters_begin_anew() -> None:
    rates = Rates()
    rates.observe(("eth0", b"x"), at(0, 1), HC)
    rates.observe(("eth1", b"x"), at(0, 1), HC)
    rates.keep({("eth1", b"x")})
    assert rates.observe(("eth0", b"x"), at(60, 61), HC) is None
    assert rates.observe(("eth1", b"x"), at(60, 61), HC) is not None


steps = st.lists(
    st.tuples(st.floats(0, 200), st.integers(0, 2**40), st.sampled_from(["count", "reboot", "clear", "same"])),
    min_size=1,
    max_size=30,
)


@given(steps, st.sampled_from([32, 64]))
def test_no_story_of_a_line_tells_a_rate_that_the_line_cannot_carry(story: list[tuple[float, int, str]], bits: int) -> None:
    """A device that counts no faster than its line, and reboots and clears at will; unknown boots, so only uptime tells."""
    most = 100e6 / 8
    rates = Rates()
    now, booted, count = 0.0, -1e6, 0
    for seconds, amount, event in story:
        now += seconds
        match event:
            case "reboot":
                booted, count = now - 1, 0
            case "clear":
                count = 0
            case "count":
                count += min(amount, int(seconds * most))
        mark = Mark(int((now - booted) * 100) % WRAP32, now)
        told = rates.observe(("eth0", b"x"), Reading(count % (1 << bits), mark), Limits(bits, most))
        if told is not None:
            assert told.per_second >= 0
            # Hundredths of a second are the best that the device's clock can do.
            assert told.per_second * (told.seconds - 0.01) <= 1.1 * most * told.seconds
