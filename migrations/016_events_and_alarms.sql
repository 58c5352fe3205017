-- What devices said by themselves (traps, informs, syslog), and the alarms that follow from it and from statuses.

-- batch = tenant << 40 | serial, n = the row in it. No row-level security: a COPY target; readers join element.
create sequence event_serial;
create table event (
  batch bigint not null,
  n integer not null,
  element_id bigint not null,
  sensor_id integer not null,
  ts timestamptz not null,
  kind text not null,
  severity smallint not null,
  source text not null,
  oid text not null,
  name text not null,
  detail text not null,
  primary key (batch, n)
);
create index event_time on event ((batch >> 40), ts desc);
create index event_element on event (element_id, ts desc);
grant select, delete on event to lineside_app;
grant select, insert on event to lineside_ingest;
grant usage on sequence event_serial to lineside_ingest;

-- Batches whose events no rule of alarms has seen yet, one row each.
create table event_pending (
  tenant_id bigint not null references tenant,
  batch bigint not null,
  primary key (tenant_id, batch)
);

-- A condition of an element or a service: one row until it is closed, however often it repeats.
create table alarm (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  element_id bigint,
  service_id bigint,
  condition text not null,
  instance text not null,
  state text not null check (state in ('open', 'acknowledged', 'cleared', 'closed')),
  severity smallint not null check (severity between 0 and 7),
  raised_at timestamptz not null,
  last_seen timestamptz not null,
  cleared_at timestamptz,
  count bigint not null,
  detail text not null,
  flags text[] not null default '{}',
  acknowledged_by text not null default '',
  acknowledged_at timestamptz,
  cleared_by text not null default '',
  clear_reason text not null default '',
  primary key (tenant_id, id),
  check (num_nonnulls(element_id, service_id) = 1),
  check ((cleared_at is not null) = (state in ('cleared', 'closed'))),
  foreign key (tenant_id, element_id) references element on delete cascade,
  foreign key (tenant_id, service_id) references service on delete cascade
);
create unique index alarm_key on alarm (tenant_id, coalesce(element_id, 0), coalesce(service_id, 0), condition, instance)
  where state <> 'closed';
create index alarm_time on alarm (tenant_id, raised_at desc, id desc);

-- From when until when it was raised: [starts_at, ends_at); an alarm that re-opens has several.
create table alarm_span (
  tenant_id bigint not null,
  alarm_id bigint not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  primary key (tenant_id, alarm_id, starts_at),
  foreign key (tenant_id, alarm_id) references alarm on delete cascade
);

-- The services that stood on it while it was open.
create table alarm_service (
  tenant_id bigint not null,
  alarm_id bigint not null,
  service_id bigint not null,
  primary key (tenant_id, alarm_id, service_id),
  foreign key (tenant_id, alarm_id) references alarm on delete cascade,
  foreign key (tenant_id, service_id) references service on delete cascade
);
create index alarm_service_service on alarm_service (tenant_id, service_id);

do $$
declare t text;
begin
  foreach t in array array['event_pending', 'alarm', 'alarm_span', 'alarm_service'] loop
    execute format('alter table %I enable row level security', t);
    execute format('create policy tenant on %I to lineside_app
      using (tenant_id = current_setting(''lineside.tenant'')::bigint)', t);
    execute format('grant select, insert, update, delete on %I to lineside_app', t);
  end loop;
  create policy ingest on event_pending to lineside_ingest using (true);
  grant insert on event_pending to lineside_ingest;
  perform show_bound('event_pending', 'false');
  perform show_bound('alarm_service', 'service_id in (select bound_services())');
  perform show_bound('alarm', 'exists (select from alarm_service l where l.tenant_id = alarm.tenant_id and l.alarm_id = alarm.id)');
  perform show_bound('alarm_span', 'alarm_id in (select l.alarm_id from alarm_service l)');
end $$;
