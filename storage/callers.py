"""People and programs that call: API keys and browser sessions, found by the hash of what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from storage.database import Bound
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
    bound: Bound | None


async def by_key(con: Connection, sha256: bytes) -> CallerRow | None:
    """The API key with this SHA-256, unless revoked."""
    row = await con.fetchrow("select * from who_is_api_key($1)", sha256)
    return None if row is None else _caller(row, row["name"])


async def by_cookie(con: Connection, sha256: bytes, now_us: int) -> CallerRow | None:
    """The browser session with this SHA-256, unless expired."""
    row = await con.fetchrow("select * from who_is_page_session($1, $2)", sha256, to_datetime(now_us))
    return None if row is None else _caller(row, "browser")


def _caller(row: Any, name: str) -> CallerRow:
    bound = Bound(row["account_manager_id"], row["reseller_id"])
    return CallerRow(row["tenant_id"], row["id"], name, frozenset(row["scopes"]), None if bound == (None, None) else bound)


async def bound_to(con: Connection, tenant_id: int, account_manager: str | None, reseller: str | None) -> Bound | None:
    """The binding to the account manager or the reseller (an account) with that external id. Raises KeyError: the id not known."""
    numbers = []
    for table, external_id in (("account_manager", account_manager), ("account", reseller)):
        number = external_id and await con.fetchval(
            f"select id from {table} where tenant_id = $1 and external_id = $2",  # noqa: S608 # two names of ours
            tenant_id,
            external_id,
        )
        if external_id is not None and not number:
            raise KeyError(external_id)
        numbers.append(number or None)
    return None if numbers == [None, None] else Bound(*numbers)


async def add_key(
    con: Connection, tenant_id: int, sha256: bytes, name: str, scopes: Sequence[str], now_us: int, bound: Bound | None = None
) -> None:
    """Record a new API key; the key itself is never stored."""
    await con.execute(
        """insert into api_key (tenant_id, sha256, name, scopes, created_at, account_manager_id, reseller_id)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        tenant_id,
        sha256,
        name,
        scopes,
        to_datetime(now_us),
        *(bound or (None, None)),
    )


async def add_link(
    con: Connection, tenant_id: int, sha256: bytes, scopes: Sequence[str], expires_us: int, bound: Bound | None = None
) -> None:
    """Record a one-time link that opens a browser session."""
    await con.execute(
        """insert into page_session (tenant_id, link_sha256, link_expires_at, expires_at, scopes, account_manager_id, reseller_id)
           values ($1, $2, $3, $3, $4, $5, $6)""",
        tenant_id,
        sha256,
        to_datetime(expires_us),
        scopes,
        *(bound or (None, None)),
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


async def end_session(con: Connection, cookie: bytes, now_us: int) -> None:
    """The browser session with this SHA-256 is over."""
    await con.execute(
        "update page_session set expires_at = least(expires_at, $2) where cookie_sha256 = $1", cookie, to_datetime(now_us)
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
