-- What agents measured. Tables that are the target of COPY carry the tenant in series_id and have no row-level security.
create sequence series_serial;

-- Series = (element, metric, instance) of a source, made at ingest. id = tenant << 40 | serial.
create table series (
  tenant_id bigint not null references tenant,
  id bigint not null unique check (id >> 40 = tenant_id),
  element_id bigint not null,
  sensor_id integer not null,
  metric text not null,
  instance text not null,
  source text not null default 'agent',
  primary key (tenant_id, id),
  unique (tenant_id, element_id, metric, instance, source),
  foreign key (tenant_id, element_id) references element on delete cascade,
  foreign key (tenant_id, sensor_id) references sensor on delete cascade
);

do $$
declare columns text := 'series_id bigint not null, ts timestamptz not null, value double precision not null,
  seconds real not null, reason smallint not null, primary key (series_id, ts)';
begin
  if exists (select from pg_extension where extname = 'timescaledb') then
    execute 'create table sample (' || columns || ')';
    perform create_hypertable('sample', by_range('ts', interval '1 day'), create_default_indexes => false);
  else
    execute 'create table sample (' || columns || ') partition by range (ts)';
  end if;
end $$;

-- The interval each sensor was polled at, from an instant on: staleness of history uses the one in force then.
create table sensor_interval (
  tenant_id bigint not null,
  sensor_id integer not null,
  valid_from timestamptz not null,
  seconds real not null,
  primary key (tenant_id, sensor_id, valid_from),
  foreign key (tenant_id, sensor_id) references sensor on delete cascade
);

-- Which batches of an agent's process start (epoch) are stored: exactly once is decided here.
create table ingest_claim (
  tenant_id bigint not null,
  agent_id bigint not null,
  lane text not null,
  epoch text not null,
  seen int8multirange not null default '{}',
  last_at timestamptz not null,
  skew_seconds double precision not null,
  primary key (tenant_id, agent_id, lane, epoch),
  foreign key (tenant_id, agent_id) references agent on delete cascade
);

-- Rows that could not be stored, bounded per agent, with one example each.
create table ingest_reject (
  tenant_id bigint not null,
  agent_id bigint not null,
  id bigint generated always as identity,
  at timestamptz not null,
  lane text not null,
  epoch text not null,
  seq bigint not null,
  reason text not null,
  rows bigint not null,
  example text not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, agent_id) references agent on delete cascade
);
create index ingest_reject_agent on ingest_reject (tenant_id, agent_id, id);

-- What agents had to drop, as they reported it.
create table ingest_gap (
  tenant_id bigint not null,
  agent_id bigint not null,
  id bigint generated always as identity,
  lane text not null,
  first_ts timestamptz not null,
  last_ts timestamptz not null,
  rows bigint not null,
  reason text not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, agent_id) references agent on delete cascade
);

-- What targets say they have: the latest of each attribute.
create table discovery (
  tenant_id bigint not null,
  sensor_id integer not null,
  kind text not null,
  instance text not null,
  name text not null,
  value text not null,
  seen_at timestamptz not null,
  primary key (tenant_id, sensor_id, kind, instance, name),
  foreign key (tenant_id, sensor_id) references sensor on delete cascade
);

-- Elements and services whose status must be decided again, one row a batch: [i] of ids and instants belong together.
create table status_dirty (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  what text not null check (what in ('element', 'service')),
  ids bigint[] not null,
  from_ts timestamptz[] not null
);
