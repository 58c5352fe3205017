"""The whole inventory: loaded at once, saved list by list in dependency order, removed in the opposite order."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from protocols.errors import Refused
from storage.accounts import ACCOUNTS, MANAGERS
from storage.database import Connection
from storage.elements import ELEMENTS
from storage.locations import LOCATIONS
from storage.nouns import Noun, Row
from storage.price_books import ENTRIES, PRICE_BOOKS
from storage.products import PRODUCTS
from storage.services import SERVICES
from storage.sites import SITES
from storage.status_pages import STATUS_PAGES
from storage.templates import TEMPLATES
from storage.times import to_datetime

# The document's lists; each refers to earlier ones only.
NOUNS: dict[str, Noun] = {
    "account_managers": MANAGERS,
    "accounts": ACCOUNTS,
    "locations": LOCATIONS,
    "templates": TEMPLATES,
    "products": PRODUCTS,
    "price_books": PRICE_BOOKS,
    "price_book_entries": ENTRIES,
    "sites": SITES,
    "elements": ELEMENTS,
    "services": SERVICES,
    "status_pages": STATUS_PAGES,
}


async def lock(con: Connection, tenant_id: int) -> None:
    """Make this transaction the only one that changes the tenant's inventory."""
    await con.execute("select pg_advisory_xact_lock(hashtext('inventory'), $1::integer)", tenant_id)


async def count(con: Connection) -> None:
    """Let the database count the rows of the inventory. After thousands of new ones it would do so by itself within a minute;
    until then it takes every join for one of a few rows and loops through all of them for each.
    """
    await con.execute("select count_inventory()")


async def load(con: Connection, tenant_id: int) -> dict[str, list[Row]]:
    """Every record, by list, sorted by external id."""
    return {
        name: [Row(*record) for record in await con.fetch(noun.load, tenant_id)]  # one connection: one query after the other
        for name, noun in NOUNS.items()
    }


async def save(con: Connection, tenant_id: int, owner: str, name: str, records: str) -> None:
    """Create or overwrite `records`, a JSON array of complete records of list `name`; references must exist.

    Raises Refused 409 where a name or port must be unique and is not.
    """
    for statement in NOUNS[name].save:
        arguments = (tenant_id, records, owner) if "$3" in statement else (tenant_id, records)
        try:
            await con.execute(statement, *arguments)
        except asyncpg.UniqueViolationError as error:
            raise Refused(409, "Not unique", f"{error.detail} Two records cannot swap it in one step.") from None


async def remove(con: Connection, tenant_id: int, name: str, external_ids: Sequence[str]) -> None:
    """Delete those records of list `name`. Raises Refused 409 naming what still refers to one of them."""
    if name == "sites":  # a token that no agent has used is no reason to keep its site
        await con.execute(
            """delete from enrol_token t using site s where t.tenant_id = $1 and s.tenant_id = $1 and t.site_id = s.id
               and s.external_id = any($2::text[]) and t.agent_id is null""",
            tenant_id,
            list(external_ids),
        )
    table = NOUNS[name].table
    try:
        await con.execute(
            f"delete from {table} where tenant_id = $1 and external_id = any($2::text[])",  # noqa: S608 - a constant of ours
            tenant_id,
            list(external_ids),
        )
    except asyncpg.ForeignKeyViolationError as error:
        user = (error.table_name or "record").replace("_", " ")
        ids = ", ".join(external_ids[:5])
        raise Refused(
            409,
            "Still in use",
            f"{'An' if user[0] in 'aeio' else 'A'} {user} still refers to one of {name.replace('_', ' ')} {ids}.",
        ) from None


async def release(con: Connection, tenant_id: int, services: Sequence[str], elements: Sequence[str]) -> None:
    """Free the unique names and ports of records that are about to be removed, for those that come in their place."""
    await con.execute(
        "update service set name = name || ' (removed ' || id || ')' where tenant_id = $1 and external_id = any($2::text[])",
        tenant_id,
        list(services),
    )
    await con.execute(
        "update element set device_id = null, port = null where tenant_id = $1 and external_id = any($2::text[])",
        tenant_id,
        list(elements),
    )


async def element_ids(con: Connection, tenant_id: int, external_ids: Sequence[str]) -> list[int]:
    """The ids of those elements, and of the elements that are ports of them."""
    rows = await con.fetch(
        """select id from element where tenant_id = $1 and external_id = any($2::text[])
           union
           select e.id from element d join element e on e.tenant_id = d.tenant_id and e.device_id = d.id
           where d.tenant_id = $1 and d.external_id = any($2::text[]) order by 1""",
        tenant_id,
        list(external_ids),
    )
    return [row["id"] for row in rows]


async def service_ids(con: Connection, tenant_id: int, external_ids: Sequence[str]) -> list[int]:
    """The ids of those services."""
    rows = await con.fetch(
        "select id from service where tenant_id = $1 and external_id = any($2::text[]) order by 1", tenant_id, list(external_ids)
    )
    return [row["id"] for row in rows]


async def judge_from(con: Connection, tenant_id: int, element_ids: Sequence[int], now_us: int) -> None:
    """What measures these elements, or how it is judged, is another one from now on; what was decided before stands."""
    await con.execute(
        "update element set judged_since = $3 where tenant_id = $1 and id = any($2)", tenant_id, element_ids, to_datetime(now_us)
    )


async def roll_up_from(con: Connection, tenant_id: int, service_ids: Sequence[int], now_us: int) -> None:
    """What carries these services is another one from now on; what was decided before stands."""
    await con.execute(
        "update service set tree_since = $3 where tenant_id = $1 and id = any($2)", tenant_id, service_ids, to_datetime(now_us)
    )
