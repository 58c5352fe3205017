"""Records of recorded exporters are those that tshark cut: as many or more, in its order, byte for byte."""

from __future__ import annotations

import pytest

from protocols.netflow.decoder import Decoder
from tests.peers import corpus
from tests.protocols.netflow import recorded


@pytest.mark.parametrize("name", recorded.names("tshark") or ["-"])
def test_every_record_of_tshark_is_there(name: str) -> None:
    corpus()
    left = recorded.records(name)
    expected = recorded.loaded("tshark", name)
    assert len(left) >= len(expected)
    for record in expected:  # records of different templates in one datagram may have changed places
        found = next((mine for mine in left if mine.wire.hex().startswith(record)), None)
        assert found is not None, record
        assert found.variable or found.wire.hex() == record
        left.remove(found)


@pytest.mark.parametrize("name", recorded.names("datagrams") or ["-"])
def test_the_counts_are_those_of_the_manifest(name: str) -> None:
    corpus()
    told = {entry["name"].replace("/", "__"): entry for entry in recorded.loaded(".", "manifest")}[name]
    decoded = Decoder().decode(recorded.datagrams(name), recorded.NOW)
    assert sum(map(len, decoded.flows)) == told["flows"]
    assert sum(map(len, decoded.options)) == told["options"]
