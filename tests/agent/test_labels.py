"""What rows are called: by their columns, by other tables, by their index."""

from __future__ import annotations

import pytest

from agent import labels, profiles
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.plan import Column, Label, Power, Source, Table

HERE, THERE = "1.3.6.1.4.1.99.1.1.2", "1.3.6.1.4.1.99.2.1.3"


def walked(**values: int | bytes) -> labels.Walked:
    """`here_1_2=b"x"` is the text x at index 1.2 of HERE."""
    found: dict[bytes, dict[bytes, VarBind]] = {}
    for place, value in values.items():
        table, *arcs = place.split("_")
        base = oid.parse(HERE if table == "here" else THERE)
        suffix = oid.encode((1, 3, *map(int, arcs)))[1:]
        tag = ber.INTEGER if isinstance(value, int) else ber.OCTET_STRING
        found.setdefault(base, {})[suffix] = VarBind(base + suffix, tag, value)
    return found


def index(dotted: str) -> bytes:
    return oid.encode((1, 3, *map(int, dotted.split("."))))[1:]


def called(at: str, *options: Source | tuple[Source, ...], **values: int | bytes) -> str:
    return labels.name(Table("t", (), name_oids=options), index(at), walked(**values)).text


def test_a_row_without_names_is_called_by_its_index() -> None:
    assert called("1.20.300") == "1.20.300"


def test_the_first_option_that_says_something_counts() -> None:
    assert called("7", HERE, THERE, here_7=b"", there_7=b"ge-0") == "ge-0"


def test_a_name_stands_in_another_table_under_a_part_of_the_index() -> None:
    option = (Label(oid=THERE, arcs=(0, 2)), Label(arcs=(2, 3), before="radio "))
    assert called("5.6.1", option, there_5_6=b"AP 12") == "AP 12 radio 1"
    assert called("5.6.1", option) == "5.6.1"  # half a name is none


def test_a_name_stands_in_another_table_under_the_value_of_a_column() -> None:
    table = Table("t", (), name_oids=(Label(oid=THERE, by=HERE),))
    known = walked(here_1=22, there_22=b"cpu R0/0")
    named = labels.name(table, index("1"), known)
    assert named.text == "cpu R0/0"
    assert named.identity == (oid.parse(f"{THERE}.22"), known[oid.parse(THERE)][index("22")])
    assert labels.name(table, index("1"), walked(here_1=0, there_22=b"x")).text == "1"


@pytest.mark.parametrize(
    ("at", "form", "shown"),
    [
        ("0.78.53.194.34.232", "mac", "00:4e:35:c2:22:e8"),
        ("6.0.78.53.194.34.232", "mac", "00:4e:35:c2:22:e8"),
        ("192.0.2.1", "ip", "192.0.2.1"),
        ("4.192.0.2.1", "ip", "192.0.2.1"),
        ("1.4.192.0.2.1", "ip", "192.0.2.1"),
        ("2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1", "ip", "2001:db8::1"),
        ("3.97.98.99", "text", "abc"),
        ("3.97.98", "text", "3.97.98"),  # it does not keep what it promises
        ("300.1", "mac", "300.1"),
        ("300.1", "ip", "300.1"),
    ],
)
def test_an_index_has_a_form(at: str, form: str, shown: str) -> None:
    assert called(at, Label(form=form)) == shown  # type: ignore[arg-type]


def test_a_value_that_is_an_address_is_shown_as_one() -> None:
    assert called("9", Label(oid=HERE, form="ip"), here_9=bytes((192, 0, 2, 7))) == "192.0.2.7"


def test_a_row_states_its_scale_and_precision() -> None:
    column = Column("t", HERE, powers=(Power(THERE, 1000, 9), Power("1.3.6.1.4.1.99.2.1.4", 0.1)))
    precision = oid.parse("1.3.6.1.4.1.99.2.1.4")
    for scale, digits, factor in ((9, 0, 1), (8, 0, 0.001), (10, 2, 10), (9, 1, 0.1)):
        found = dict(walked(here_1=5, there_1=scale)) | {precision: {index("1"): VarBind(b"", ber.INTEGER, digits)}}
        (entry,) = profiles.entries(Table("t", (column,)), found)
        assert entry.cells[0].scale == pytest.approx(factor, rel=1e-12)


def test_a_nonsensical_scale_gives_no_value() -> None:
    column = Column("t", HERE, powers=(Power(THERE, 1000, 9),))
    assert profiles.entries(Table("t", (column,)), walked(here_1=5, there_1=2_000_000_000)) == []


def test_a_row_is_skipped_by_a_value() -> None:
    table = Table("t", (Column("m", HERE),), skip={THERE: (0,)})
    assert [e.instance for e in profiles.entries(table, walked(here_1=1, here_2=1, there_1=0, there_2=9))] == ["2"]


def test_tags_are_read_with_the_name() -> None:
    table = Table("t", (Column("m", HERE),), tags={"alias": THERE, "none": "1.3.6.1.4.1.99.7"})
    (entry,) = profiles.entries(table, walked(here_1=1, there_1=b"to Oslo"))
    assert entry.tags == (("alias", "to Oslo"),)


def test_absent_values_are_no_names() -> None:
    base = oid.parse(HERE)
    assert labels.read(HERE, index("1"), {base: {index("1"): VarBind(base, message.NO_SUCH_INSTANCE)}}).text == ""
