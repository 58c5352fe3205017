"""People and programs that call: API keys and browser sessions, found by the hash of what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection


class CallerRow(NamedTuple):
    """Who showed a credential, and what it allows."""

    tenant_id: int
    id: int
    name: str
    scopes: frozenset[str]


async def by_key(con: Connection, sha256: bytes) -> CallerRow | None:
    """The API key with this SHA-256, unless revoked."""
    row = await con.fetchrow("select tenant_id, id, name, scopes from who_is_api_key($1)", sha256)
    return None if row is None else CallerRow(row["tenant_id"], row["id"], row["name"], frozenset(row["scopes"]))


async def by_cookie(con: Connection, sha256: bytes, now_us: int) -> CallerRow | None:
    """The browser session with this SHA-256, unless expired."""
    row = await con.fetchrow("select tenant_id, id, scopes from who_is_page_session($1, $2)", sha256, to_datetime(now_us))
    return None if row is None else CallerRow(row["tenant_id"], row["id"], "browser", frozenset(row["scopes"]))


async def add_key(con: Connection, tenant_id: int, sha256: bytes, name: str, scopes: Sequence[str], now_us: int) -> None:
    """Record a new API key; the key itself is never stored."""
    await con.execute(
        "insert into api_key (tenant_id, sha256, name, scopes, created_at) values ($1, $2, $3, $4, $5)",
        tenant_id,
        sha256,
        name,
        scopes,
        to_datetime(now_us),
    )


async def add_link(con: Connection, tenant_id: int, sha256: bytes, scopes: Sequence[str], expires_us: int) -> None:
    """Record a one-time link that opens a browser session."""
    await con.execute(
        "insert into page_session (tenant_id, link_sha256, link_expires_at, expires_at, scopes) values ($1, $2, $3, $3, $4)",
        tenant_id,
        sha256,
        to_datetime(expires_us),
        scopes,
    )


async def tenant_of_link(con: Connection, sha256: bytes) -> int | None:
    """The tenant that made this link."""
    value: int | None = await con.fetchval("select tenant_of_page_link($1)", sha256)
    return value


async def redeem_link(con: Connection, link: bytes, cookie: bytes, now_us: int, expires_us: int) -> bool:
    """Turn a link into a session that ends at `expires_us`; False if it was used or has expired."""
    return bool(
        await con.fetchval(
            """update page_session set redeemed_at = $3, cookie_sha256 = $2, expires_at = $4
               where link_sha256 = $1 and redeemed_at is null and link_expires_at > $3 returning true""",
            link,
            cookie,
            to_datetime(now_us),
            to_datetime(expires_us),
        )
    )


async def ensure_tenant(con: Connection, external_id: str, name: str) -> int:
    """The tenant's number; made where missing. `con` is the owner's."""
    await con.execute("insert into tenant (external_id, name) values ($1, $2) on conflict do nothing", external_id, name)
    value: int = await con.fetchval("select id from tenant where external_id = $1", external_id)
    return value


async def tenants(con: Connection) -> list[int]:
    """The numbers of all tenants, for jobs that go through them one by one."""
    return [row["id"] for row in await con.fetch("select id from tenants()")]


async def generation(con: Connection) -> int:
    """Raised when a backup is restored."""
    value: int = await con.fetchval("select generation from installation")
    return value
