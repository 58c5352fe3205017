"""Locations: where customers are served."""

from __future__ import annotations

from storage.nouns import Noun

LOCATIONS = Noun(
    "location",
    """select l.id, l.external_id, l.owner, json_build_object('id', l.external_id, 'account', a.external_id, 'name', l.name,
         'street', l.street, 'city', l.city, 'postal_code', l.postal_code, 'region', l.region, 'country', l.country,
         'latitude', l.latitude, 'longitude', l.longitude, 'timezone', l.timezone)::text as body
       from location l join account a on a.tenant_id = l.tenant_id and a.id = l.account_id
       where l.tenant_id = $1 order by l.external_id""",
    (
        """insert into location (tenant_id, external_id, owner, account_id, name, street, city, postal_code, region, country,
             latitude, longitude, timezone)
           select $1::bigint, x.id, $3::text, a.id, x.name, x.street, x.city, x.postal_code, x.region, x.country,
             x.latitude, x.longitude, x.timezone
           from jsonb_to_recordset($2::text::jsonb) as x (id text, account text, name text, street text, city text,
             postal_code text, region text, country text, latitude double precision, longitude double precision, timezone text)
           join account a on a.tenant_id = $1 and a.external_id = x.account
           on conflict (tenant_id, external_id) do update set account_id = excluded.account_id, name = excluded.name,
             street = excluded.street, city = excluded.city, postal_code = excluded.postal_code, region = excluded.region,
             country = excluded.country, latitude = excluded.latitude, longitude = excluded.longitude,
             timezone = excluded.timezone""",
    ),
)
