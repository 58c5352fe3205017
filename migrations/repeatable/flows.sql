-- Room for flows and its end: partitions on plain PostgreSQL, chunks on hypertables.

-- Makes room for `day` (UTC): a day of minutes and a week of hours. Attaching takes no lock that stops readers or writers.
create or replace function ensure_flow_day(day date) returns void
language plpgsql security definer set search_path = public as $$
declare t text; width integer; first date; part text;
begin
  for t, width in values ('flow_minute', 1), ('flow_hour', 7) loop
    first := '1970-01-01'::date + (day - '1970-01-01'::date) / width * width;
    part := t || '_' || to_char(first, 'YYYYMMDD');
    continue when not exists (select from pg_partitioned_table where partrelid = t::regclass) or to_regclass(part) is not null;
    perform pg_advisory_xact_lock(hashtext('ensure_flow_day'));
    continue when to_regclass(part) is not null;
    execute format('create table %I (like %I including defaults including constraints)', part, t);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', t, part,
      first::timestamp at time zone 'UTC', (first + width)::timestamp at time zone 'UTC');
  end loop;
end $$;

-- Drops the partitions or chunks of `t` that lie wholly before `before`; returns how many went.
create or replace function drop_flows(t text, width integer, before date) returns integer
language plpgsql set search_path = public as $$
declare part text; n integer := 0;
begin
  if exists (select from pg_partitioned_table where partrelid = t::regclass) then
    for part in select inhrelid::regclass::text from pg_inherits where inhparent = t::regclass
                and inhrelid::regclass::text <= t || '_' || to_char(before - width, 'YYYYMMDD') loop
      execute format('drop table %s', part);
      n := n + 1;
    end loop;
  else
    execute 'select count(*) from drop_chunks($1::regclass, $2)' into n using t, before::timestamp at time zone 'UTC';
  end if;
  return n;
end $$;

-- Drops days of minutes before `before`, all of which are in flow_hour; none while any is not. The boundary moves with them:
-- from then on what comes late is added to its hour.
create or replace function release_flow_minutes(before date) returns integer
language plpgsql security definer set search_path = public set lock_timeout = '3s' as $$
declare at timestamptz := before::timestamp at time zone 'UTC';
begin
  perform from flow_progress for update;  -- as those who make hours do first
  lock table flow_minute in access exclusive mode;  -- whoever stores now has then committed its rows and its marks
  if exists (select from flow_dirty where hour < at) or exists (select from flow_progress where rolled_to < at) then
    return 0;
  end if;
  update flow_progress set minutes_from = at where minutes_from < at;
  return drop_flows('flow_minute', 1, before);
end $$;

create or replace function drop_flow_hours(before date) returns integer
language plpgsql security definer set search_path = public set lock_timeout = '3s' as $$
begin
  return drop_flows('flow_hour', 7, before);
end $$;

-- Tenants with hours to make: those with flows at all.
create or replace function tenants_with_flows() returns setof bigint
language sql stable security definer set search_path = public as $$
  select tenant_id from flow_dirty union select tenant_id from flow_progress
$$;

-- Elements of a service that carry other services too, themselves or by their ports; asked as the owner, for a bound caller sees
-- no placements of others.
create or replace function placed_elsewhere(service bigint) returns setof bigint
language sql stable security definer set search_path = public as $$
  select distinct p.element_id from placement p
  where p.tenant_id = current_setting('lineside.tenant')::bigint and p.service_id = service and (
    exists (select from placement o where o.tenant_id = p.tenant_id and o.element_id = p.element_id and o.service_id <> service)
    or exists (select from element port join placement o on o.tenant_id = port.tenant_id and o.element_id = port.id
      where port.tenant_id = p.tenant_id and port.device_id = p.element_id and o.service_id <> service))
$$;

do $$
declare f text;
begin
  revoke execute on function drop_flows(text, integer, date) from public;
  foreach f in array array['ensure_flow_day(date)', 'release_flow_minutes(date)', 'drop_flow_hours(date)', 'tenants_with_flows()',
    'placed_elsewhere(bigint)']
  loop
    execute 'revoke execute on function ' || f || ' from public';
    execute 'grant execute on function ' || f || ' to lineside_app';
  end loop;
  grant execute on function ensure_flow_day(date) to lineside_ingest;
end $$;
