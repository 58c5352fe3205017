"""Templates: service structures as data, elements named by role."""

from __future__ import annotations

from storage.nouns import Noun

# The column's default '[]' is a template without elements.
TEMPLATES = Noun(
    "template",
    """select id, external_id, owner, json_build_object('id', external_id, 'name', name,
         'elements', coalesce(structure -> 'elements', '[]'), 'groups', coalesce(structure -> 'groups', '[]'))::text as body
       from template where tenant_id = $1 order by external_id""",
    (
        """insert into template (tenant_id, external_id, owner, name, structure)
           select $1::bigint, x.id, $3::text, x.name, jsonb_build_object('elements', x.elements, 'groups', x.groups)
           from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, elements jsonb, groups jsonb)
           on conflict (tenant_id, external_id) do update set name = excluded.name, structure = excluded.structure""",
    ),
)
