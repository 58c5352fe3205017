"""The whole agent as its own process, against a server that keeps the contract."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path

from protocols.uplink.plan import Ping, Plan, Target, Tcp
from tests.fakes.server import Failure, FakeServer

ROOT = Path(__file__).resolve().parents[2]


def environment(state: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LINESIDE", "NOTIFY", "http", "HTTP"))}
    return (
        kept | {"LINESIDE_AGENT_STATE": str(state), "LINESIDE_AGENT_SPOOL_RESERVE_MIB": "0", "PYTHONPATH": str(ROOT)} | settings
    )


async def start(*arguments: str, env: dict[str, str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.app", *arguments, env=env, stdout=pipe, stderr=pipe, cwd="/"
    )


async def finish(process: asyncio.subprocess.Process, seconds: float = 15.0) -> tuple[int, str, str]:
    async with asyncio.timeout(seconds):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def call(*arguments: str, env: dict[str, str]) -> tuple[int, str, str]:
    return await finish(await start(*arguments, env=env))


def tcp_plan(revision: str, url: str, number: int = 5) -> Plan:
    port = int(url.rsplit(":", 1)[1])
    return Plan(revision, targets=(Target("e1", "self", "127.0.0.1", (Tcp(number, port, interval=1.0),)),))


async def test_an_agent_enrols_measures_sends_and_flushes_on_sigterm(tmp_path: Path) -> None:
    env = environment(tmp_path / "state")
    async with FakeServer() as server:
        server.plan = tcp_plan("r1", server.url)
        code, out, err = await call("enrol", "--server", server.url, "--token", "one-time-token", "--name", "a1", env=env)
        assert (code, err) == (0, "")
        secret = next(iter(server.secrets))
        assert secret not in out
        for name in ("agent.json", "plan.json"):
            assert stat.S_IMODE((tmp_path / "state" / name).stat().st_mode) == 0o600
        process = await start("run", env=env)
        await server.wait_for(lambda: len(server.values("connect_time")) >= 2)
        await server.wait_for(lambda: server.beats and server.beats[-1].plan == "r1")
        process.send_signal(signal.SIGTERM)
        code, _, err = await finish(process)
        assert code == 0, err
        assert "Traceback" not in err
        assert "spooled=0" in err.splitlines()[-1]
        assert set(server.values("reachable")) == {1.0}
        assert server.duplicates == 0
        seqs = [seq for lane, _, seq in server.order if lane == "metrics"]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_what_was_measured_while_the_server_was_away_arrives_after_a_restart(tmp_path: Path) -> None:
    env = environment(tmp_path / "state")
    async with FakeServer() as server:
        server.plan = tcp_plan("r1", server.url)
        assert (await call("enrol", "--server", server.url, "--token", "one-time-token", env=env))[0] == 0
        server.always["ingest"] = Failure(503)
        process = await start("run", env=env)
        await server.wait_for(lambda: len(server.ingests()) >= 2)
        process.send_signal(signal.SIGKILL)
        await finish(process)
        first = server.ingests()[0]
        assert all(request.body == first.body for request in server.ingests())
        del server.always["ingest"]
        process = await start("run", env=env)
        await server.wait_for(lambda: len({epoch for _, epoch, _ in server.order}) == 2)
        process.send_signal(signal.SIGTERM)
        assert (await finish(process))[0] == 0
        assert server.order[0][1:] == (first.path.split("/")[-2], 1)


async def test_a_new_plan_is_applied_and_a_bad_one_is_reported(tmp_path: Path) -> None:
    env = environment(tmp_path / "state", LINESIDE_AGENT_TOKEN="env:TOKEN", TOKEN="one-time-token")
    async with FakeServer() as server:
        env["LINESIDE_AGENT_SERVER"] = server.url
        process = await start("run", env=env)
        await server.wait_for(lambda: server.beats and server.beats[-1].plan == "r1")
        twice = Target("e1", "self", "127.0.0.1", (Tcp(5, 9), Ping(5)))
        await server.replan(Plan("r2", targets=(twice,)))
        await server.wait_for(lambda: "twice" in server.beats[-1].plan_error)
        assert server.beats[-1].plan == "r1"
        await server.replan(tcp_plan("r3", server.url))
        await server.wait_for(lambda: server.beats[-1].plan == "r3" and server.beats[-1].plan_error == "")
        await server.wait_for(lambda: server.values("reachable"))
        process.send_signal(signal.SIGINT)
        assert (await finish(process))[0] == 0
    assert json.loads((tmp_path / "state" / "plan.json").read_bytes())["revision"] == "r3"


async def test_check_tells_what_works_and_never_spends_the_token(tmp_path: Path) -> None:
    env = environment(tmp_path / "state", LINESIDE_AGENT_TOKEN="env:TOKEN", TOKEN="one-time-token")
    async with FakeServer() as server:
        env["LINESIDE_AGENT_SERVER"] = server.url
        code, out, _ = await call("check", env=env)
        assert code == 1
        assert "not enrolled yet" in out
        assert not server.used
        server.plan = tcp_plan("r1", server.url)
        assert (await call("enrol", env=env))[0] == 0
        code, out, err = await call("check", env=env)
        assert (code, err) == (0, ""), out + err
        assert "answers and accepts this agent" in out
        assert "answers TCP in" in out
    code, out, _ = await call("check", env=env)
    assert code == 1
    assert "cannot be used" in out


async def test_a_second_agent_on_the_same_state_folder_is_refused(tmp_path: Path) -> None:
    env = environment(tmp_path / "state")
    async with FakeServer() as server:
        assert (await call("enrol", "--server", server.url, "--token", "one-time-token", env=env))[0] == 0
        process = await start("run", env=env)
        await server.wait_for(lambda: server.beats)
        code, _, err = await call("run", env=env)
        assert code == 1
        assert "another agent already runs" in err
        process.send_signal(signal.SIGTERM)
        assert (await finish(process))[0] == 0


async def test_a_stop_while_the_server_is_away_is_quick(tmp_path: Path) -> None:
    env = environment(tmp_path / "state")
    async with FakeServer() as server:
        server.plan = tcp_plan("r1", server.url)
        assert (await call("enrol", "--server", server.url, "--token", "one-time-token", env=env))[0] == 0
        server.always["ingest"] = Failure(0)
        process = await start("run", env=env)
        await server.wait_for(server.ingests)
        begun = asyncio.get_running_loop().time()
        process.send_signal(signal.SIGTERM)
        code, _, err = await finish(process)
        assert code == 0
        assert asyncio.get_running_loop().time() - begun < 1.5
        assert "msg=stopped spooled=" in err.splitlines()[-1]
        assert "spooled=0" not in err.splitlines()[-1]
