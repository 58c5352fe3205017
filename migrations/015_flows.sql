-- Traffic by application, cloud provider and remote network, as flow exporters tell it.

-- What a row of flows is about, made at ingest as series are: id = tenant << 40 | serial. The interface of a port that is an
-- element of its own is ''. direction: 0 what comes into the interface, 1 what leaves it.
create sequence flow_key_serial;
create table flow_key (
  tenant_id bigint not null references tenant,
  id bigint not null unique check (id >> 40 = tenant_id),
  element_id bigint not null,
  interface text not null,
  direction smallint not null check (direction in (0, 1)),
  application text not null,
  provider text not null,
  remote text not null,
  primary key (tenant_id, id),
  unique (tenant_id, element_id, interface, direction, application, provider, remote),
  foreign key (tenant_id, element_id) references element on delete cascade
);

-- Minutes as they come: rows of one key and minute in several batches add up, so that nothing is unique here. Hours are made of
-- them. No row-level security: COPY targets, the tenant is in key_id, and readers join flow_key.
do $$
declare
  t text; width interval; more text;
  counts text := 'octets double precision not null, packets double precision not null, measured_octets double precision not null,
    measured_packets double precision not null, flows bigint not null';
  timescale boolean := exists (select from pg_extension where extname = 'timescaledb');
begin
  for t, width, more in values ('flow_minute', interval '1 day', ''), ('flow_hour', interval '7 days', ', primary key (key_id, ts)') loop
    execute format('create table %I (key_id bigint not null, ts timestamptz not null, %s %s) %s',
      t, counts, more, case when timescale then '' else 'partition by range (ts)' end);
    if timescale then
      perform create_hypertable(t::regclass, by_range('ts', width), create_default_indexes => false);
    end if;
    execute format('grant select, insert, update, delete on %I to lineside_app', t);
  end loop;
end $$;
create index flow_minute_key on flow_minute (key_id, ts);
create index flow_minute_ts on flow_minute using brin (ts);  -- rows come in the order of time
grant select, insert on flow_minute to lineside_ingest;

-- Hours whose minutes have changed, one row a batch and hour.
create table flow_dirty (
  id bigint generated always as identity primary key,
  tenant_id bigint not null references tenant,
  hour timestamptz not null
);
create index flow_dirty_hour on flow_dirty (tenant_id, hour);

-- Hours before rolled_to are in flow_hour. Of those before minutes_from the minutes are gone: what comes late is added.
create table flow_progress (
  tenant_id bigint primary key references tenant,
  rolled_to timestamptz not null default 'epoch',
  minutes_from timestamptz not null default 'epoch'
);

alter table tenant_retention add column flow_minute_days integer check (flow_minute_days between 2 and 10000),
  add column flow_hour_days integer check (flow_hour_days between 2 and 10000);

do $$
declare t text;
begin
  foreach t in array array['flow_key', 'flow_dirty', 'flow_progress'] loop
    execute format('alter table %I enable row level security', t);
    execute format('create policy tenant on %I to lineside_app
      using (tenant_id = current_setting(''lineside.tenant'')::bigint)', t);
    execute format('grant select, insert, update, delete on %I to lineside_app', t);
  end loop;
end $$;
create policy ingest on flow_key to lineside_ingest using (true);
create policy ingest on flow_dirty to lineside_ingest using (true);
grant select, insert on flow_key to lineside_ingest;
grant insert on flow_dirty to lineside_ingest;
grant usage on sequence flow_key_serial to lineside_ingest;

-- as for series: of a device that others use too, the traffic of its ports is not shown
select show_bound('flow_key', 'exists (select from placement p where p.tenant_id = flow_key.tenant_id
  and p.element_id = flow_key.element_id) and (interface = '''' or element_id in (select bound_own_elements()))');
select show_bound('flow_dirty', 'false');
select show_bound('flow_progress', 'true');
