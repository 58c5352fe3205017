"""What is said when the server, the token or the disk is not as it should be: the cause, once, and what to do."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from agent import app, check, plans, program, state, trouble
from agent.client import Answer, Server
from agent.config import Settings
from agent.program import Program
from tests.agent.lane import packed
from tests.fakes.server import Failure, FakeServer

SECRET = "ef" * 32


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("LINESIDE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LINESIDE_AGENT_STATE", str(tmp_path / "state"))
    handlers = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = handlers


async def enrolling(folder: Path, url: str) -> str:
    """What a person reads who gives the command."""
    with pytest.raises((app.ConfigError, app.Unavailable)) as caught:
        await app._enrol_with(Settings(server=url, state=folder, token="one-time-token"))
    return str(caught.value)


async def test_where_nobody_listens_the_cause_and_the_place_are_said(tmp_path: Path) -> None:
    said = await enrolling(tmp_path, "http://127.0.0.1:1")
    assert "could not enrol this agent now (Connection refused: 127.0.0.1 port 1). Try the same command again." in said
    assert "(Name or service not known: no-such-host.invalid port 443)" in await enrolling(
        tmp_path, "https://no-such-host.invalid"
    )


async def test_https_to_a_server_without_tls_says_what_to_write(tmp_path: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    said = await enrolling(tmp_path, f"https://{place}")
    server.close()
    assert said == f"https://{place} could not enrol this agent now (it does not speak TLS: write http://{place})."


def test_a_server_that_takes_no_connection_in_time_is_said_in_words() -> None:
    place = "127.0.0.1 port 80"
    assert trouble.why(httpx2.ConnectTimeout(""), "http://127.0.0.1") == (f"no answer in time: {place}", True)


async def test_a_redirect_says_where_to(tmp_path: Path) -> None:
    async with FakeServer() as server:
        elsewhere = {"Location": "https://new.example.net/agent/v1/enrol"}
        server.fail("enrol", Failure(301, elsewhere, b""))
        said = await enrolling(tmp_path, server.url)
        assert said.endswith("(it answers with a redirect to https://new.example.net: set that as `server`).")
        server.fail("plan", Failure(308, {"Location": "https://x.example/\x01"}, b""))
        told = check._server(server.url, await _plan(server.url))
        assert told.startswith(f"failed: {server.url} cannot be used: it answers with a redirect to https://x.example/")


async def _plan(url: str) -> Answer:
    server = Server(url, SECRET, "1.0", lambda: 0)
    try:
        return await server.plan("", 0)
    finally:
        await server.close()


@pytest.mark.parametrize("status", [401, 403, 409])
async def test_what_the_server_says_of_the_token_is_said_once(tmp_path: Path, status: int) -> None:
    body = {"title": "Unknown enrolment token", "detail": "Make a new one with `lineside agent token --site SITE`."}
    async with FakeServer() as server:
        server.fail("enrol", Failure(status, {}, json.dumps(body).encode()))
        said = await enrolling(tmp_path, server.url)
    assert said == (
        f"{server.url} did not enrol this agent: Unknown enrolment token: Make a new one with `lineside agent token --site SITE`."
    )


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("enrol --server https://x.invalid --token 1234567", "this token is too short; copy it whole."),
        ("enrol --server https://x.invalid:99999 --token 12345678", "a port is a number from 1 to 65535."),
        ("enrol --server https://x.invalid:0 --token 12345678", "a port is a number from 1 to 65535."),
        ("--config {folder}/no.toml check", "no.toml: the settings cannot be read"),
        ("check --config {folder}/no.toml", "no.toml: the settings cannot be read"),
    ],
)
def test_a_wrong_command_says_what_to_change(command: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(command.format(folder=tmp_path).split()) == 1
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_a_state_path_that_is_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").write_text("")
    assert app.main(["run"]) == 1
    assert "it is no folder" in capsys.readouterr().err


def test_who_holds_the_state_folder_is_said_with_its_name_and_server(tmp_path: Path) -> None:
    state.keep_identity(tmp_path, state.Identity("https://x.example", SECRET, "a1", "7"))
    with (
        state.locked(tmp_path),
        pytest.raises(app.ConfigError, match=r"\(it is enrolled as a1 at https://x\.example\)"),
        state.locked(tmp_path),
    ):
        pass


async def test_a_revoked_agent_says_so_once_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plans, "TRIAL", 0.02)
    monkeypatch.setattr(program, "TELL", 0.02)
    monkeypatch.setattr(program, "LAST_WORDS", 0.1)
    async with FakeServer() as server:  # it knows no secret
        who = state.Identity(server.url, SECRET, "a1", "7")
        agent = Program(Settings(state=tmp_path, spool_reserve_mib=0), who, "1.0", lambda: 0, {}, {})
        task = asyncio.create_task(agent.run())
        await server.wait_for(lambda: len(server.requests) >= 2)
        for lane in agent._spools.values():
            lane.append(packed())
        await server.wait_for(
            lambda: {request.path.split("/")[4] for request in server.ingests()} == {"metrics", "events", "flows"}
        )
        await asyncio.sleep(0.1)
        agent.stop.set()
        await task
        told = check._server(server.url, await _plan(server.url))
    anew = f"enrol this agent anew: `lineside-agent enrol --server {server.url} --token T`"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"{server.url} does not accept this agent (No): sending has stopped, measuring and spooling go on; {anew}"
    ]
    assert told == f"failed: {server.url} does not accept this agent (No); {anew}."


async def test_check_and_run_say_alike_that_the_reserve_is_not_met(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(state=tmp_path, spool_reserve_mib=1 << 30)
    assert not check._folder(settings)
    said = capsys.readouterr().out.strip().removeprefix("failed: ").partition(" MiB free, ")[2]
    assert said.startswith("1073741824 stay free")
    async with FakeServer(secrets={SECRET: "a1"}) as server:
        agent = Program(settings, state.Identity(server.url, SECRET, "a1", "7"), "1.0", lambda: 0, {}, {})
        agent.stop.set()
        await agent.run()
    (line,) = [message for message in caplog.messages if message.startswith("measurements will be lost: ")]
    assert f"{line.partition(' MiB free, ')[2]}." == said


@pytest.mark.parametrize("lane", ["metrics", "events"])
def test_check_tries_whether_each_lane_can_be_written(tmp_path: Path, lane: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(state=tmp_path, spool_reserve_mib=0)
    assert check._folder(settings)
    (tmp_path / "spool").mkdir()
    assert check._folder(settings)
    (tmp_path / "spool" / lane).write_text("in the way")
    assert not check._folder(settings)
    assert f"failed: the spool in {tmp_path}/spool/{lane} cannot be written: Not a directory." in capsys.readouterr().out


async def test_a_silent_end_of_the_connection_is_still_told(tmp_path: Path) -> None:
    async with FakeServer() as server:
        server.fail("enrol", Failure(0))
        said = await enrolling(tmp_path, server.url)
    assert "could not enrol this agent now (" in said
    assert "()" not in said
