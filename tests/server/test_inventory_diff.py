"""The difference of two inventories, as a person reads it."""

from dataclasses import dataclass

import pytest

from server.inventory import units
from server.inventory.diff import Difference, Summary, compare, difference, render
from server.inventory.document import (
    Account,
    AddOn,
    Element,
    Group,
    Money,
    Placement,
    Product,
    Sensor,
    Service,
    Threshold,
)


def lines(old, new, *, colour=False, applied=True):
    change = compare(old, new)
    return list(render(difference([change] if change else [], 0 if change else 1, applied=applied), colour=colour))


def test_what_is_equal_is_no_change():
    assert lines(Account("a", "A"), Account("a", "A")) == ["0 to create, 0 to change, 0 to remove, 1 unchanged"]


def test_a_new_record_shows_what_is_not_usual_about_it():
    product = Product("net", "Internet", down_bps=100_000_000, sla_percent=99.9, lead_time_days=14)
    assert lines(None, product) == [
        "+ product net (Internet)",
        "    down_bps: 100 Mbit/s",
        "    sla_percent: 99.9 %",
        "    lead_time_days: 14 d",
        "",
        "1 to create, 0 to change, 0 to remove, 0 unchanged",
    ]


def test_a_change_shows_old_and_new_field_by_field():
    old = Element("e", "Edge", kind="device", sensors=(Sensor("ping", "ping"), Sensor("tcp", "web", port=80)))
    new = Element(
        "e", "Edge", kind="device", site="hq", sensors=(Sensor("ping", "ping", 300), Sensor("snmp", "s", community="hush"))
    )
    text = lines(old, new, applied=False)
    assert text == [
        "~ element e (Edge)",
        "    site: nothing -> hq",
        "    sensors.ping.interval: 1 m -> 5 m",
        "    sensors.s.kind: nothing -> snmp",
        "    sensors.s.interval: nothing -> 1 m",
        "    sensors.s.required: nothing -> true",
        "    sensors.s.community: changed (secret)",
        "    sensors.web.kind: tcp -> nothing",
        "    sensors.web.interval: 1 m -> nothing",
        "    sensors.web.required: true -> nothing",
        "    sensors.web.port: 80 -> nothing",
        "",
        "0 to create, 1 to change, 0 to remove, 0 unchanged (dry run: nothing was changed)",
    ]
    assert "hush" not in "".join(text)


def test_the_parts_of_a_service_are_told_by_what_they_name_not_by_their_order():
    first = Placement("a", criticality="required", parent=("c", "b"))
    second = Placement("b", criticality="required", group="g")
    old = Service("s", "S", "acc", "p", elements=(first, second), groups=(Group("g"),), mrr=Money("5.00", "EUR"))
    same = Service("s", "S", "acc", "p", elements=(second, Placement("a", criticality="required", parent=("b", "c"))), groups=(Group("g"),),
                   mrr=Money("5.00", "EUR"))  # fmt: skip
    assert compare(old, same) is None
    more = Service(
        "s", "S", "acc", "p", elements=(first,), groups=(Group("g", 2),), mrr=Money("6.00", "EUR"), add_ons=(AddOn("burst"),)
    )
    assert lines(old, more)[1:-2] == [
        "    mrr: 5.00 EUR -> 6.00 EUR",
        "    add_ons.burst: nothing -> present",
        "    groups.g.k: 1 -> 2",
        "    elements.b.criticality: required -> nothing",
        "    elements.b.group: g -> nothing",
    ]


def test_a_removal_names_the_record():
    element = Element("e", "e", thresholds={"cpu.load": Threshold(90.0)})
    assert lines(element, None) == ["- element e", "", "0 to create, 0 to change, 1 to remove, 0 unchanged"]


def test_colour_is_for_terminals():
    assert lines(None, Account("a", "A"), colour=True)[0] == "\x1b[32m+ account a (A)\x1b[0m"


def test_the_summary_reads_like_a_sentence():
    assert list(render(Difference((), True, Summary(3, 1, 0, 24)), colour=False)) == [
        "3 to create, 1 to change, 0 to remove, 24 unchanged"
    ]


@dataclass
class Shown:
    value: float
    unit: str
    text: str


@pytest.mark.parametrize(
    "shown",
    [
        Shown(100_000_000, "bit/s", "100 Mbit/s"),
        Shown(1_500_000_000, "bit/s", "1500 Mbit/s"),
        Shown(1, "bit/s", "1 bit/s"),
        Shown(10**12, "B", "1 TB"),
        Shown(64 << 30, "B", "64 GiB"),
        Shown(300.0, "s", "5 m"),
        Shown(2.5, "s", "2.5 s"),
        Shown(86_400.0, "s", "24 h"),
        Shown(50.0, "ms", "50 ms"),
        Shown(99.95, "%", "99.95 %"),
        Shown(14, "d", "14 d"),
    ],
    ids=lambda shown: shown.text,
)
def test_a_quantity_is_shown_in_its_largest_whole_unit_and_can_be_read_back(shown):
    assert units.show(shown.value, shown.unit) == shown.text
    assert float(units.number(shown.text, shown.unit)) == pytest.approx(shown.value)


@pytest.mark.parametrize("text", ["", "fast", "1.2.3", "5 parsec", "1e5", "-", "100 MB/s", "--1"])
def test_what_is_no_quantity_is_none(text):
    assert units.number(text, "bit/s") is None


@pytest.mark.parametrize(
    ("text", "one_form"), [("5", "5.00"), ("5.1000", "5.10"), ("0.1234", "0.1234"), ("-0", "0.00"), ("-0.5", "-0.50")]
)
def test_an_amount_has_one_form(text, one_form):
    assert units.amount(text) == one_form
