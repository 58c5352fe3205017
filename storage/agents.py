"""Agents: who they are, what they said of themselves, and when they were heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocols.errors import Refused
from storage import dirty
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.uplink.plan import Enrol, Heartbeat
    from storage.database import Connection

SILENT_US = 90_000_000  # no authenticated request for this long = offline


class AgentRow(NamedTuple):
    """An agent as its credential names it."""

    tenant_id: int
    id: int
    external_id: str
    site_id: int


async def by_secret(con: Connection, sha256: bytes) -> AgentRow | None:
    """The agent whose live secret has this SHA-256."""
    row = await con.fetchrow("select tenant_id, id, external_id, site_id from who_is_agent($1)", sha256)
    return None if row is None else AgentRow(*row)


async def tenant_of_token(con: Connection, sha256: bytes) -> int | None:
    """The tenant that made this enrolment token."""
    value: int | None = await con.fetchval("select tenant_of_enrol_token($1)", sha256)
    return value


async def enrol(con: Connection, tenant_id: int, request: Enrol, token: bytes, secret: bytes, now_us: int) -> AgentRow:
    """Redeem the token whose SHA-256 is `token`; the same token with the same secret gives the same answer again.

    Raises Refused: 403 expired, 409 spent with another secret.
    """
    row = await con.fetchrow(
        "select site_id, expires_at, agent_id, secret_sha256 from enrol_token where tenant_id = $1 and sha256 = $2 for update",
        tenant_id,
        token,
    )
    if row is None:
        raise Refused(403, "Unknown enrolment token", "Make a new one with `lineside agent token --site SITE`.")
    if row["agent_id"] is not None:
        if row["secret_sha256"] == secret:
            known = await con.fetchval(
                "select external_id from agent where tenant_id = $1 and id = $2", tenant_id, row["agent_id"]
            )
            return AgentRow(tenant_id, row["agent_id"], known, row["site_id"])
        detail = "Each token enrols one agent. Make a new one with `lineside agent token --site SITE`."
        raise Refused(409, "Enrolment token already used", detail)
    if row["expires_at"] <= to_datetime(now_us):
        raise Refused(403, "Enrolment token expired", "Make a new one with `lineside agent token --site SITE`.")
    agent = await _insert(con, tenant_id, row["site_id"], request, token, now_us)
    await con.execute(
        "insert into agent_secret (tenant_id, agent_id, sha256, created_at) values ($1, $2, $3, $4)",
        tenant_id,
        agent.id,
        secret,
        to_datetime(now_us),
    )
    await con.execute(
        "update enrol_token set agent_id = $3, secret_sha256 = $4 where tenant_id = $1 and sha256 = $2",
        tenant_id,
        token,
        agent.id,
        secret,
    )
    return agent


async def _insert(con: Connection, tenant_id: int, site_id: int, request: Enrol, token: bytes, now_us: int) -> AgentRow:
    external_id = f"agent-{token.hex()[:12]}"
    agent_id = await con.fetchval(
        """insert into agent (tenant_id, external_id, site_id, name, version, host, enrolled_at)
           values ($1, $2, $3, $4, $5, $6, $7) returning id""",
        tenant_id,
        external_id,
        site_id,
        request.name,
        request.version,
        request.host,
        to_datetime(now_us),
    )
    return AgentRow(tenant_id, agent_id, external_id, site_id)


async def touch(con: Connection, agent: AgentRow, now_us: int) -> None:
    """The agent was heard: its presence goes on, or starts anew after a silence; then its elements are decided again."""
    now = to_datetime(now_us)
    extended = await con.fetchval(
        """update agent_presence set until = greatest(until, $3) where tenant_id = $1 and agent_id = $2 and since = (
             select since from agent_presence where tenant_id = $1 and agent_id = $2 order by since desc limit 1)
             and until >= $4 and not over returning true""",
        agent.tenant_id,
        agent.id,
        now,
        to_datetime(now_us - SILENT_US),
    )
    if not extended:
        await con.execute(
            "insert into agent_presence (tenant_id, agent_id, since, until) values ($1, $2, $3, $3) on conflict do nothing",
            agent.tenant_id,
            agent.id,
            now,
        )
        await dirty.mark_site(con, agent.tenant_id, agent.site_id, now_us)


async def fallen_silent(con: Connection, tenant_id: int, now_us: int) -> list[str]:
    """Agents that were not heard for SILENT_US and of which nobody took note yet; their elements are decided again."""
    rows = await con.fetch(
        """update agent_presence p set over = true from agent a
           where a.tenant_id = p.tenant_id and a.id = p.agent_id and p.tenant_id = $1 and not p.over and p.until < $2
           returning a.external_id, a.site_id, p.until""",
        tenant_id,
        to_datetime(now_us - SILENT_US),
    )
    for row in rows:
        await dirty.mark_site(con, tenant_id, row["site_id"], to_us(row["until"]))
    return [row["external_id"] for row in rows]


async def presence(con: Connection, tenant_id: int, site_ids: Sequence[int], from_us: int) -> dict[int, list[tuple[int, int]]]:
    """When any agent of each site was heard: site -> [(since, until)] in µs, sorted, those that end after `from_us`."""
    rows = await con.fetch(
        """select a.site_id, p.since, p.until from agent_presence p join agent a on a.tenant_id = p.tenant_id and a.id = p.agent_id
           where p.tenant_id = $1 and a.site_id = any($2) and p.until >= $3 order by a.site_id, p.since""",
        tenant_id,
        site_ids,
        to_datetime(from_us - SILENT_US),
    )
    heard: dict[int, list[tuple[int, int]]] = {site: [] for site in site_ids}
    for row in rows:
        heard[row["site_id"]].append((to_us(row["since"]), to_us(row["until"])))
    return heard


async def heartbeat(con: Connection, agent: AgentRow, beat: Heartbeat) -> None:
    """What the agent says of itself, the latest of it."""
    await con.execute(
        """update agent set version = $3, plan_revision = $4, plan_error = $5, spool_bytes = $6, spool_records = $7,
             dropped = $8, errors = $9 where tenant_id = $1 and id = $2""",
        agent.tenant_id,
        agent.id,
        beat.version,
        beat.plan,
        beat.plan_error,
        beat.spool_bytes,
        beat.spool_records,
        beat.dropped,
        beat.errors,
    )


async def note_skew(con: Connection, agent: AgentRow, skew: float) -> None:
    """How far the agent's clock is ahead of ours, seconds."""
    await con.execute("update agent set skew_seconds = $3 where tenant_id = $1 and id = $2", agent.tenant_id, agent.id, skew)


async def revoke(con: Connection, tenant_id: int, external_id: str, now_us: int) -> str | None:
    """From now on none of its credentials opens anything; its name, or None where no such agent has any. What it sent stays."""
    name: str | None = await con.fetchval(
        "update agent set revoked_at = $3 where tenant_id = $1 and external_id = $2 and revoked_at is null returning name",
        tenant_id,
        external_id,
        to_datetime(now_us),
    )
    return name
