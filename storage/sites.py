"""Sites: where agents stand."""

from __future__ import annotations

from storage.nouns import Noun

SITES = Noun(
    "site",
    """select id, external_id, owner,
         json_build_object('id', external_id, 'name', name, 'timezone', timezone, 'country', country)::text as body
       from site where tenant_id = $1 order by external_id""",
    (
        """insert into site (tenant_id, external_id, owner, name, timezone, country)
           select $1::bigint, x.id, $3::text, x.name, x.timezone, x.country
           from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, timezone text, country text)
           on conflict (tenant_id, external_id) do update
           set name = excluded.name, timezone = excluded.timezone, country = excluded.country""",
    ),
)
