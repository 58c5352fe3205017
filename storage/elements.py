"""Elements with their sensors: what agents poll. A sensor keeps its number as long as its element and name stay."""

from __future__ import annotations

from storage.nouns import Noun

_INSERT = """insert into element (tenant_id, external_id, owner, name, kind, site_id, address, device_id, port, managed,
     provider_account_id, cost, cost_currency, thresholds)
   select $1::bigint, x.id, $3::text, x.name, x.kind, s.id, x.address, d.id, x.port, x.managed, a.id,
     (x.cost ->> 'amount')::numeric, x.cost ->> 'currency', x.thresholds
   from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, kind text, site text, address text, device text,
     port text, managed boolean, provider_account text, cost jsonb, thresholds jsonb)
   left join site s on s.tenant_id = $1 and s.external_id = x.site
   left join element d on d.tenant_id = $1 and d.external_id = x.device
   left join account a on a.tenant_id = $1 and a.external_id = x.provider_account"""
_UPDATE = """ on conflict (tenant_id, external_id) do update set name = excluded.name, kind = excluded.kind,
     site_id = excluded.site_id, address = excluded.address, device_id = excluded.device_id, port = excluded.port,
     managed = excluded.managed, provider_account_id = excluded.provider_account_id, cost = excluded.cost,
     cost_currency = excluded.cost_currency, thresholds = excluded.thresholds"""
_SENSORS = """jsonb_to_recordset($2::text::jsonb) as x (id text, sensors jsonb)
   join element e on e.tenant_id = $1 and e.external_id = x.id"""

ELEMENTS = Noun(
    "element",
    """select e.id, e.external_id, e.owner, json_build_object('id', e.external_id, 'name', e.name, 'kind', e.kind,
         'site', s.external_id, 'address', e.address, 'device', d.external_id, 'port', e.port, 'managed', e.managed,
         'provider_account', a.external_id,
         'cost', json_build_object('amount', e.cost::text, 'currency', e.cost_currency), 'thresholds', e.thresholds,
         'sensors', coalesce((
           select json_agg((n.settings || jsonb_build_object('kind', n.kind, 'name', n.name,
             'interval', n.interval_seconds, 'required', n.required)) order by n.id)
           from sensor n where n.tenant_id = e.tenant_id and n.element_id = e.id), '[]'))::text as body
       from element e
       left join site s on s.tenant_id = e.tenant_id and s.id = e.site_id
       left join element d on d.tenant_id = e.tenant_id and d.id = e.device_id
       left join account a on a.tenant_id = e.tenant_id and a.id = e.provider_account_id
       where e.tenant_id = $1 order by e.external_id""",
    (
        # devices first: a port needs the id of its device
        _INSERT + " where x.device is null" + _UPDATE,
        _INSERT + " where x.device is not null" + _UPDATE,
        f"""delete from sensor n using {_SENSORS}
           where n.tenant_id = $1 and n.element_id = e.id
             and not x.sensors @> jsonb_build_array(jsonb_build_object('name', n.name))""",  # noqa: S608 - constants
        f"""insert into sensor (tenant_id, element_id, name, kind, role, required, interval_seconds, settings, secret_id)
           select $1::bigint, e.id, s ->> 'name', s ->> 'kind',
             case when s ->> 'kind' in ('flow', 'trap', 'syslog', 'radius') then 'listener' else 'reachability' end, (s ->> 'required')::boolean,
             (s ->> 'interval')::real,
             jsonb_strip_nulls(s - '{{kind,name,interval,required,community,auth_secret,priv_secret,secret}}'::text[]), k.id
           from {_SENSORS} cross join jsonb_array_elements(x.sensors) s
           left join secret k on k.tenant_id = $1 and k.name = 'sensor/' || x.id || '/' || (s ->> 'name')
           on conflict (tenant_id, element_id, name) do update set kind = excluded.kind, role = excluded.role,
             required = excluded.required, interval_seconds = excluded.interval_seconds, settings = excluded.settings,
             secret_id = excluded.secret_id""",  # noqa: S608 - constants
        # what is read of a port is read by its device's SNMP sensor, at that sensor's interval
        """update sensor n set interval_seconds = d.every
           from (select e.id, min(m.interval_seconds) as every from element e
                 join sensor m on m.tenant_id = e.tenant_id and m.element_id = e.device_id and m.kind = 'snmp'
                 join jsonb_to_recordset($2::text::jsonb) as x (id text) on true
                 join element v on v.tenant_id = $1 and v.external_id = x.id and v.id = e.device_id
                 where e.tenant_id = $1 group by e.id) d
           where n.tenant_id = $1 and n.element_id = d.id and n.kind = 'port' and n.interval_seconds <> d.every""",
    ),
)
