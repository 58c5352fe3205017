"""`lineside-agent check`: everything a start needs, tried once, told in sentences. It never spends the token."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from agent import hearing, state
from agent.batcher import Clock
from agent.budget import MIB, budget_for
from agent.client import Answer, Server, turned_away
from agent.config import Settings, in_clear
from agent.disk import PAGE
from agent.flows import cloud
from agent.plans import KINDS
from agent.spool import LANES
from protocols.errors import ConfigError, DecodeError
from protocols.uplink.listeners import Flow
from protocols.uplink.plan import Plan, Target, decode_plan

Check = Callable[[Target, Any, Plan], Awaitable[str]]
# How a collector's sentence says that all is well.
ANSWERS = re.compile(r"\) (?:answers (?:ping|TCP|HTTPS?|DNS|SNMP) in [0-9.]+ ms|may send )")
TOGETHER = 32  # targets tried at the same time


async def check(settings: Settings, version: str, clock: Clock, checks: Mapping[str, Check]) -> int:
    """Print what works and what does not; 0 = everything does."""
    _say("ok: the settings are valid")
    good = _folder(settings)
    try:
        who = state.identity(settings.state)
    except ConfigError as error:
        return _say(f"failed: {error}")
    if who is None or not who.agent:
        known = who.server if who is not None else settings.server
        hint = "this agent is not enrolled yet. Run `lineside-agent enrol --server URL --token T`."
        if known:
            await _reach(known, version, clock, settings)
        return _say(f"failed: {hint}")
    server = Server(who.server, who.secret, version, clock, settings.ca_file)
    try:
        answer = await server.plan("", 0)
    finally:
        await server.close()
    good &= _say(_server(who.server, answer)) == 0
    plan = _plan(settings, answer)
    if plan is None:
        _say("failed: there is no plan, so no target can be tried")
        return 1
    good &= _flows(settings, plan, clock)
    return 0 if await _targets(plan, checks) and good else 1


def _say(sentence: str) -> int:
    """Print it; 0 when it begins with "ok"."""
    print(sentence, flush=True)  # noqa: T201 - this is the command's answer
    return 0 if sentence.startswith("ok") else 1


def _folder(settings: Settings) -> bool:
    folder = settings.state
    try:
        with state.locked(folder):
            pass
    except ConfigError as error:
        if "already runs" not in str(error):
            return _say(f"failed: {error}") == 0
    budget = budget_for(folder, *(None if n is None else n * MIB for n in (settings.spool_limit_mib, settings.spool_reserve_mib)))
    free = budget.free(folder)
    if not budget.allows(MIB, free):
        return _say(f"failed: {budget.shortage(folder / 'spool', free)}.") == 0
    for lane in LANES:
        try:
            _try_to_write(folder, folder / "spool" / lane)
        except OSError as error:
            what = f"the spool in {folder / 'spool' / lane} cannot be written: {error.strerror}"
            return _say(f"failed: {what}. Check the folder and the disk.") == 0
    return _say(f"ok: the state folder {folder} is usable, the spool may grow to {budget.limit // MIB} MiB") == 0


def _try_to_write(folder: Path, lane: Path) -> None:
    """Write a file without a name into `lane`, or into what is there of its parents up to `folder`. Raises OSError."""
    place = next(path for path in (lane, lane.parent, folder) if os.path.lexists(path))
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(b"\0" * PAGE)


async def _reach(url: str, version: str, clock: Clock, settings: Settings) -> None:
    server = Server(url, "", version, clock, settings.ca_file)
    try:
        answer = await server.plan("", 0)
    finally:
        await server.close()
    _say(f"ok: {url} answers" if answer.status == 401 else _server(url, answer))


def _server(url: str, answer: Answer) -> str:
    if answer.status in (200, 304):
        warning = "; it is http, so everything travels unencrypted: use https" if in_clear(url) else ""
        return f"ok: {url} answers and accepts this agent{warning}"
    if answer.status in (401, 403):
        return f"failed: {turned_away(url, answer)}."
    if answer.status in (404, 426):
        return f"failed: {url} does not speak this agent's protocol ({answer.detail}). Check the address and the versions."
    advice = " Check the address and the network." if answer.passing else ""
    return f"failed: {url} cannot be used: {answer.detail or f'HTTP {answer.status}'}.{advice}"


def _plan(settings: Settings, answer: Answer) -> Plan | None:
    if answer.status == 200:
        try:
            return decode_plan(answer.body)
        except DecodeError as error:
            _say(f"failed: {error}")
    return state.last_plan(settings.state)


def _flows(settings: Settings, plan: Plan, clock: Clock) -> bool:
    """What the agent knows and may use for flows, where the plan has any."""
    if not any(isinstance(sensor, Flow) for target in plan.targets for sensor in target.sensors):
        return True
    if not settings.flow_ports:
        return _say("failed: flows are to be heard, but flow_ports is empty in the settings of this agent.") == 0
    try:
        clouds = cloud.load(settings.state)
    except ConfigError as error:
        return _say(f"failed: {error}") == 0
    _say(f"ok: {cloud.told(clouds, cloud.day(clock()))}")
    granted = hearing.granted()
    enough = granted >= hearing.RECEIVE_BUFFER
    advice = "" if enough else f"; bursts may be lost, so raise net.core.rmem_max to {hearing.RECEIVE_BUFFER}"
    return (
        _say(f"ok: flows are heard on UDP {', '.join(map(str, settings.flow_ports))} with {granted // MIB} MiB of buffer{advice}")
        == 0
    )


async def _targets(plan: Plan, checks: Mapping[str, Check]) -> bool:
    """Try every sensor of the plan once, some at a time."""
    places = asyncio.Semaphore(TOGETHER)

    async def one(target: Target, sensor: object) -> bool:
        kind = next(kind for kind, of in KINDS.items() if isinstance(sensor, of))
        async with places:
            sentence = await checks[kind](target, sensor, plan)
        return _say(f"{'ok' if ANSWERS.search(sentence) else 'failed'}: {sentence}") == 0

    results = await asyncio.gather(*(one(target, sensor) for target in plan.targets for sensor in target.sensors))
    if not results:
        _say("ok: the plan is empty: nothing to measure yet")
    return all(results)
