"""Whatever a device says, finding and naming its rows ends with entries and numbers, never with an exception."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import profiles, readings
from agent.rates import Mark
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from server.profiles import load_profiles

TABLES = [table for profile in load_profiles().values() for table in profile.tables]
ARCS = st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 255), min_size=1, max_size=24)
NUMBERS = st.tuples(st.sampled_from((ber.INTEGER, message.COUNTER32, message.GAUGE32)), st.integers(-(2**31), 2**64 - 1))
TEXTS = st.tuples(st.sampled_from((ber.OCTET_STRING, message.OPAQUE, message.IP_ADDRESS)), st.binary(max_size=40))
SAID = NUMBERS | TEXTS | st.tuples(st.sampled_from(sorted(message.ABSENT)), st.none())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_answer_breaks_discovery(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(TABLES))
    suffixes = [oid.encode((1, 3, *arcs))[1:] for arcs in data.draw(st.lists(ARCS, min_size=1, max_size=3))]
    walked: dict[bytes, dict[bytes, VarBind]] = {}
    for column in (*profiles.columns(table), *profiles.details(table)):
        rows = data.draw(st.lists(st.sampled_from(suffixes), unique=True))
        walked[column] = {suffix: VarBind(column + suffix, *data.draw(SAID)) for suffix in rows}
    mark = Mark(0, 0.0)
    said = {bind.oid: (bind, mark) for rows in walked.values() for bind in rows.values()}
    found = profiles.entries(table, walked)
    assert len({entry.instance for entry in found}) == len(found)
    for entry in found:
        assert entry.instance
        assert entry.instance.isprintable()
        for cell in entry.cells:
            value = readings.value(cell, said)
            assert value is None or math.isfinite(value)
