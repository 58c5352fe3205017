"""Enrolment: the same secret again after a lost answer, and a sentence for every refusal."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agent import enrolment, state
from protocols.errors import ConfigError, Unavailable
from tests.fakes.server import Failure, FakeServer


async def enrol(folder: Path, url: str, token: str = "one-time-token") -> state.Identity:
    who = enrolment.prepare(folder, url, "a1")
    return await enrolment.enrol(folder, who, token, "1.0", lambda: 0, None)


async def test_the_secret_is_kept_before_it_is_sent_and_sent_again_after_a_lost_answer(tmp_path: Path) -> None:
    async with FakeServer() as server:
        server.fail("enrol", Failure(0, after=True))
        with pytest.raises(Unavailable, match="Try the same command again"):
            await enrol(tmp_path, server.url)
        kept = state.identity(tmp_path)
        assert kept is not None
        assert stat.S_IMODE((tmp_path / "agent.json").stat().st_mode) == 0o600
        who = await enrol(tmp_path, server.url)
        assert who.secret == kept.secret
        assert server.secrets == {who.secret: "a1"}
        assert (who.agent, who.site) == ("7", "here")
        assert state.last_plan(tmp_path) == server.plan


async def test_another_secret_with_the_same_token_is_refused(tmp_path: Path) -> None:
    async with FakeServer() as server:
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        await enrol(tmp_path / "one", server.url)
        with pytest.raises(ConfigError, match="the token was used with another secret"):
            await enrol(tmp_path / "two", server.url)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "unknown, expired or already used"),
        (404, "no Lineside server"),
        (422, "Check the token"),
        (426, "Update this agent"),
    ],
)
async def test_a_refusal_says_what_to_do(tmp_path: Path, status: int, says: str) -> None:
    async with FakeServer() as server:
        server.fail("enrol", Failure(status, {}, b""))
        with pytest.raises(ConfigError, match=says):
            await enrol(tmp_path, server.url)


@pytest.mark.parametrize("failure", [Failure(500), Failure(503), Failure(200, {}, b"<html>log in</html>")])
async def test_what_may_pass_can_be_tried_again(tmp_path: Path, failure: Failure) -> None:
    async with FakeServer() as server:
        server.fail("enrol", failure)
        with pytest.raises(Unavailable):
            await enrol(tmp_path, server.url)


async def test_an_enrolled_agent_is_not_enrolled_twice(tmp_path: Path) -> None:
    async with FakeServer() as server:
        await enrol(tmp_path, server.url)
        with pytest.raises(ConfigError, match="enrolled already"):
            enrolment.prepare(tmp_path, server.url, "a1")


def test_only_one_agent_uses_a_state_folder(tmp_path: Path) -> None:
    with state.locked(tmp_path), pytest.raises(ConfigError, match="already runs"), state.locked(tmp_path):
        pass
    with state.locked(tmp_path):
        pass


def test_a_damaged_identity_is_a_sentence_and_a_damaged_plan_is_none(tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text("{")
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(ConfigError, match="enrol again"):
        state.identity(tmp_path)
    assert state.last_plan(tmp_path) is None


def test_a_state_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="set `state`"), state.locked(tmp_path / "file" / "state"):
        pass
