"""Status pages: the noun, and what a page shows: its components, their services' history, and planned work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from analytics.maintenance import Window
from storage.nouns import Noun
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.database import Connection

STATUS_PAGES = Noun(
    "status_page",
    """select p.id, p.external_id, p.owner, jsonb_build_object('id', p.external_id, 'title', p.title, 'account', a.external_id,
         'enabled', p.enabled, 'components', coalesce((
           select jsonb_agg(jsonb_build_object('name', c.name, 'description', c.description, 'services', (
             select jsonb_agg(s.external_id order by s.external_id) from status_page_service m
             join service s on s.tenant_id = m.tenant_id and s.id = m.service_id
             where m.tenant_id = c.tenant_id and m.page_id = c.page_id and m.position = c.position)) order by c.position)
           from status_page_component c where c.tenant_id = p.tenant_id and c.page_id = p.id), '[]'))::text as body
       from status_page p left join account a on a.tenant_id = p.tenant_id and a.id = p.account_id
       where p.tenant_id = $1 order by p.external_id""",
    (
        """insert into status_page (tenant_id, external_id, owner, title, account_id, enabled)
           select $1::bigint, x.id, $3::text, x.title, a.id, x.enabled
           from jsonb_to_recordset($2::text::jsonb) as x (id text, title text, account text, enabled boolean)
           left join account a on a.tenant_id = $1 and a.external_id = x.account
           on conflict (tenant_id, external_id) do update
           set title = excluded.title, account_id = excluded.account_id, enabled = excluded.enabled""",
        """delete from status_page_component c using jsonb_to_recordset($2::text::jsonb) as x (id text), status_page p
           where c.tenant_id = $1 and p.tenant_id = $1 and p.external_id = x.id and c.page_id = p.id""",
        """insert into status_page_component (tenant_id, page_id, position, name, description)
           select $1::bigint, p.id, c.place - 1, c.value ->> 'name', c.value ->> 'description'
           from jsonb_to_recordset($2::text::jsonb) as x (id text, components jsonb)
           join status_page p on p.tenant_id = $1 and p.external_id = x.id
           cross join jsonb_array_elements(x.components) with ordinality as c (value, place)""",
        """insert into status_page_service (tenant_id, page_id, position, service_id)
           select distinct $1::bigint, p.id, c.place - 1, s.id
           from jsonb_to_recordset($2::text::jsonb) as x (id text, components jsonb)
           join status_page p on p.tenant_id = $1 and p.external_id = x.id
           cross join jsonb_array_elements(x.components) with ordinality as c (value, place)
           cross join jsonb_array_elements_text(c.value -> 'services') as n (external_id)
           join service s on s.tenant_id = $1 and s.external_id = n.external_id""",
    ),
)


class Page(NamedTuple):
    """One status page; `zone` is the IANA name its days are counted in, `created` in µs."""

    id: int
    title: str
    account_id: int | None
    slug: str
    zone: str
    created: int


class Component(NamedTuple):
    """One line of a page, carried by those services (ids)."""

    name: str
    description: str
    services: tuple[int, ...]


class Stretch(NamedTuple):
    """[start, end) of a service's shown status, µs; `end` is None while it lasts."""

    service_id: int
    start: int
    end: int | None
    status: str
    raw: str
    maintenance: bool


class Planned(NamedTuple):
    """The newest version of a window that stands, and which of the asked services it names. Its title is not for customers."""

    window_id: int
    window: Window
    services: tuple[int, ...]


async def tenant_of(con: Connection, slug: str) -> int | None:
    """Whose page this is; None where no page has that address or it is switched off."""
    value: int | None = await con.fetchval("select tenant_of_status_page($1)", slug)
    return value


async def page(con: Connection, slug: str) -> Page | None:
    """The page with this address."""
    row = await con.fetchrow(
        """select p.id, p.title, p.account_id, p.slug, coalesce(a.timezone, t.timezone) as zone, p.created_at
           from status_page p join tenant t on t.id = p.tenant_id
           left join account a on a.tenant_id = p.tenant_id and a.id = p.account_id where p.slug = $1 and p.enabled""",
        slug,
    )
    if row is None:
        return None
    return Page(row["id"], row["title"], row["account_id"], row["slug"], row["zone"], to_us(row["created_at"]))


async def components(con: Connection, page: Page) -> list[Component]:
    """The page's components with their services In Service, those without any left out; an account's services where it names none."""
    rows = await con.fetch(
        """select c.name, c.description, array_agg(s.id order by s.id) as services
           from status_page_component c
           join status_page_service m on m.tenant_id = c.tenant_id and m.page_id = c.page_id and m.position = c.position
           join service s on s.tenant_id = m.tenant_id and s.id = m.service_id and s.in_service
           where c.page_id = $1 group by c.position, c.name, c.description order by c.position""",
        page.id,
    )
    named = await con.fetchval("select exists (select from status_page_component where page_id = $1)", page.id)
    if not named and page.account_id is not None:
        rows = await con.fetch(
            """select coalesce(nullif(s.customer_service_name, ''), s.name) as name, concat_ws(', ', p.name, l.name) as description,
                 array[s.id] as services
               from service s join product p on p.tenant_id = s.tenant_id and p.id = s.product_id
               left join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
               where s.account_id = $1 and s.in_service order by lower(s.name), s.id limit 500""",
            page.account_id,
        )
    return [Component(row["name"], row["description"], tuple(row["services"])) for row in rows]


async def history(con: Connection, services: Sequence[int], start: int, end: int) -> list[Stretch]:
    """What those services were within [start, end), µs, each service's oldest first, not clipped."""
    rows = await con.fetch(
        """select service_id, starts_at, ends_at, shown, raw, 'maintenance' = any(flags) as maintenance from service_span
           where service_id = any($1) and starts_at < $3 and (ends_at is null or ends_at > $2) order by service_id, starts_at""",
        services,
        to_datetime(start),
        to_datetime(end),
    )
    return [
        Stretch(
            row["service_id"],
            to_us(row["starts_at"]),
            None if row["ends_at"] is None else to_us(row["ends_at"]),
            row["shown"],
            row["raw"],
            row["maintenance"],
        )
        for row in rows
    ]


async def planned(con: Connection, services: Sequence[int]) -> list[Planned]:
    """The windows whose newest version stands and names some of those services."""
    rows = await con.fetch(
        """select w.id, w.starts_at, w.ends_at, w.timezone, w.rrule, w.recorded_at, w.back_dated_reason, array_agg(m.service_id order by m.service_id) as services
           from maintenance_window w
           join maintenance_window_service m on m.tenant_id = w.tenant_id and m.window_id = w.id and m.version = w.version
           where m.service_id = any($1) and not w.canceled and not exists (select from maintenance_window n
             where n.tenant_id = w.tenant_id and n.id = w.id and n.version > w.version)
           group by w.tenant_id, w.id, w.version order by w.id""",
        services,
    )
    return [Planned(row["id"], _window(row), tuple(row["services"])) for row in rows]


async def addresses(con: Connection, tenant_id: int) -> dict[str, str]:
    """The slug of every page of the tenant, by external id."""
    rows = await con.fetch("select external_id, slug from status_page where tenant_id = $1 order by external_id", tenant_id)
    return {row["external_id"]: row["slug"] for row in rows}


def _window(row: Mapping[str, Any]) -> Window:
    return Window(
        to_us(row["starts_at"]),
        to_us(row["ends_at"]),
        ZoneInfo(row["timezone"]),
        row["rrule"] or "",
        to_us(row["recorded_at"]),
        row["back_dated_reason"] is not None,
    )
