"""Walks end, whatever the device answers."""

from __future__ import annotations

import pytest

from protocols.errors import DecodeError
from protocols.snmp import message, oid, walk
from protocols.snmp.message import VarBind
from protocols.snmp.request import Answer
from protocols.snmp.walk import Walk

IN, OUT = oid.parse("1.3.6.1.2.1.2.2.1.10"), oid.parse("1.3.6.1.2.1.2.2.1.16")


def cell(column: bytes, *index: int, value: int = 0) -> VarBind:
    return VarBind(oid.encode((*oid.arcs(column), *index)), message.COUNTER32, value)


def ok(*binds: VarBind) -> Answer:
    return Answer(0, 0, binds)


def indices(started: Walk, column: int) -> list[str]:
    return [oid.index(index) for index in started.rows[column]]


def test_columns_are_walked_together_and_the_rest_of_a_row_comes_later() -> None:
    started = Walk(b"public", (IN, OUT), 10)
    started.take(ok(cell(IN, 1), cell(OUT, 1), cell(IN, 2)))
    request = started.request
    assert request is not None
    assert [oid.dotted(name) for name in request.oids] == ["1.3.6.1.2.1.2.2.1.10.2", "1.3.6.1.2.1.2.2.1.16.1"]
    started.take(ok(cell(OUT, 1), cell(OUT, 2)))
    assert indices(started, 0) == ["1", "2"]
    assert indices(started, 1) == ["1", "2"]
    started.take(ok(VarBind(request.oids[1], message.END_OF_MIB_VIEW)))
    assert started.request is None


def test_what_follows_a_column_within_an_answer_is_not_its_own() -> None:
    started = Walk(b"public", (IN, OUT), 10)
    started.take(ok(cell(IN, 1), cell(OUT, 1), cell(OUT, 1), cell(OUT, 2), cell(OUT, 2), cell(OUT, 3)))
    assert (indices(started, 0), indices(started, 1)) == (["1"], ["1", "2", "3"])


def test_increasing_is_by_arcs() -> None:
    started = Walk(b"public", (IN,), 10)
    started.take(ok(cell(IN, 127), cell(IN, 128), cell(IN, 16383), cell(IN, 16384), cell(IN, 4294967295)))
    assert indices(started, 0) == ["127", "128", "16383", "16384", "4294967295"]


@pytest.mark.parametrize(
    "binds",
    [
        (cell(IN, 5), cell(IN, 5)),
        (cell(IN, 5), cell(IN, 4)),
        (cell(IN, 16384), cell(IN, 16383)),
        (cell(IN, 5), cell(oid.parse("1.3.6.1.2.1.2.2.1.2"), 1)),  # before the column
        (VarBind(oid.parse("1.3.6.1.2.1.1.1.0"), 4, b"x"),),
    ],
)
def test_a_device_that_does_not_move_on_is_an_error(binds: tuple[VarBind, ...]) -> None:
    with pytest.raises(DecodeError) as caught:
        Walk(b"public", (IN,), 10).take(ok(*binds))
    assert caught.value.kind == "not_increasing"


def test_an_answer_without_varbinds_is_an_error() -> None:
    with pytest.raises(DecodeError) as caught:
        Walk(b"public", (IN,), 10).take(ok())
    assert caught.value.kind == "empty"


def test_a_table_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_CELLS", 100)
    started = Walk(b"public", (IN,), 10)
    for start in range(0, 100, 10):
        started.take(ok(*(cell(IN, start + n) for n in range(10))))
    with pytest.raises(DecodeError) as caught:
        started.take(ok(cell(IN, 100)))
    assert caught.value.kind == "too_many"
