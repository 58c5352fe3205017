"""Sentences, times and shapes of the pages, without a database."""

from __future__ import annotations

import pytest

from analytics.status import Cause, Evidence
from protocols.uplink.batch import REASONS
from server import instants
from server.pages import bars, times, tree, words
from storage.views import STATUSES, ElementRow, HistorySpan, LastSample

NOW = 1_795_528_800_000_000  # 24 November 2026, 14:00 UTC
MINUTE = 60_000_000
WARSAW = times.View(NOW, "Europe/Warsaw")


def seen(metric: str, value: float, reason: str = "", name: str = "ping", instance: str = "", ago: int = 10) -> Evidence:
    return Evidence(1, name, metric, instance, NOW - ago * MINUTE, value, reason)


def cause(status: str, *evidence: Evidence, reason: str = "", implied_by: str = "", name: str = "edge1") -> Cause:
    return Cause(1, 1, name, status, reason, implied_by, evidence)


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (
            cause("Down", seen("reachable", 0, "timeout", "snmp"), reason="no_answer"),
            "edge1 does not answer SNMP (no answer in time) since 14:50",
        ),
        (
            cause("Down", seen("reachable", 0, "refused", "web"), seen("reachable", 0, "timeout"), reason="no_answer"),
            "edge1 does not answer web and ping (connection refused, no answer in time) since 14:50",
        ),
        (
            cause("Down", seen("if.oper_status", 7), reason="port_down"),
            "edge1 reports its port as down in a lower layer since 14:50",
        ),
        (
            cause("Down", seen("reachable", 0, "timeout"), reason="no_answer", implied_by="core1"),
            "edge1 is cut off: core1 in front of it is Down since 14:50",
        ),
        (
            cause("Has Issues", seen("reachable", 0, "timeout", "snmp"), reason="management_lost"),
            "edge1 is reachable, but does not answer SNMP (no answer in time) since 14:50",
        ),
        (
            cause("Has Issues", seen("loss", 2)._replace(limit=1.0), reason="loss_limit"),
            "edge1 is not as sold: packet loss is 2 %, the product promises 1 % since 14:50",
        ),
        (cause("Has Issues", seen("cpu.load", 97.25), reason="degraded"), "edge1 has issues: CPU load is 97 % since 14:50"),
        (
            cause("Has Issues", seen("storage.used_percent", 91, instance="/var"), reason="degraded"),
            "edge1 has issues: storage use of /var is 91 % since 14:50",
        ),
        (
            cause("Down", seen("reachable", 0, "http_status", "http"), reason="no_answer"),
            "edge1 does not pass its check by HTTP (the web server reports an error) since 14:50",
        ),
        (
            cause("Has Issues", seen("reachable", 0, "content", "dns"), reason="sensor_failed"),
            "edge1 is reachable, but does not pass its check by DNS (the answer is not the expected one) since 14:50",
        ),
        (
            cause("Has Issues", seen("certificate.days_left", 12.34, instance="http"), reason="degraded"),
            "edge1 has issues: certificate validity of http is 12.3 days since 14:50",
        ),
        (
            cause("Has Issues", seen("jitter", 0.0623, instance="ping"), reason="degraded"),
            "edge1 has issues: jitter of ping is 62.3 ms since 14:50",
        ),
        (cause("Has Issues", seen("if.oper_status", 5), reason="degraded"), "edge1 reports its port as dormant since 14:50"),
        (cause("Has Issues", seen("reachable", 1), reason="flapping"), "edge1 keeps going up and down since 14:50"),
        (
            cause("Has Issues", seen("reachable", 0, "timeout"), reason="flapping"),
            "edge1 does not answer ping (no answer in time) since 14:50 and kept changing before",
        ),
        (
            cause("Has Issues", seen("if.oper_status", 2), reason="flapping"),
            "edge1 reports its port as down since 14:50 and kept changing before",
        ),
        (cause("Has Issues", seen("if.oper_status", 1), reason="flapping"), "edge1 keeps going up and down since 14:50"),
        (cause("No Data", reason="agent_offline"), "edge1: the agent that measures it is silent"),
        (cause("No Data", reason="something new"), "edge1: nothing is known of it"),
        (cause("Has Issues", reason="sensor_failed"), "edge1 has issues: one of its checks fails"),
        (cause("Down", name=""), "An element is Down"),
    ],
)
def test_a_cause_is_a_plain_sentence(item: Cause, sentence: str) -> None:
    assert words.cause(item, WARSAW) == sentence


