"""What the server's answers make the uploader do, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent import quarantine
from agent.backoff import FIRST, LONGEST, SLOW, Backoff, retry_after
from agent.client import Server, Uploader, trust
from agent.cursor import Position
from agent.records import Record
from agent.segment_files import Entry
from agent.spool import Spool
from protocols.errors import ConfigError
from tests.agent.lane import packed, running
from tests.fakes.server import Failure, FakeServer

SECRET = "ab" * 32


@dataclass
class Bench:
    """An uploader whose waits take no time but are written down."""

    server: FakeServer
    spool: Spool
    folder: Path
    waits: list[float] = field(default_factory=list)
    ceilings: list[float] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    uploader: Uploader | None = None

    def uniform(self, low: float, high: float) -> float:
        self.ceilings.append(high)
        return high / 2

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0.001)

    async def send(self, *numbers: int) -> None:
        for number in numbers:
            self.spool.append(packed(number))
        await self.spool.commit()

    async def sent(self) -> None:
        await self.server.wait_for(lambda: self.spool.segments.pending == 0)


@asynccontextmanager
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with FakeServer(secrets={SECRET: "a1"}) as fake, running() as spool:
        server = Server(fake.url, SECRET, "1.0", lambda: 1_700_000_000_000_000)
        made = Bench(fake, spool, tmp_path / "quarantine")
        made.uploader = Uploader(spool, server, made.folder, made.counters, uniform=made.uniform, sleep=made.sleep)
        task = asyncio.create_task(made.uploader.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await server.close()


async def test_batches_arrive_in_order_once_under_their_identity(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.send(1, 2, 3)
        await b.sent()
        assert [(lane, seq) for lane, _, seq in b.server.order] == [("metrics", 1), ("metrics", 2), ("metrics", 3)]
        request = b.server.ingests()[0]
        assert request.headers["x-sent-at"] == "1700000000.000000"
        assert request.headers["content-encoding"] == "zstd"
        assert request.headers["authorization"] == f"Bearer {SECRET}"
        assert b.server.duplicates == 0


@pytest.mark.parametrize("status", [0, 408, 425, 429, 500, 502, 503, 504, 302, 409])
async def test_what_may_pass_is_sent_again_with_the_same_bytes(tmp_path: Path, status: int) -> None:
    async with bench(tmp_path) as b:
        b.server.fail("ingest", Failure(status), Failure(status))
        await b.send(1, 2)
        await b.sent()
        first, second, third, _ = b.server.ingests()
        assert first.body == second.body == third.body
        assert first.path == second.path == third.path
        assert [seq for _, _, seq in b.server.order] == [1, 2]
        assert b.ceilings == [FIRST, 2 * FIRST]
        assert b.waits == [FIRST / 2, FIRST]


async def test_a_stored_batch_whose_answer_was_lost_is_a_duplicate_and_done(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.server.fail("ingest", Failure(0, after=True))
        await b.send(1, 2)
        await b.sent()
        assert b.server.duplicates == 1
        assert b.counters["upload.duplicate"] == 1


async def test_retry_after_is_a_lower_bound(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.server.fail(
            "ingest", Failure(503, {"Retry-After": "17"}), Failure(429, {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"})
        )
        await b.send(1)
        await b.sent()
        assert b.waits == [17 + FIRST / 2, 30 + FIRST]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_what_the_server_will_never_take_is_set_aside_and_told(tmp_path: Path, status: int) -> None:
    async with bench(tmp_path) as b:
        b.server.fail("ingest", Failure(status))
        await b.send(1, 2)
        await b.sent()
        assert [seq for _, _, seq in b.server.order] == [2]
        (about,) = b.folder.glob("*.json")
        (kept,) = b.folder.glob("*.zst")
        assert kept.read_bytes() == b.server.ingests()[0].body
        assert json.loads(about.read_bytes())["status"] == status
        assert b.spool.segments.losses["refused"].rows == 1
        assert b.waits == []


@pytest.mark.parametrize("status", [401, 403, 404, 426])
async def test_turned_away_it_keeps_everything_and_asks_again_slowly(
    tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agent")
    async with bench(tmp_path) as b:
        b.server.fail("ingest", *[Failure(status)] * 3)
        await b.send(1, 2)
        await b.sent()
        assert [seq for _, _, seq in b.server.order] == [1, 2]
        assert all(wait >= SLOW for wait in b.waits)
        assert len(b.waits) == 3
        said = [message for message in caplog.messages if "sending has stopped" in message]
        assert len(said) == 1
        assert "takes batches again" in caplog.messages[-1]


@pytest.mark.parametrize("body", [b"<html>Please log in to Airport Wi-Fi</html>", b"{}", b""])
async def test_a_captive_portal_acknowledges_nothing(tmp_path: Path, body: bytes) -> None:
    async with bench(tmp_path) as b:
        b.server.fail("ingest", Failure(200, {}, body))
        await b.send(1)
        await b.sent()
        assert len(b.server.stored) == 1
        assert len(b.waits) == 1


async def test_a_dead_server_is_an_outage_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running() as spool:
        server = Server("http://127.0.0.1:1", SECRET, "1.0", lambda: 0)
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            await asyncio.sleep(0)

        uploader = Uploader(spool, server, tmp_path, Counter(), uniform=lambda low, high: high, sleep=sleep)
        task = asyncio.create_task(uploader.run())
        spool.append(packed())
        while len(waits) < 12:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.close()
        assert waits[:12] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
        assert len([message for message in caplog.messages if "cannot be reached" in message]) == 1
        assert spool.segments.pending == 1


def test_backoff_begins_anew_after_a_success() -> None:
    backoff = Backoff(lambda low, high: high)
    assert [backoff.after_failure() for _ in range(9)][-1] == LONGEST
    backoff.success()
    assert backoff.after_failure() == FIRST


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 0), ("", 0), ("7", 7), ("-3", 0), ("nan", 0), ("inf", 3_600), ("999999", 3_600), ("soon", 0), ("1.5", 1.5)],
)
def test_a_retry_after_that_makes_no_sense_is_none(value: str | None, seconds: float) -> None:
    assert retry_after(value, 0.0) == seconds


def test_quarantine_keeps_the_newest_and_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_FILES", 3)
    for seq in range(1, 6):
        assert quarantine.put(tmp_path / "q", "metrics", Entry(Record("aa" * 8, seq, 1, 0, 0, b"x"), Position(1, 0)), 422, "no")
    assert sorted(path.stem.rsplit("-", 1)[1] for path in (tmp_path / "q").glob("*.zst")) == ["3", "4", "5"]
    assert len(list((tmp_path / "q").iterdir())) == 6


def test_an_unusable_ca_file_is_a_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not PEM")
    with pytest.raises(ConfigError, match="cannot be used"):
        trust(tmp_path / "ca.pem")
