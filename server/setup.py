"""What must be true before the server serves: schema, tenant, room for today's rows, and a first link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server import auth
from storage import batches, callers
from storage.migrate import migrate
from storage.times import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.config import Settings
    from storage.database import Connection

DAYS_AHEAD = 3


async def prepare(con: Connection, settings: Settings, now_us: int, say: Callable[[str], None]) -> str:
    """Migrate, make the tenant, make room, and return the token of a one-time link. `con` is the owner's."""
    if done := await migrate(con):
        say(f"brought the database up to date ({len(done)} steps)")
    tenant_id = await callers.ensure_tenant(con, settings.tenant, settings.tenant_name)
    today = now_us // DAY_US
    await batches.ensure_days(con, range(today - 1, today + DAYS_AHEAD))
    return await new_link(con, tenant_id, now_us)


async def new_link(con: Connection, tenant_id: int, now_us: int) -> str:
    """A token that opens one browser session, once, within a day."""
    token = auth.new_secret()
    await callers.add_link(con, tenant_id, auth.sha256(token), auth.LINK_SCOPES, now_us + auth.LINK_US)
    return token


async def new_key(con: Connection, tenant_id: int, name: str, scopes: list[str], now_us: int) -> str:
    """A new API key; it is shown once and never stored."""
    key = auth.new_secret()
    await callers.add_key(con, tenant_id, auth.sha256(key), name, scopes, now_us)
    return key
