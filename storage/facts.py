"""Facts that the CRM and billing send: orders with their lines, cases, invoices. Lineside keeps no second master of them."""

from __future__ import annotations

from storage.nouns import Noun

# An instant as the API writes it.
_AT = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""
_DATED = f"""'status', f.status, 'opened_at', to_char(f.opened_at, {_AT}), 'closed_at', to_char(f.closed_at, {_AT})"""
_WHOSE = """join account a on a.tenant_id = f.tenant_id and a.id = f.account_id
       left join service s on s.tenant_id = f.tenant_id and s.id = f.service_id"""

ORDERS = Noun(
    "sales_order",
    f"""select f.id, f.external_id, f.owner, json_build_object('id', f.external_id, 'name', f.name, 'account', a.external_id,
         'service', s.external_id, {_DATED}, 'line_items', coalesce((
           select json_agg(json_build_object('sales_class', l.class, 'service', v.external_id, 'price_book_entry', e.external_id,
             'mrc', json_build_object('amount', l.mrc::text, 'currency', l.currency),
             'otc', json_build_object('amount', l.otc::text, 'currency', l.currency)) order by l.position)
           from sales_order_line l
           left join service v on v.tenant_id = l.tenant_id and v.id = l.service_id
           left join price_book_entry e on e.tenant_id = l.tenant_id and e.id = l.price_book_entry_id
           where l.tenant_id = f.tenant_id and l.order_id = f.id), '[]'))::text as body
       from sales_order f {_WHOSE} where f.tenant_id = $1 order by f.external_id""",  # noqa: S608 - constants
    (
        """insert into sales_order (tenant_id, external_id, owner, name, account_id, service_id, status, opened_at, closed_at)
           select $1::bigint, x.id, $3::text, x.name, a.id, s.id, x.status, x.opened_at, x.closed_at
           from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, account text, service text, status text,
             opened_at timestamptz, closed_at timestamptz)
           join account a on a.tenant_id = $1 and a.external_id = x.account
           left join service s on s.tenant_id = $1 and s.external_id = x.service
           on conflict (tenant_id, external_id) do update set name = excluded.name, account_id = excluded.account_id,
             service_id = excluded.service_id, status = excluded.status, opened_at = excluded.opened_at,
             closed_at = excluded.closed_at""",
        """delete from sales_order_line l using jsonb_to_recordset($2::text::jsonb) as x (id text), sales_order f
           where l.tenant_id = $1 and f.tenant_id = $1 and f.external_id = x.id and l.order_id = f.id""",
        """insert into sales_order_line (tenant_id, order_id, position, class, service_id, price_book_entry_id, mrc, otc, currency)
           select $1::bigint, f.id, l.position, l.line ->> 'sales_class', s.id, e.id,
             coalesce((l.line -> 'mrc' ->> 'amount')::numeric, 0), coalesce((l.line -> 'otc' ->> 'amount')::numeric, 0),
             coalesce(l.line -> 'mrc' ->> 'currency', l.line -> 'otc' ->> 'currency', 'EUR')
           from jsonb_to_recordset($2::text::jsonb) as x (id text, line_items jsonb)
           cross join jsonb_array_elements(x.line_items) with ordinality as l (line, position)
           join sales_order f on f.tenant_id = $1 and f.external_id = x.id
           left join service s on s.tenant_id = $1 and s.external_id = l.line ->> 'service'
           left join price_book_entry e on e.tenant_id = $1 and e.external_id = l.line ->> 'price_book_entry'""",
    ),
)

CASES = Noun(
    "support_case",
    f"""select f.id, f.external_id, f.owner, json_build_object('id', f.external_id, 'subject', f.subject, 'account', a.external_id,
         'service', s.external_id, {_DATED})::text as body
       from support_case f {_WHOSE} where f.tenant_id = $1 order by f.external_id""",  # noqa: S608 - constants
    (
        """insert into support_case (tenant_id, external_id, owner, subject, account_id, service_id, status, opened_at, closed_at)
           select $1::bigint, x.id, $3::text, x.subject, a.id, s.id, x.status, x.opened_at, x.closed_at
           from jsonb_to_recordset($2::text::jsonb) as x (id text, subject text, account text, service text, status text,
             opened_at timestamptz, closed_at timestamptz)
           join account a on a.tenant_id = $1 and a.external_id = x.account
           left join service s on s.tenant_id = $1 and s.external_id = x.service
           on conflict (tenant_id, external_id) do update set subject = excluded.subject, account_id = excluded.account_id,
             service_id = excluded.service_id, status = excluded.status, opened_at = excluded.opened_at,
             closed_at = excluded.closed_at""",
    ),
)

INVOICES = Noun(
    "invoice",
    """select f.id, f.external_id, f.owner, json_build_object('id', f.external_id, 'account', a.external_id,
         'issued_on', f.issued_on, 'due_on', f.due_on,
         'amount', json_build_object('amount', f.amount::text, 'currency', f.currency),
         'balance_due', json_build_object('amount', f.balance_due::text, 'currency', f.currency))::text as body
       from invoice f join account a on a.tenant_id = f.tenant_id and a.id = f.account_id
       where f.tenant_id = $1 order by f.external_id""",
    (
        """insert into invoice (tenant_id, external_id, owner, account_id, issued_on, due_on, amount, balance_due, currency)
           select $1::bigint, x.id, $3::text, a.id, x.issued_on, x.due_on, (x.amount ->> 'amount')::numeric,
             coalesce((x.balance_due ->> 'amount')::numeric, 0), x.amount ->> 'currency'
           from jsonb_to_recordset($2::text::jsonb) as x (id text, account text, issued_on date, due_on date, amount jsonb,
             balance_due jsonb)
           join account a on a.tenant_id = $1 and a.external_id = x.account
           on conflict (tenant_id, external_id) do update set account_id = excluded.account_id, issued_on = excluded.issued_on,
             due_on = excluded.due_on, amount = excluded.amount, balance_due = excluded.balance_due,
             currency = excluded.currency""",
    ),
)

# Versions are saved one by one (maintenance.py); read is the newest.
WINDOWS = Noun(
    "maintenance_window",
    f"""select f.id, f.external_id, f.owner, json_build_object('id', f.external_id, 'title', f.title,
         'starts_at', to_char(f.starts_at, {_AT}), 'ends_at', to_char(f.ends_at, {_AT}), 'rrule', coalesce(f.rrule, ''),
         'timezone', f.timezone, 'back_dated_reason', coalesce(f.back_dated_reason, ''), 'canceled', f.canceled,
         'services', array(select s.external_id from maintenance_window_service w
           join service s on s.tenant_id = w.tenant_id and s.id = w.service_id
           where w.tenant_id = f.tenant_id and w.window_id = f.id and w.version = f.version order by 1))::text as body
       from maintenance_window f
       where f.tenant_id = $1 and f.version = (select max(n.version) from maintenance_window n
         where n.tenant_id = f.tenant_id and n.id = f.id)
       order by f.external_id""",  # noqa: S608 - constants
    (),
)

FACTS: dict[str, Noun] = {"orders": ORDERS, "cases": CASES, "invoices": INVOICES, "maintenance_windows": WINDOWS}