def test_a_list_names_the_first_cause_and_counts_the_rest() -> None:
    down = cause("Down", seen("reachable", 0, "timeout"), reason="no_answer")
    assert words.why([down, down, down], "Down", "", WARSAW).endswith("since 14:50, and 2 more")
    assert words.why([down], "Has Issues", "redundancy_lost", WARSAW).endswith("; the redundancy is lost")
    assert words.why([], "No Data", "never", WARSAW) == "Nothing has been collected yet"
    assert words.why([down], "Up", "", WARSAW) == ""


def test_every_reason_of_a_failed_poll_and_every_status_has_words() -> None:
    assert set(REASONS) - {""} == set(words.FAILED)
    assert set(STATUSES) | {"Unmanaged"} == set(words.TONE)
    assert set(words.NO_DATA) == set(words.NO_DATA_ACTION)
    assert set(words.HEADLINE) <= set(words.METRICS)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (84_240_000, "bit/s", "84.2 Mbit/s"),
        (100e6, "bit/s", "100 Mbit/s"),
        (20e6, "bit/s", "20 Mbit/s"),
        (999_960, "bit/s", "1000 kbit/s"),
        (0, "bit/s", "0 bit/s"),
        (0.0123, "s", "12.3 ms"),
        (0.00042, "s", "0.42 ms"),
        (3.5, "s", "3.5 s"),
        (97.25, "%", "97 %"),
        (0.5, "%", "0.5 %"),
        (2, "state", "down"),
        (99, "state", "state 99"),
        (float("nan"), "bit/s", "no number"),
        (float("inf"), "%", "no number"),
    ],
)
def test_an_amount_has_three_digits_and_a_unit(value: float, unit: str, text: str) -> None:
    assert words.amount(value, unit) == text


def test_a_reading_says_what_was_last_seen() -> None:
    assert words.reading(LastSample(1, "tcp", 60, "reachable", "tcp", NOW, 1.0, 0)) == "TCP answers"
    assert words.reading(LastSample(1, "ping", 60, "reachable", "ping", NOW, 0.0, 1)) == "ping: no answer in time"
    assert words.reading(LastSample(1, "ping", 60, "reachable", "ping", NOW, 0.0, 99)) == "ping: no answer"
    assert words.reading(LastSample(1, "snmp", 60, "rtt", "snmp", NOW, 0.00047, 0)) == "SNMP 0.47 ms"
    assert words.reading(LastSample(1, "x", 60, "fan.speed", "", NOW, 42.0, 0)) == "fan speed 42"
    assert words.reading(LastSample(1, "web", 60, "response_time", "web", NOW, 0.042, 0), whose=True) == "web response time 42 ms"


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((1, 2, 1), "1 is Down, 2 have issues and 1 has no data."),
        ((2, 0, 0), "2 are Down."),
        ((0, 1, 1_000), "1 has issues and 1,000 have no data."),
        ((0, 0, 0), "All that is in service is Up."),
    ],
)
def test_one_sentence_stands_over_the_list(counts: tuple[int, int, int], sentence: str) -> None:
    down, issues, none = counts
    assert words.attention({"Down": down, "Has Issues": issues, "No Data": none, "Up": 3, "Not in service": 0}) == sentence


def test_what_was_sold_is_short() -> None:
    assert words.sold(100_000_000, 20_000_000) == "100 / 20 Mbit/s"
    assert words.sold(1_000_000_000, 500_000_000) == "1 Gbit/s / 500 Mbit/s"
    assert words.sold(None, 20_000_000) == "– / 20 Mbit/s"
    assert words.sold(None, None) == "–"


