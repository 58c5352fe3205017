"""A spool belongs to the identity that measured what is in it: nothing of it ever reaches a server under another one."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from agent import enrolment, ownership, state
from agent.budget import Budget
from agent.config import Settings
from agent.disk import OS
from agent.program import Program
from agent.records import Record
from agent.spool import LANES, Spool, open_segments
from protocols.errors import ConfigError, Unavailable
from tests.agent.lane import EPOCH, packed
from tests.fakes.server import Failure, FakeServer


def something_spooled(folder: Path, who: state.Identity, batches: int = 4) -> None:
    """What a run of `who` leaves that could not reach its server."""
    ownership.claim(folder, who)
    for lane in LANES:
        segments = open_segments(folder / "spool" / lane, Budget(1 << 30, 0), Counter(), OS)
        if lane == "metrics":
            each = [packed(number) for number in range(1, batches + 1)]
            assert segments.write([Record(EPOCH, n, p.rows, p.first, p.last, p.body) for n, p in enumerate(each, 1)])
        segments.close()


async def enrol(folder: Path, server: FakeServer) -> state.Identity:
    who = enrolment.prepare(folder, server.url, "a1")
    return await enrolment.enrol(folder, who, "one-time-token", "1.0", lambda: 0, None)


async def run_until_sent(folder: Path, who: state.Identity, server: FakeServer) -> Counter[str]:
    """Run the agent without any collector, until it has asked for its plan and its spool is empty; what is in its lanes at first."""
    program = Program(Settings(state=folder, spool_reserve_mib=0), who, "1.0", lambda: 0, {}, {})
    task = asyncio.create_task(program.run())
    await server.wait_for(lambda: server.beats)
    lanes: dict[str, Spool] = program._spools
    left = Counter({name: lane.segments.pending for name, lane in lanes.items()})
    await server.wait_for(lambda: not any(lane.segments.pending for lane in lanes.values()))
    program.stop.set()
    await task
    return left


async def test_who_enrols_at_another_server_sends_it_nothing_of_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeServer() as first, FakeServer() as second:
        something_spooled(tmp_path, await enrol(tmp_path, first))
        who = await enrol(tmp_path, second)
        (aside,) = tmp_path.glob("spool.*")
        assert f"4 batches of the earlier enrolment are kept in {aside}, and are not sent" in caplog.messages
        assert list(aside.glob("metrics/*.seg"))
        assert not (tmp_path / "spool").exists()
        await run_until_sent(tmp_path, who, second)
        assert second.order == []
    assert re.fullmatch(r"spool\.[0-9a-f]{8}", aside.name)


async def test_before_the_new_identity_is_kept_the_old_plan_and_spool_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeServer() as first:
        something_spooled(tmp_path, await enrol(tmp_path, first))
        seen: list[bool] = []
        keep = state.keep_identity

        def look(folder: Path, who: state.Identity) -> None:
            seen.append((tmp_path / "spool").exists() or (tmp_path / "plan.json").exists())
            keep(folder, who)

        monkeypatch.setattr(state, "keep_identity", look)
        enrolment.prepare(tmp_path, "https://other.invalid", "a1")
        assert seen == [False]


async def test_an_agent_whose_identity_was_deleted_sends_nothing_of_the_old_one(tmp_path: Path) -> None:
    async with FakeServer() as server:
        something_spooled(tmp_path, await enrol(tmp_path, server))
        (tmp_path / "agent.json").unlink()
        server.used.clear()
        await run_until_sent(tmp_path, await enrol(tmp_path, server), server)
        assert server.order == []
        assert len(list(tmp_path.glob("spool.*"))) == 1


async def test_an_identity_that_was_put_there_by_hand_sends_nothing_of_the_old_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeServer(secrets={"cd" * 32: "a2"}) as server:
        something_spooled(tmp_path, await enrol(tmp_path, server))
        left = await run_until_sent(tmp_path, state.Identity(server.url, "cd" * 32, "a2", "7"), server)
        assert left.total() == 0
        assert server.order == []
        assert any(message.startswith("4 batches of the earlier enrolment") for message in caplog.messages)


async def test_after_a_failed_attempt_the_same_identity_and_its_spool_go_on(tmp_path: Path) -> None:
    async with FakeServer() as server:
        server.fail("enrol", Failure(0, after=True))
        with pytest.raises(Unavailable):
            await enrol(tmp_path, server)
        kept = state.identity(tmp_path)
        assert kept is not None
        who = await enrol(tmp_path, server)
        assert who.secret == kept.secret
        something_spooled(tmp_path, who)
        await run_until_sent(tmp_path, who, server)
        assert len(server.order) == 4
        assert not list(tmp_path.glob("spool.*"))


async def test_trying_again_before_the_server_has_answered_touches_no_spool(tmp_path: Path) -> None:
    who = enrolment.prepare(tmp_path, "https://x.invalid", "a1")
    (tmp_path / "spool").mkdir()
    assert enrolment.prepare(tmp_path, "https://x.invalid", "a1") == who
    assert (tmp_path / "spool").exists()


async def test_a_spool_from_before_this_rule_is_taken_up(tmp_path: Path) -> None:
    async with FakeServer() as server:
        who = await enrol(tmp_path, server)
        something_spooled(tmp_path, who)
        (tmp_path / "spool" / "owner").unlink()
        await run_until_sent(tmp_path, who, server)
        assert len(server.order) == 4
        assert (tmp_path / "spool" / "owner").read_text().startswith("7 ")
        assert who.secret not in (tmp_path / "spool" / "owner").read_text()


def test_a_spool_that_cannot_be_set_aside_is_a_sentence_and_no_new_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ownership, "set_aside", read_only)
    with pytest.raises(ConfigError, match="cannot be set aside: Permission denied"):
        enrolment.prepare(tmp_path, "https://x.invalid", "a1")
    assert state.identity(tmp_path) is None
