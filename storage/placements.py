"""A service's structure: redundancy groups, placements, and which placement depends on which."""

from __future__ import annotations

# Parts of the query that loads services (alias s).
GROUPS_BODY = """coalesce((
  select jsonb_agg(jsonb_build_object('name', g.name, 'k', g.k, 'criticality', g.criticality) order by g.id)
  from redundancy_group g where g.tenant_id = s.tenant_id and g.service_id = s.id), '[]')"""
PLACEMENTS_BODY = """coalesce((
  select jsonb_agg(jsonb_build_object('element', el.external_id, 'criticality', pl.criticality, 'group', gr.name,
    'meter', case when pl.meter_metric is null then null
             else jsonb_build_object('metric', pl.meter_metric, 'facing', pl.facing) end,
    'parent', coalesce((
      select jsonb_agg(pe.external_id order by pe.external_id)
      from placement_parent pp join placement up on up.tenant_id = pp.tenant_id and up.id = pp.parent_id
      join element pe on pe.tenant_id = up.tenant_id and pe.id = up.element_id
      where pp.tenant_id = pl.tenant_id and pp.placement_id = pl.id), '[]')) order by pl.id)
  from placement pl join element el on el.tenant_id = pl.tenant_id and el.id = pl.element_id
  left join redundancy_group gr on gr.tenant_id = pl.tenant_id and gr.id = pl.group_id
  where pl.tenant_id = s.tenant_id and pl.service_id = s.id), '[]')"""

_SERVICES = "jsonb_to_recordset($2::text::jsonb) as x (id text, elements jsonb, groups jsonb)"
_PLACEMENTS = f"""{_SERVICES}
  cross join jsonb_to_recordset(x.elements) as p (element text, criticality text, "group" text, meter jsonb, parent jsonb)
  join service s on s.tenant_id = $1 and s.external_id = x.id
  join element e on e.tenant_id = $1 and e.external_id = p.element"""

# Placements that stay keep their ids: the causes in a timeline name them. Run after the services themselves are saved.
SAVE_STRUCTURE = (
    f"""insert into redundancy_group (tenant_id, service_id, name, k, criticality)
       select $1::bigint, s.id, g.name, g.k, g.criticality
       from {_SERVICES} cross join jsonb_to_recordset(x.groups) as g (name text, k integer, criticality text)
       join service s on s.tenant_id = $1 and s.external_id = x.id
       on conflict (tenant_id, service_id, name) do update set k = excluded.k, criticality = excluded.criticality""",  # noqa: S608
    f"""insert into placement (tenant_id, service_id, element_id, criticality, group_id, meter_metric, facing)
       select $1::bigint, s.id, e.id, p.criticality, g.id, p.meter ->> 'metric', p.meter ->> 'facing'
       from {_PLACEMENTS} left join redundancy_group g on g.tenant_id = $1 and g.service_id = s.id and g.name = p."group"
       on conflict (tenant_id, service_id, element_id) do update set criticality = excluded.criticality,
         group_id = excluded.group_id, meter_metric = excluded.meter_metric, facing = excluded.facing""",  # noqa: S608
    f"""delete from placement pl using {_SERVICES} join service s on s.tenant_id = $1 and s.external_id = x.id, element e
       where pl.tenant_id = $1 and pl.service_id = s.id and e.tenant_id = $1 and e.id = pl.element_id
         and not x.elements @> jsonb_build_array(jsonb_build_object('element', e.external_id))""",  # noqa: S608
    f"""delete from redundancy_group g using {_SERVICES} join service s on s.tenant_id = $1 and s.external_id = x.id
       where g.tenant_id = $1 and g.service_id = s.id
         and not x.groups @> jsonb_build_array(jsonb_build_object('name', g.name))""",  # noqa: S608
    f"""delete from placement_parent pp using {_SERVICES} join service s on s.tenant_id = $1 and s.external_id = x.id
       join placement pl on pl.tenant_id = $1 and pl.service_id = s.id
       where pp.tenant_id = $1 and pp.placement_id = pl.id""",  # noqa: S608
    f"""insert into placement_parent (tenant_id, placement_id, parent_id)
       select distinct $1::bigint, pl.id, up.id
       from {_PLACEMENTS} join placement pl on pl.tenant_id = $1 and pl.service_id = s.id and pl.element_id = e.id
       cross join jsonb_array_elements_text(p.parent) as a (parent)
       join element pe on pe.tenant_id = $1 and pe.external_id = a.parent
       join placement up on up.tenant_id = $1 and up.service_id = s.id and up.element_id = pe.id""",  # noqa: S608
)
