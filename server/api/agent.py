"""The agent's four calls: enrol, ingest, plan, heartbeat (contract /agent/v1)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from fastapi import Request
from fastapi.responses import Response

from protocols.errors import DecodeError, Refused
from protocols.uplink.batch import MAX_PACKED, Encoding, decode
from protocols.uplink.plan import Enrol, Enrolled, Heartbeat, Plan, Stored, encode_json
from server.auth import sha256
from server.ingest import Key
from server.operations import Bytes, Operation
from server.plan import make_plan
from storage import agents
from storage.database import as_tenant
from storage.times import SECOND_US

if TYPE_CHECKING:
    from storage.agents import AgentRow

LANES = frozenset({"metrics", "events", "flows"})
EPOCH = re.compile(r"^[0-9a-f]{16}$")
SEQ_MAX = (1 << 62) - 1
MESSAGE_MAX = 64 << 10
LONGEST_WAIT = 60.0
TOUCH_US = 10 * SECOND_US  # how often presence is written, at most
SKEW_WORTH_NOTING = 1.0  # seconds
M = TypeVar("M", bound=msgspec.Struct)


class PlanQuery(msgspec.Struct, frozen=True):
    """How long the answer may wait for a change, in seconds."""

    wait: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0


async def enrol(request: Request) -> Response:
    """Redeem a one-time token.

    403 for an unknown or expired one, 409 for one that was spent with another secret.
    """
    message = await _message(request, Enrol)
    state = request.app.state
    token, now = sha256(message.token), state.clock()
    async with state.pool.acquire() as con:
        tenant_id = await agents.tenant_of_token(con, token)
    if tenant_id is None:
        raise Refused(403, "Unknown enrolment token", "Make a new one with `lineside agent token --site SITE`.")
    async with as_tenant(state.pool, tenant_id) as con:
        agent = await agents.enrol(con, tenant_id, message, token, sha256(message.secret), now)
        await agents.touch(con, agent, now)
        plan = await make_plan(con, agent, state.profiles, state.secret_key, state.clock())
    return _json(Enrolled(agent.external_id, plan.site, now / SECOND_US, plan))


async def ingest(request: Request) -> Response:
    """Store one batch of measurements; the same once more is a duplicate and changes nothing."""
    state, agent = request.app.state, _agent(request)
    key = _key(request)
    # One layer of one encoding: a second layer would be a second chance for a bomb.
    encoding: Encoding = request.headers.get("content-encoding", "identity").strip().lower()  # type: ignore[assignment]
    batch = decode(await _body(request, MAX_PACKED), encoding)
    now = state.clock()
    sent_at = _sent_at(request)
    answer = await state.ingest.store(agent, key, batch, sent_at, now)
    await _heard(request, agent, answer.skew)
    return _json(answer)


async def plan(request: Request) -> Response:
    """Read the plan in force, with its revision as ETag.

    With If-None-Match and `wait`, the answer is held until the plan changes, at most 60 seconds.
    """
    state, agent = request.app.state, _agent(request)
    await _heard(request, agent)
    known = request.headers.get("if-none-match", "").strip('"')
    wait = min(request.state.query.wait, LONGEST_WAIT)
    end = asyncio.get_running_loop().time() + wait
    while True:
        changed = state.inventory_change.next  # before the look, so that no change falls between
        current = await _plan(request, agent)
        left = end - asyncio.get_running_loop().time()
        if current.revision != known or left <= 0 or state.stopping:
            break
        try:
            await asyncio.wait_for(changed.wait(), left)
        except TimeoutError:
            break
    headers = {"ETag": f'"{current.revision}"', "Cache-Control": "no-store"}
    if current.revision == known:
        return Response(status_code=304, headers=headers)
    return Response(encode_json(current), media_type="application/json", headers=headers)


async def heartbeat(request: Request) -> Response:
    """Say how the agent is, every 30 s."""
    state, agent = request.app.state, _agent(request)
    beat = await _message(request, Heartbeat)
    async with as_tenant(state.pool, agent.tenant_id) as con:
        await agents.heartbeat(con, agent, beat)
    await _heard(request, agent)
    return Response(status_code=204)


async def _plan(request: Request, agent: AgentRow) -> Plan:
    state = request.app.state
    async with as_tenant(state.pool, agent.tenant_id) as con:
        return await make_plan(con, agent, state.profiles, state.secret_key, state.clock())


async def _heard(request: Request, agent: AgentRow, skew: float | None = None) -> None:
    """Presence, and the clock's offset when it moved; written at most every few seconds."""
    state = request.app.state
    now = state.clock()
    last_touch, last_skew = state.heard.get(agent.id, (0, 0.0))
    drifted = skew is not None and abs(skew - last_skew) > SKEW_WORTH_NOTING
    if now - last_touch < TOUCH_US and not drifted:
        return
    state.heard[agent.id] = (now, last_skew if skew is None else skew)
    async with as_tenant(state.pool, agent.tenant_id) as con:
        await agents.touch(con, agent, now)
        if skew is not None:
            await agents.note_skew(con, agent, skew)


def _agent(request: Request) -> AgentRow:
    agent: AgentRow = request.state.caller.agent
    return agent


def _key(request: Request) -> Key:
    lane, epoch, seq = (request.path_params[name] for name in ("lane", "epoch", "seq"))
    if lane not in LANES:
        raise Refused(400, "Unknown lane", f"{lane[:40]!r} is none of {', '.join(sorted(LANES))}.")
    if not EPOCH.match(epoch):
        raise Refused(400, "Malformed epoch", "An epoch is 16 lower-case hex digits.")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 20 and int(seq) <= SEQ_MAX):
        raise Refused(400, "Malformed seq", "A sequence number is a whole number from 0 to 2^62 - 1.")
    return Key(lane, epoch, int(seq))


def _sent_at(request: Request) -> float | None:
    text = request.headers.get("x-sent-at")
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e11:
        raise Refused(400, "Malformed X-Sent-At", "It is the sender's clock in seconds since the Unix epoch.")
    return value


async def _body(request: Request, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Raises DecodeError: size."""
    msg = f"the body is larger than {limit} bytes"
    if int(request.headers.get("content-length") or 0) > limit:
        raise DecodeError("size", msg)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise DecodeError("size", msg)
    return bytes(body)


async def _message(request: Request, kind: type[M]) -> M:
    body = await _body(request, MESSAGE_MAX)
    if b"\\u0000" in body:
        raise DecodeError("message", "the message holds the character NUL, which no text here can have")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError("message", f"not a {kind.__name__.lower()} message: {error}") from None


def _json(message: msgspec.Struct) -> Response:
    return Response(encode_json(message), media_type="application/json")


ENROL = Operation("agents", {200: Enrolled}, body=Enrol, problems=(403, 409, 413))
INGEST = Operation(
    "agents",
    {200: Stored},
    body=Bytes("application/octet-stream"),
    problems=(404, 413, 415, 426),
    headers={
        "Content-Encoding": "`zstd` or `identity`: how the batch is packed.",
        "X-Sent-At": "The sender's clock, in seconds since the Unix epoch.",
    },
)
PLAN = Operation(
    "agents", {200: Plan, 304: None}, query=PlanQuery, headers={"If-None-Match": "The ETag of the plan that is known."}
)
HEARTBEAT = Operation("agents", {204: None}, body=Heartbeat, problems=(413,))
