"""Price books and their entries with the upgrade path."""

from __future__ import annotations

from storage.nouns import Noun

PRICE_BOOKS = Noun(
    "price_book",
    """select id, external_id, owner,
         json_build_object('id', external_id, 'name', name, 'currency', currency)::text as body
       from price_book where tenant_id = $1 order by external_id""",
    (
        """insert into price_book (tenant_id, external_id, owner, name, currency)
           select $1::bigint, x.id, $3::text, x.name, x.currency
           from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, currency text)
           on conflict (tenant_id, external_id) do update set name = excluded.name, currency = excluded.currency""",
    ),
)

ENTRIES = Noun(
    "price_book_entry",
    """select e.id, e.external_id, e.owner, json_build_object('id', e.external_id, 'price_book', b.external_id,
         'product', p.external_id, 'template', t.external_id,
         'mrc', json_build_object('amount', e.mrc::text, 'currency', b.currency),
         'otc', json_build_object('amount', e.otc::text, 'currency', b.currency),
         'upgrade_path', coalesce((
           select json_agg(json_build_object('entry', n.external_id,
             'price_delta', json_build_object('amount', u.price_delta::text, 'currency', b.currency)) order by u.position)
           from upgrade_path u join price_book_entry n on n.tenant_id = u.tenant_id and n.id = u.to_entry_id
           where u.tenant_id = e.tenant_id and u.from_entry_id = e.id), '[]'))::text as body
       from price_book_entry e
       join price_book b on b.tenant_id = e.tenant_id and b.id = e.price_book_id
       join product p on p.tenant_id = e.tenant_id and p.id = e.product_id
       left join template t on t.tenant_id = e.tenant_id and t.id = e.template_id
       where e.tenant_id = $1 order by e.external_id""",
    (
        """insert into price_book_entry (tenant_id, external_id, owner, price_book_id, product_id, mrc, otc, template_id)
           select $1::bigint, x.id, $3::text, b.id, p.id, coalesce((x.mrc ->> 'amount')::numeric, 0),
             coalesce((x.otc ->> 'amount')::numeric, 0), t.id
           from jsonb_to_recordset($2::text::jsonb)
             as x (id text, price_book text, product text, mrc jsonb, otc jsonb, template text)
           join price_book b on b.tenant_id = $1 and b.external_id = x.price_book
           join product p on p.tenant_id = $1 and p.external_id = x.product
           left join template t on t.tenant_id = $1 and t.external_id = x.template
           on conflict (tenant_id, external_id) do update set price_book_id = excluded.price_book_id,
             product_id = excluded.product_id, mrc = excluded.mrc, otc = excluded.otc, template_id = excluded.template_id""",
        """delete from upgrade_path u using jsonb_to_recordset($2::text::jsonb) as x (id text), price_book_entry e
           where u.tenant_id = $1 and e.tenant_id = $1 and e.external_id = x.id and u.from_entry_id = e.id""",
        """insert into upgrade_path (tenant_id, from_entry_id, position, to_entry_id, price_delta)
           select $1::bigint, e.id, u.position - 1, n.id, (u.step -> 'price_delta' ->> 'amount')::numeric
           from jsonb_to_recordset($2::text::jsonb) as x (id text, upgrade_path jsonb)
           cross join jsonb_array_elements(x.upgrade_path) with ordinality as u (step, position)
           join price_book_entry e on e.tenant_id = $1 and e.external_id = x.id
           join price_book_entry n on n.tenant_id = $1 and n.external_id = u.step ->> 'entry'""",
    ),
)
