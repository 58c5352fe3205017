"""The agent's parts wired together in this process, with a collector that counts its own rows."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent import plans, program
from agent.batcher import Clock, Emit, Row
from agent.config import Settings
from agent.program import Program
from agent.state import Identity
from protocols.errors import ConfigError
from protocols.uplink.plan import Ping, Plan, Target
from tests.fakes.server import Failure, FakeServer

SECRET = "cd" * 32


class Meter:
    """A collector that emits rows of noise as fast as it is told to, each with its own number as value."""

    def __init__(self, rows: int) -> None:
        self.rows, self.made = rows, 0

    async def run(self, targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
        rng = random.Random(1)
        while self.made < self.rows:
            names = [rng.randbytes(60).hex() for _ in range(250)]
            emit([Row(1, "noise", name, self.made + i, float(self.made + i), 0.0) for i, name in enumerate(names)], 60.0)
            self.made += len(names)
            await asyncio.sleep(0.001)
        await asyncio.Event().wait()


@asynccontextmanager
async def running(
    server: FakeServer, folder: Path, meter: Meter, environment: dict[str, str] | None = None, limit: int = 1
) -> AsyncIterator[Program]:
    settings = Settings(state=folder, spool_limit_mib=limit, spool_reserve_mib=0)
    who = Identity(server.url, SECRET, "a1", "7")
    agent = Program(settings, who, "1.0", lambda: 1_700_000_000_000_000, {"ping": meter.run}, environment or {})
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        agent.stop.set()
        await asyncio.wait_for(task, 10)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "TRIAL", 0.02)
    monkeypatch.setattr(program, "TELL", 0.05)
    monkeypatch.setattr(program, "LAST_WORDS", 0.5)


def server() -> FakeServer:
    return FakeServer(plan=Plan("r1", targets=(Target("e", "t", "127.0.0.1", (Ping(1),)),)), secrets={SECRET: "a1"})


async def test_a_spool_that_overflows_while_the_server_is_away_tells_every_row_it_dropped(tmp_path: Path) -> None:
    meter = Meter(40_000)
    async with server() as fake:
        fake.always["ingest"] = Failure(0)
        async with running(fake, tmp_path, meter) as agent:
            await fake.wait_for(lambda: meter.made >= meter.rows, 20)
            agent._batcher.flush()
            await agent._spools["metrics"].commit()
            del fake.always["ingest"]
            await fake.wait_for(lambda: all(lane.segments.pending == 0 for lane in agent._spools.values()), 60)
            await fake.wait_for(lambda: not agent._spools["metrics"].segments.losses)
            await fake.wait_for(lambda: agent._spools["events"].segments.pending == 0)
        stored = fake.values("noise")
        lost = sum(rows for _, _, rows in fake.gaps())
        assert {(lane, reason) for lane, reason, _ in fake.gaps()} == {("metrics", "buffer_full")}
        assert len(stored) == len(set(stored))
        assert lost > 0
        assert len(stored) + lost == meter.made
        assert stored[-1] == meter.made - 1


async def test_a_refused_batch_is_told_as_a_gap(tmp_path: Path) -> None:
    async with server() as fake:
        fake.fail("ingest", Failure(422))
        async with running(fake, tmp_path, Meter(250)):
            await fake.wait_for(fake.gaps)
        assert fake.gaps() == [("metrics", "refused", 250)]


async def test_a_stop_flushes_what_was_measured_even_when_nobody_takes_it(tmp_path: Path) -> None:
    meter = Meter(500)
    async with server() as fake:
        fake.always["ingest"] = Failure(503)
        async with running(fake, tmp_path, meter):
            await fake.wait_for(lambda: meter.made == 500)
        del fake.always["ingest"]
        async with running(fake, tmp_path, Meter(0)):
            await fake.wait_for(lambda: len(fake.values("noise")) == 500)


async def test_the_heartbeat_says_how_deep_the_spool_is_and_what_was_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "BEAT", 0.05)
    async with server() as fake:
        fake.always["ingest"] = Failure(503)
        async with running(fake, tmp_path, Meter(40_000)):
            await fake.wait_for(lambda: fake.beats and fake.beats[-1].dropped.get("metrics.spool.dropped.buffer_full", 0) > 0, 20)
            assert fake.beats[-1].spool_bytes > 100_000
            assert fake.beats[-1].spool_records > 0
            assert fake.beats[-1].plan == "r1"


async def test_turned_away_it_goes_on_measuring(tmp_path: Path) -> None:
    meter = Meter(1_000)
    async with server() as fake, running(fake, tmp_path, meter) as agent:
        await fake.wait_for(lambda: fake.beats)
        fake.secrets.clear()
        await fake.wait_for(lambda: meter.made == 1_000)
        agent._batcher.flush()
        await agent._spools["metrics"].commit()
        assert agent._spools["metrics"].segments.pending + len(fake.order) > 0


async def test_systemd_is_told_ready_alive_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        async with server() as fake, running(fake, tmp_path, Meter(0), environment):
            await asyncio.sleep(0.4)
        told = []
        while True:
            try:
                told.append(sock.recv(100).decode())
            except BlockingIOError:
                break
    assert told[0] == "READY=1"
    assert told[-1] == "STOPPING=1"
    assert told.count("WATCHDOG=1") >= 2


async def test_a_spool_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    async with server() as fake:
        who = Identity(fake.url, SECRET, "a1", "7")
        agent = Program(Settings(state=tmp_path), who, "1.0", lambda: 0, {}, {})
        with pytest.raises(ConfigError, match="Check the folder and the disk"):
            await agent.run()
        await agent._server.close()


@pytest.mark.parametrize("style", ["logfmt", "json"])
def test_a_log_line_is_one_line_whatever_a_peer_wrote(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    from agent import logs

    before = logging.root.handlers[:]
    try:
        logs.start(style)
        logging.getLogger("agent.test").warning("it said %s", 'x"\nlevel=error \x1b[31m', extra={"peer": "a b\n"})
    finally:
        logging.root.handlers[:] = before
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "\x1b" not in err
