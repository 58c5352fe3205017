-- Row-level security on every ordinary table: a transaction sees the tenant it named with SET LOCAL lineside.tenant, and
-- one that named none fails. The ingest role is trusted with the tenant of the credential and sees all rows of what it uses.
do $$
declare t record;
begin
  for t in select c.table_name as name from information_schema.columns c
           join information_schema.tables b using (table_schema, table_name)
           where c.table_schema = 'public' and c.column_name = 'tenant_id' and b.table_type = 'BASE TABLE'
  loop
    execute format('alter table %I enable row level security', t.name);
    execute format('create policy tenant on %I to lineside_app
      using (tenant_id = current_setting(''lineside.tenant'')::bigint)', t.name);
    execute format('grant select, insert, update, delete on %I to lineside_app', t.name);
  end loop;
end $$;

alter table tenant enable row level security;
create policy tenant on tenant to lineside_app using (id = current_setting('lineside.tenant')::bigint);
grant select, update on tenant to lineside_app;

do $$
declare t text;
begin
  foreach t in array array['tenant', 'site', 'agent', 'agent_secret', 'agent_presence', 'element', 'sensor', 'series',
    'sensor_interval', 'ingest_claim', 'ingest_reject', 'ingest_gap', 'discovery', 'status_dirty']
  loop
    execute format('create policy ingest on %I to lineside_ingest using (true)', t);
    execute format('grant select on %I to lineside_ingest', t);
  end loop;
  foreach t in array array['series', 'sensor_interval', 'ingest_claim', 'ingest_reject', 'ingest_gap', 'discovery',
    'status_dirty', 'agent_presence']
  loop
    execute format('grant insert, update, delete on %I to lineside_ingest', t);
  end loop;
end $$;
grant update on agent to lineside_ingest;
grant select, insert, delete on sample to lineside_app, lineside_ingest;
grant usage on sequence series_serial to lineside_ingest;

-- Whoever changes what is measured wakes those who cache it: web processes (series of an agent) and waiting plan requests.
create function tell_inventory() returns trigger language plpgsql as $$
begin
  perform pg_notify('lineside_inventory', '');
  return null;
end $$;
do $$
declare t text;
begin
  foreach t in array array['element', 'sensor', 'placement', 'service', 'agent', 'agent_secret', 'secret', 'rule_set'] loop
    execute format('create trigger tell_inventory after insert or delete on %I for each statement execute function tell_inventory()', t);
  end loop;
  -- an agent's row also changes with each heartbeat, which changes nothing that is measured
  foreach t in array array['element', 'sensor', 'placement', 'service', 'agent_secret', 'secret'] loop
    execute format('create trigger tell_inventory_update after update on %I for each statement execute function tell_inventory()', t);
  end loop;
  create trigger tell_inventory_update after update of revoked_at, site_id on agent for each statement
    execute function tell_inventory();
end $$;
