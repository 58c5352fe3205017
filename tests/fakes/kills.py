"""Kill -9 of agent, server and database at random under load, answers cut off on the way, and the count of what was lost or
stored twice (figure F1)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from storage.database import connect_owner
from tests.fakes import lineside
from tests.fakes.lossy import Lossy, lossy

VICTIMS = ("agent", "server", "web", "database")
LOAD = Path(__file__).with_name("load_agent.py")
SETTLE = (0.6, 1.8)  # seconds between a recovery and the next kill
PATIENCE = 60.0
SHARE_CUT = 0.15  # of the answers: the batch is stored, the agent does not know
SHARE_CUT_CONTROL = 0.5
INVENTORY: dict[str, Any] = {
    "accounts": [{"id": "acme", "name": "Acme"}],
    "products": [{"id": "line", "name": "Line"}],
    "sites": [{"id": "lab", "name": "Lab"}],
    "elements": [
        {"id": "load", "name": "load", "site": "lab", "address": "127.0.0.1", "sensors": [{"kind": "ping", "interval": 60}]}
    ],
    "services": [{"id": "SP", "name": "SP", "account": "acme", "product": "line", "elements": [{"element": "load"}]}],
}
# The negative control: nothing remembers what was stored, neither the claim nor the primary key.
FORGET = """
alter table sample drop constraint sample_pkey;
create function forget() returns trigger language plpgsql as $$ begin new.seen := '{}'; return new; end $$;
create trigger forget before insert or update on ingest_claim for each row execute function forget();
"""


class Outcome(NamedTuple):
    """Rows the agent made durable, rows found lost or more than once, answers cut off, and the kills done."""

    durable: int
    lost: int
    duplicated: int
    rows_per_s: int
    answers_cut: int
    kills: dict[str, int]
    seconds: float

    @property
    def clean(self) -> bool:
        return self.durable > 0 and self.lost == 0 and self.duplicated == 0


class Stand:
    """The server and the agent under load, and how to kill and revive each."""

    def __init__(self, server: lineside.Lineside, network: Lossy, folder: Path, rate: int) -> None:
        self.server, self.network = server, network
        self.ledger = folder / "ledger"
        self._rate = rate
        self._environment = server.environment | {"LINESIDE_AGENT_STATE": str(folder / "agent")}
        self.agent: subprocess.Popen[bytes] | None = None

    def enrol(self) -> None:
        key = self.server.key()
        self.server.apply(INVENTORY, key)
        token = self.server.command("agent", "token", "--site", "lab", LINESIDE_URL=self.server.url, LINESIDE_KEY=key)
        command = [sys.executable, "-m", "agent.app", "enrol", "--server", self.network.url, "--token", token]
        subprocess.run(command, cwd=lineside.ROOT, env=self._environment, check=True, capture_output=True)

    def start_agent(self, rate: int | None = None) -> None:
        command = [sys.executable, str(LOAD), str(self.ledger), str(self._rate if rate is None else rate)]
        with (self.server.folder / "agent.log").open("ab") as log:
            self.agent = subprocess.Popen(command, cwd=lineside.ROOT, env=self._environment, stdout=log, stderr=log)

    def stop_agent(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self.agent is not None
        self.agent.send_signal(number)
        self.agent.wait(30)

    def kill(self, victim: str) -> None:
        """kill -9, and bring back what nobody else brings back."""
        if victim == "agent":
            self.stop_agent(signal.SIGKILL)
            self.start_agent()
        elif victim == "server":
            self.server.kill_and_restart()
        else:
            word = {"web": "server web", "database": "/postgres"}[victim]
            for pid in self.server.children(word)[:1]:
                os.kill(pid, signal.SIGKILL)
        self.server.wait_ready(PATIENCE)
        self.wait_load()

    def wait_load(self) -> None:
        """Until the agent makes rows durable (again)."""
        before, end = self._written(), time.monotonic() + PATIENCE
        while self._written() <= before:
            if time.monotonic() > end:
                raise RuntimeError("the agent makes nothing durable")
            time.sleep(0.05)

    def _written(self) -> int:
        return self.ledger.stat().st_size if self.ledger.exists() else 0

    def owed(self) -> list[tuple[int, int]]:
        """Ranges of row numbers that the agent's spool made durable."""
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        return [(int(first), int(last)) for first, last in (line.split() for line in lines if line.count(" ") == 1)]


def run(
    folder: Path,
    kills: Sequence[str],
    *,
    rate: int = 6_000,
    seed: int = 1,
    forget: bool = False,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Load at `rate` rows a second, the kills in an order drawn from `seed`; then everything is let drain and counted."""
    order = list(kills)
    chance = random.Random(seed)
    chance.shuffle(order)
    with lineside.running() as server, lossy(server.port, seed) as network:
        stand = Stand(server, network, folder, rate)
        stand.enrol()
        if forget:
            asyncio.run(_ask(server.dsn, FORGET))
        network.share = SHARE_CUT_CONTROL if forget else SHARE_CUT
        stand.start_agent()
        begin = time.monotonic()
        try:
            stand.wait_load()
            for number, victim in enumerate(order, 1):
                time.sleep(chance.uniform(*SETTLE))
                stand.kill(victim)
                say(f"kill {number} of {len(order)}: {victim}")
            time.sleep(1.0 if order else 5.0)
            loaded = time.monotonic() - begin
            stand.stop_agent()
            network.share = 0.0
            stand.start_agent(rate=0)  # and once more, to send what a kill left behind
            lost, duplicated = _drained(server.dsn, stand.owed())
            stand.stop_agent()
        finally:
            if stand.agent is not None and stand.agent.poll() is None:
                stand.agent.kill()
                stand.agent.wait()
        durable = sum(last - first + 1 for first, last in stand.owed())
    counts = {victim: order.count(victim) for victim in sorted(set(order))}
    return Outcome(durable, lost, duplicated, round(durable / loaded), network.cut, counts, round(time.monotonic() - begin, 1))


def _drained(dsn: str, owed: list[tuple[int, int]]) -> tuple[int, int]:
    """Lost and duplicated rows, once nothing is missing or PATIENCE is over."""
    end = time.monotonic() + PATIENCE
    while True:
        lost, duplicated = asyncio.run(_count(dsn, owed))
        if not lost or time.monotonic() > end:
            return lost, duplicated
        time.sleep(0.5)


async def _count(dsn: str, owed: list[tuple[int, int]]) -> tuple[int, int]:
    """Owed row numbers that are not stored, and stored rows beyond the first of their number."""
    con = await connect_owner(dsn)
    try:
        lost = await con.fetchval(
            """select count(*) from (
                 select g from unnest($1::bigint[], $2::bigint[]) as o (first, last), generate_series(o.first, o.last) as g
                 except select value::bigint from sample d join series s on s.id = d.series_id where s.metric = 'load') missing""",
            [first for first, _ in owed],
            [last for _, last in owed],
        )
        duplicated = await con.fetchval(
            """select count(*) - count(distinct value) from sample d join series s on s.id = d.series_id where s.metric = 'load'"""
        )
        return int(lost), int(duplicated)
    finally:
        await con.close()


async def _ask(dsn: str, sql: str) -> None:
    con = await connect_owner(dsn)
    try:
        await con.execute(sql)
    finally:
        await con.close()
