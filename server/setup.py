"""What must be true before the server serves: schema, tenant, room for today's rows, and a first link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import Refused
from server import auth
from storage import batches, callers
from storage.migrate import migrate
from storage.times import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from server.config import Settings
    from storage.database import Bound, Connection

DAYS_AHEAD = 3


async def prepare(con: Connection, settings: Settings, now_us: int, say: Callable[[str], None]) -> str:
    """Migrate, make the tenant, make room, and return the token of a one-time link. `con` is the owner's."""
    if done := await migrate(con):
        say(f"brought the database up to date ({len(done)} steps)")
    tenant_id = await callers.ensure_tenant(con, settings.tenant, settings.tenant_name)
    today = now_us // DAY_US
    await batches.ensure_days(con, range(today - 1, today + DAYS_AHEAD))
    return await new_link(con, tenant_id, now_us)


async def new_link(con: Connection, tenant_id: int, now_us: int, bound: Bound | None = None, more: Sequence[str] = ()) -> str:
    """A token that opens one browser session, once, within a day; the session sees what `bound` says.

    `more`: scopes beside the usual ones. Raises Refused 422: a bound one that would do more than read.
    """
    scopes = tuple(dict.fromkeys((*auth.LINK_SCOPES, *more)))
    if bound is not None and not auth.BOUND_SCOPES.issuperset(scopes):
        raise Refused(422, "A bound session only reads", f"Give it only the scopes {' and '.join(sorted(auth.BOUND_SCOPES))}.")
    token = auth.new_secret()
    await callers.add_link(con, tenant_id, auth.sha256(token), scopes, now_us + auth.LINK_US, bound)
    return token


async def new_key(con: Connection, tenant_id: int, name: str, scopes: list[str], now_us: int, bound: Bound | None = None) -> str:
    """A new API key; it is shown once and never stored. Raises Refused 422: a bound one that would do more than read."""
    if bound is not None and not auth.BOUND_SCOPES.issuperset(scopes):
        raise Refused(422, "A bound key only reads", f"Give it only the scopes {' and '.join(sorted(auth.BOUND_SCOPES))}.")
    key = auth.new_secret()
    await callers.add_key(con, tenant_id, auth.sha256(key), name, scopes, now_us, bound)
    return key


async def bound_to(con: Connection, tenant_id: int, account_manager: str | None, reseller: str | None) -> Bound | None:
    """The binding to an account manager or a reseller by external id. Raises Refused 404: there is none with that id."""
    try:
        return await callers.bound_to(con, tenant_id, account_manager, reseller)
    except KeyError as error:
        what = "account manager" if account_manager is not None else "account"
        raise Refused(404, "Not known", f"There is no {what} with the id {error.args[0]!r} here.") from None
