"""What other collectors' authors say is in a capture, we say too: every integer, address and string that a packet carries."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from protocols.netflow.elements import element
from tests.peers import corpus
from tests.protocols.netflow import golden_logstash, golden_pmacct, golden_telegraf, recorded
from tests.protocols.netflow.recorded import Record

KINDS: dict[str, ModuleType] = {
    "logstash-spec": golden_logstash,
    "telegraf-line-protocol": golden_telegraf,
    "pmacct-nfacctd": golden_pmacct,
}
GOLDENS = recorded.names("golden") or ["-"]


@pytest.mark.parametrize("name", GOLDENS)
def test_a_golden_is_equal(name: str) -> None:
    corpus()
    golden, records = recorded.loaded("golden", name), recorded.records(name)
    {"logstash-spec": _logstash, "telegraf-line-protocol": _telegraf, "pmacct-nfacctd": _pmacct}[golden["kind"]](
        name, golden, records
    )


def _logstash(_: str, golden: dict[str, Any], records: list[Record]) -> None:
    assert golden["size"] in {None, len(records)}
    pairs = [(record, name, value) for record, name, value in golden["checks"]]
    for record, event in golden["event_index"]:
        pairs += [(record, name, value) for name, value in golden["events"][event]["netflow"].items()]
        pairs += [(record, "@timestamp", golden["events"][event]["@timestamp"])]
    if len(golden["events"]) == len(records):
        pairs += [(row, name, value) for row, event in enumerate(golden["events"]) for name, value in event["netflow"].items()]
    assert len(pairs) > 3
    for record, name, value in pairs:
        ours, theirs = golden_logstash.compared(records[record], name, value)
        assert ours == theirs, (record, name)


def _telegraf(_: str, golden: dict[str, Any], records: list[Record]) -> None:
    assert len(golden["lines"]) == len(records)
    for record, line in zip(records, golden["lines"], strict=True):
        fields = golden_telegraf.parsed(line)
        assert len(fields) > 5
        for name, value in fields.items():
            if name not in golden_telegraf.NOT_CARRIED:
                ours, theirs = golden_telegraf.compared(record, name, value)
                assert ours == theirs, name


def _pmacct(capture: str, golden: dict[str, Any], records: list[Record]) -> None:
    for output, all_rows in golden["outputs"].items():
        rows = [golden_pmacct.flat(row) for row in all_rows if "packets" in row]
        names = _compared(rows)
        assert {"iface_in", "ip_src", "ip_dst", "port_src", "tos"} <= set(names)
        factor = golden_pmacct.RENORMALISED.get((capture, output), 1)
        ours = golden_pmacct.summed(golden_pmacct.ours(records, names, capture))
        assert ours == golden_pmacct.summed(golden_pmacct.expected(rows, names, factor))


def _compared(rows: list[dict[str, Any]]) -> list[str]:
    """The names of a golden that flows carry; all its others are listed."""
    of_flow = all(row.get("mpls_vpn_rd_origin") == "flow" for row in rows)
    names = {name for row in rows for name in row} - {"packets", "bytes"}
    compared = [name for name in names if name in golden_pmacct.WRITTEN and (of_flow or name != "mpls_vpn_rd")]
    assert names - set(compared) <= set(golden_pmacct.NOT_CARRIED)
    return sorted(compared)


@pytest.mark.parametrize("name", GOLDENS)
def test_what_is_listed_as_not_carried_is_no_element_of_the_captures_templates(name: str) -> None:
    corpus()
    golden = recorded.loaded("golden", name)
    kind = KINDS[golden["kind"]]
    there = {key for record in recorded.records(name) for key, _ in record.fields}
    named = {element(*map(int, key.split("."))).name for key in there if not key.startswith("scope")}
    listed = set(kind.NOT_CARRIED) & _names(golden)
    assert not listed & named
    assert not {(name, key) for name in listed for key in kind.WOULD_CARRY.get(name, ()) if key in there}


def _names(golden: dict[str, Any]) -> set[str]:
    """The names of a golden that are not compared."""
    if golden["kind"] == "pmacct-nfacctd":
        rows = [golden_pmacct.flat(row) for rows in golden["outputs"].values() for row in rows if "packets" in row]
        return {name for row in rows for name in row} - set(_compared(rows))
    if golden["kind"] == "telegraf-line-protocol":
        return {name for line in golden["lines"] for name in golden_telegraf.parsed(line)}
    return {name for event in golden["events"] for name in event["netflow"]}
