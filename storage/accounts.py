"""Account managers and accounts."""

from __future__ import annotations

from storage.nouns import Noun

MANAGERS = Noun(
    "account_manager",
    """select id, external_id, owner, json_build_object('id', external_id, 'name', name, 'email', email)::text as body
       from account_manager where tenant_id = $1 order by external_id""",
    (
        """insert into account_manager (tenant_id, external_id, owner, name, email)
           select $1::bigint, x.id, $3::text, x.name, x.email
           from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, email text)
           on conflict (tenant_id, external_id) do update set name = excluded.name, email = excluded.email""",
    ),
)

ACCOUNTS = Noun(
    "account",
    """select a.id, a.external_id, a.owner, json_build_object('id', a.external_id, 'name', a.name,
         'account_manager', m.external_id, 'timezone', a.timezone, 'country', a.country)::text as body
       from account a left join account_manager m on m.tenant_id = a.tenant_id and m.id = a.account_manager_id
       where a.tenant_id = $1 order by a.external_id""",
    (
        """insert into account (tenant_id, external_id, owner, name, account_manager_id, timezone, country)
           select $1::bigint, x.id, $3::text, x.name, m.id, x.timezone, x.country
           from jsonb_to_recordset($2::text::jsonb)
             as x (id text, name text, account_manager text, timezone text, country text)
           left join account_manager m on m.tenant_id = $1 and m.external_id = x.account_manager
           on conflict (tenant_id, external_id) do update set name = excluded.name,
             account_manager_id = excluded.account_manager_id, timezone = excluded.timezone, country = excluded.country""",
    ),
)
