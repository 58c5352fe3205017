"""Services with their add-ons, and which fulfilment and product each had when."""

from __future__ import annotations

from collections.abc import Sequence

from storage.database import Connection
from storage.nouns import Noun
from storage.placements import GROUPS_BODY, PLACEMENTS_BODY, SAVE_STRUCTURE
from storage.times import to_datetime

SERVICES = Noun(
    "service",
    f"""select s.id, s.external_id, s.owner, (to_jsonb(s) - '{{tenant_id,external_id,owner,active,in_service,tree_since,account_id,
           product_id,price_book_entry_id,location_id,replaced_with_id,reseller_id,currency}}'::text[]
         || jsonb_build_object('id', s.external_id, 'account', a.external_id, 'product', p.external_id,
           'price_book_entry', e.external_id, 'location', l.external_id, 'replaced_with', r.external_id,
           'reseller', v.external_id, 'mrr', jsonb_build_object('amount', s.mrr::text, 'currency', s.currency),
           'commission', jsonb_build_object('amount', s.commission::text, 'currency', s.currency),
           'add_ons', coalesce((
             select jsonb_agg(jsonb_build_object('product', q.external_id, 'start_date', o.start_date, 'end_date', o.end_date,
               'mrr', jsonb_build_object('amount', o.mrr::text, 'currency', s.currency)) order by q.external_id)
             from service_add_on o join product q on q.tenant_id = o.tenant_id and q.id = o.product_id
             where o.tenant_id = s.tenant_id and o.service_id = s.id), '[]'),
           'elements', {PLACEMENTS_BODY}, 'groups', {GROUPS_BODY}))::text as body
       from service s
       join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
       join product p on p.tenant_id = s.tenant_id and p.id = s.product_id
       left join price_book_entry e on e.tenant_id = s.tenant_id and e.id = s.price_book_entry_id
       left join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
       left join service r on r.tenant_id = s.tenant_id and r.id = s.replaced_with_id
       left join account v on v.tenant_id = s.tenant_id and v.id = s.reseller_id
       where s.tenant_id = $1 order by s.external_id""",  # noqa: S608 - constants
    (
        """insert into service (tenant_id, external_id, owner, name, customer_service_name, account_id, product_id,
             price_book_entry_id, location_id, floor, suite, room, cage, cabinet, rack, fulfilment_status, reseller_id,
             show_in_reseller_portal, mrr, currency, commission, service_start, service_end, term_end, month_to_month)
           select $1::bigint, x.id, $3::text, x.name, x.customer_service_name, a.id, p.id, e.id, l.id, x.floor, x.suite, x.room,
             x.cage, x.cabinet, x.rack, x.fulfilment_status, v.id, x.show_in_reseller_portal, (x.mrr ->> 'amount')::numeric,
             x.mrr ->> 'currency', coalesce((x.commission ->> 'amount')::numeric, 0), x.service_start, x.service_end,
             x.term_end, x.month_to_month
           from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, customer_service_name text, account text,
             product text, price_book_entry text, location text, floor text, suite text, room text, cage text, cabinet text,
             rack text, fulfilment_status text, reseller text, show_in_reseller_portal boolean, mrr jsonb, commission jsonb,
             service_start date, service_end date, term_end date, month_to_month boolean)
           join account a on a.tenant_id = $1 and a.external_id = x.account
           join product p on p.tenant_id = $1 and p.external_id = x.product
           left join price_book_entry e on e.tenant_id = $1 and e.external_id = x.price_book_entry
           left join location l on l.tenant_id = $1 and l.external_id = x.location
           left join account v on v.tenant_id = $1 and v.external_id = x.reseller
           on conflict (tenant_id, external_id) do update set name = excluded.name,
             customer_service_name = excluded.customer_service_name, account_id = excluded.account_id,
             product_id = excluded.product_id, price_book_entry_id = excluded.price_book_entry_id,
             location_id = excluded.location_id, floor = excluded.floor, suite = excluded.suite, room = excluded.room,
             cage = excluded.cage, cabinet = excluded.cabinet, rack = excluded.rack,
             fulfilment_status = excluded.fulfilment_status, reseller_id = excluded.reseller_id,
             show_in_reseller_portal = excluded.show_in_reseller_portal, mrr = excluded.mrr, currency = excluded.currency,
             commission = excluded.commission, service_start = excluded.service_start, service_end = excluded.service_end,
             term_end = excluded.term_end, month_to_month = excluded.month_to_month""",
        # a second statement, because the service that replaces another may be new as well
        """update service s set replaced_with_id = r.id
           from jsonb_to_recordset($2::text::jsonb) as x (id text, replaced_with text)
           left join service r on r.tenant_id = $1 and r.external_id = x.replaced_with
           where s.tenant_id = $1 and s.external_id = x.id and s.replaced_with_id is distinct from r.id""",
        """delete from service_add_on o using jsonb_to_recordset($2::text::jsonb) as x (id text), service s
           where o.tenant_id = $1 and s.tenant_id = $1 and s.external_id = x.id and o.service_id = s.id""",
        """insert into service_add_on (tenant_id, service_id, product_id, mrr, start_date, end_date)
           select $1::bigint, s.id, p.id, coalesce((o.mrr ->> 'amount')::numeric, 0), o.start_date, o.end_date
           from jsonb_to_recordset($2::text::jsonb) as x (id text, add_ons jsonb)
           cross join jsonb_to_recordset(x.add_ons) as o (product text, mrr jsonb, start_date date, end_date date)
           join service s on s.tenant_id = $1 and s.external_id = x.id
           join product p on p.tenant_id = $1 and p.external_id = o.product""",
        *SAVE_STRUCTURE,
    ),
)


async def note_versions(con: Connection, tenant_id: int, services: Sequence[str], at_us: int) -> None:
    """Record from `at_us` on what each of `services` (external ids) is now, where its fulfilment or product is a new one."""
    await con.execute(
        """insert into service_version (tenant_id, service_id, valid_from, fulfilment_status, product_id)
           select s.tenant_id, s.id, $3, s.fulfilment_status, s.product_id from service s
           where s.tenant_id = $1 and s.external_id = any($2::text[]) and (s.fulfilment_status, s.product_id) is distinct from (
             select (v.fulfilment_status, v.product_id) from service_version v
             where v.tenant_id = $1 and v.service_id = s.id order by v.valid_from desc limit 1)
           on conflict (tenant_id, service_id, valid_from) do update
           set fulfilment_status = excluded.fulfilment_status, product_id = excluded.product_id""",
        tenant_id,
        list(services),
        to_datetime(at_us),
    )
