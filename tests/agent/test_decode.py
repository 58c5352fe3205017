"""`lineside-agent decode`: what it prints of a capture file."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from agent.app import main
from tests.protocols.netflow import messages
from tests.protocols.sflow.samples import SEEDS
from tests.protocols.test_pcap import MACS, classic


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    frames = [
        _frame(payload) for payload in (messages.SEEDS[4], messages.SEEDS[1], b"something else", messages.SEEDS[0], SEEDS[0])
    ]
    path = tmp_path / "flows.pcap"
    path.write_bytes(classic(*frames))
    return path


def _frame(payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", 4000, 2055, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
    return MACS + b"\x08\0" + head + udp


def test_each_record_is_a_json_object_with_names_numbers_and_raw_bytes(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", str(capture), "--json"]) == 0
    told = capsys.readouterr()
    items = [json.loads(line) for line in told.out.splitlines()]
    assert [(item["kind"], item["version"]) for item in items] == [
        ("option", 10), ("flow", 10), ("flow", 9), ("flow", 9), ("flow", 5), ("flow", 5), ("flow", 5), ("counters", 5)
    ]  # fmt: skip
    option, flow, nine = items[:3]
    assert option["fields"]["samplingPacketSpace"] == 999
    assert option["raw"]["6871.33"] == "0001"
    assert flow["raw"]["0.8"] == ["00000000", "00000000"]
    assert flow["raw"]["0.291"] == "ff0008000461626364"
    assert nine["exporter"] == "192.0.2.1"
    assert (nine["domain"], nine["template"], nine["port"]) == (0, 256, 4000)
    assert nine["fields"]["sourceIPv4Address"] == "0.0.0.1"
    assert nine["raw"]["0.8"] == "00000001"
    assert "flows 8" in told.err
    assert "of_another_kind 1" in told.err


def test_people_get_a_line_for_each_record(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", str(capture)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert "sourceIPv4Address=0.0.0.1" in lines[2]


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "empty"), (b"hello, world", "neither a pcap nor a pcapng"), (None, "No such file")]
)
def test_what_is_no_capture_is_one_sentence(
    content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.pcap"
    if content is not None:
        path.write_bytes(content)
    assert main(["decode", str(path)]) == 1
    assert words in capsys.readouterr().err
