"""`lineside-agent discover` on recorded devices of many makers, served by snmpsim: kept lists, and a second reader's word."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import app
from agent.discover import ask, profiles
from protocols.uplink.plan import Snmp, Target
from tests import independent_walk
from tests.peers import ROOT, corpus, missing

GOLDEN = ROOT / "tests" / "golden" / "walks"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One snmpsim for all walks, each under its name as community; its UDP port."""
    program = Path(sys.executable).with_name("snmpsim-command-responder")
    if not program.exists():
        missing("snmpsim is not installed: pip install snmpsim==1.2.2 pysmi")
    folder = tmp_path_factory.mktemp("snmpsim")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [program, f"--data-dir={corpus() / 'captures' / 'snmp'}", f"--cache-dir={folder}", "--log-level=error"]
    command += [f"--agent-udpv4-endpoint=127.0.0.1:{port}"]
    command += ["--process-user=root", "--process-group=root"] if os.geteuid() == 0 else []
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process,
    ):
        try:
            _wait_until_it_listens(folder / "log", process)
            yield port
        finally:
            process.terminate()


def _wait_until_it_listens(log: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if "Listening at" in log.read_text(errors="replace"):
            return
        assert process.poll() is None, log.read_text(errors="replace")[-500:]
        time.sleep(0.1)
    pytest.fail("snmpsim does not start")


def listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str) -> list[str]:
    """The lines that the command prints, where no plan is at hand."""
    monkeypatch.setenv("LINESIDE_AGENT_STATE", str(tmp_path))
    assert app.main(["discover", "127.0.0.1", "--json", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_device_gives_the_kept_list(
    name: str, simulator: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = listed(capsys, monkeypatch, tmp_path, "--port", str(simulator), "--community", name)
    assert lines == (GOLDEN / f"{name}.json").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_a_second_reader_confirms_the_kept_list(name: str) -> None:
    walk = independent_walk.read(corpus() / "captures" / "snmp" / f"{name}.snmprec")
    kept = [json.loads(line) for line in (GOLDEN / f"{name}.json").read_text(encoding="utf-8").splitlines()]
    assert independent_walk.contradictions(walk, kept) == []


def test_every_recorded_device_has_a_kept_list() -> None:
    assert sorted(path.stem for path in (corpus() / "captures" / "snmp").glob("*.snmprec")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_second_reader_sees_a_missing_port_and_a_wrong_number(name: str) -> None:
    walk = independent_walk.read(corpus() / "captures" / "snmp" / f"{name}.snmprec")
    kept = [json.loads(line) for line in (GOLDEN / f"{name}.json").read_text(encoding="utf-8").splitlines()]
    ports = [found for found in kept if found["kind"] == "interface"]
    assert independent_walk.contradictions(walk, [found for found in kept if found is not ports[0]])
    changed = copy.deepcopy(kept)
    next(found for found in changed if found["kind"] == "interface")["values"]["if.oper_status"] += 1
    assert independent_walk.contradictions(walk, changed)


async def test_a_wireless_controller_lists_the_clients_of_each_radio(simulator: int, tmp_path: Path) -> None:
    sensor = Snmp(1, "ciscowlc_cbw240ac", ("auto",), simulator)
    found = await ask(Target("x", "x", "127.0.0.1", (sensor,)), sensor, profiles(tmp_path))
    assert found is not None
    clients = {i.name: i.values["wifi.clients"] for i in found.instances if "wifi.clients" in i.values}
    networks = {i.name: i.values["wifi.network.clients"] for i in found.instances if "wifi.network.clients" in i.values}
    assert clients["ap2 radio 1"] == 5
    assert sum(clients.values()) == sum(networks.values()) == 23


def test_an_snmpv3_user_sees_the_same(
    simulator: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user = ["--user", "simulator", "--auth", "md5", "--auth-secret", "auctoritas", "--priv", "des", "--priv-secret", "privatus"]
    lines = listed(capsys, monkeypatch, tmp_path, "--port", str(simulator), *user, "--context", "apc_smx750i")
    assert lines == (GOLDEN / "apc_smx750i.json").read_text(encoding="utf-8").splitlines()