def test_names_lose_what_breaks_or_turns_a_line() -> None:
    assert words.plain("a\u202eb\u2066c\x00d\n\te\u200bf") == "abc d ef"
    assert words.plain("نعم \u200cها") == "نعم \u200cها"  # a joiner that Persian needs stays
    assert len(words.plain("x" * 500)) == words.LONGEST_NAME


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "under a minute"),
        (59, "under a minute"),
        (60, "1 min"),
        (38 * 60 + 59, "38 min"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400, "1 day"),
        (90_000, "1 day 1 h"),
        (86_400 * 3 + 3 * 3_600, "3 days 3 h"),
        (86_400 * 400 + 3_600, "400 days"),
    ],
)
def test_a_length_is_cut_off_after_two_units(seconds: int, text: str) -> None:
    assert times.length(seconds * 1_000_000) == text


def test_times_are_local_with_the_day_when_it_is_another() -> None:
    assert WARSAW.clock(NOW) == "15:00"
    assert WARSAW.clock(NOW, seconds=True) == "15:00:00"
    assert WARSAW.clock(NOW - 24 * 60 * MINUTE) == "23 Nov 15:00"
    assert WARSAW.clock(NOW - 365 * 24 * 60 * MINUTE) == "24 Nov 2025 15:00"
    assert WARSAW.abbreviation() == "CET"
    assert times.View(NOW, "Mars/Olympus").clock(NOW) == "14:00"
    assert times.View(NOW, "../../etc/passwd").clock(NOW) == "14:00"
    assert times.utc(NOW) == "24 Nov 2026 14:00:00 UTC"
    assert instants.text(NOW + 1_500) == "2026-11-24T14:00:00.001Z"


def span(start: int, end: int | None, status: str) -> HistorySpan:
    return HistorySpan(start, end, status, "", (), ())


def test_bars_fill_the_window_and_join_neighbours_of_one_status() -> None:
    drawn = bars.bars([span(-5, 10, "Up"), span(10, 20, "Up"), span(20, 30, "Down"), span(40, None, "Up")], 0, 100)
    assert [(b.status, b.start, b.end) for b in drawn] == [
        ("Up", 0, 20),
        ("Down", 20, 30),
        ("", 30, 40),
        ("Up", 40, 100),
    ]
    assert sum(b.width for b in drawn) == pytest.approx(bars.WIDTH, abs=0.1)
    assert bars.totals(drawn) == {"Up": 80, "Down": 10}


def test_bars_without_history_are_one_empty_bar() -> None:
    assert [(b.status, b.start, b.end) for b in bars.bars([], 0, 100)] == [("", 0, 100)]
    assert bars.totals(bars.bars([], 0, 100)) == {}


def element(number: int, *parents: int, group: int | None = None, status: str = "Up", raw: str = "") -> ElementRow:
    named = "uplinks" if group else ""
    return ElementRow(
        number,
        number,
        f"E{number}",
        f"e{number}",
        "",
        "",
        "",
        "",
        "required",
        group,
        named,
        1,
        "",
        parents,
        raw or status,
        status,
        None,
        "",
        (),
        (),
    )


def test_a_tree_has_every_placement_once_even_when_parents_form_a_ring() -> None:
    rows = [element(1), element(2, 1, 5), element(3, 4), element(4, 3), element(5, 1, group=7), element(6, 99)]
    found = [line.element.placement_id for line in tree.lines(rows) if line.element]
    assert sorted(found) == [1, 2, 3, 4, 5, 6]


def test_a_deep_tree_is_walked_without_end_of_stack() -> None:
    rows = [element(i, *([i - 1] if i > 1 else [])) for i in range(1, 901)]
    found = tree.lines(rows)
    assert [line.element.placement_id for line in found if line.element] == list(range(1, 901))
    assert max(line.depth for line in found) == tree.DEEPEST


def test_a_group_counts_usable_members_without_unmanaged_ones() -> None:
    rows = [element(1, group=7), element(2, group=7, status="Has Issues"), element(3, group=7, status="Down")]
    heading = tree.lines([*rows, element(4, group=7, status="Unmanaged")])[0].group
    assert heading is not None
    assert (heading.up, heading.n, heading.down, heading.k) == (2, 3, 1, 1)
    calmed = tree.lines([element(1, group=7), element(2, group=7, status="Has Issues", raw="Down")])[0].group
    assert calmed is not None
    assert (calmed.up, calmed.down) == (1, 1), "what is shown calmed down is not up"
