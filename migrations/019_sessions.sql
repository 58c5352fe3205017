-- RADIUS sessions, assembled from accounting reports, and the restarts of the NASes, which end what was open.
-- The tenant's key by which agents hash users and MAC addresses is a secret like others, named 'radius/hash'.
create table radius_session (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  element_id bigint not null,
  nas text not null,
  session text not null,
  part text not null,
  multi text not null,
  user_name text not null,
  station text not null,
  ap text not null,
  ssid text not null,
  address text not null,
  texts_at bigint[] not null,
  starts_at timestamptz not null,
  last_at timestamptz not null,
  stopped_at timestamptz,
  cause integer not null,
  octets_in bigint not null,
  octets_out bigint not null,
  packets_in bigint not null,
  packets_out bigint not null,
  interim interval not null,
  ended_at timestamptz,
  ended_by text check (ended_by in ('stop', 'restart', 'stale')),
  primary key (tenant_id, id),
  check ((ended_at is null) = (ended_by is null)),
  foreign key (tenant_id, element_id) references element on delete cascade
);
create index radius_session_key on radius_session (tenant_id, nas, session, part);
create index radius_session_open on radius_session (tenant_id, nas, last_at) where ended_at is null;
create index radius_session_time on radius_session (tenant_id, starts_at);
create index radius_session_end on radius_session (tenant_id, ended_at);

create table radius_restart (
  tenant_id bigint not null references tenant,
  nas text not null,
  at timestamptz not null,
  primary key (tenant_id, nas, at)
);

-- From when on the sessions must be counted again, one row a batch.
create table radius_dirty (
  id bigint generated always as identity primary key,
  tenant_id bigint not null references tenant,
  from_ts timestamptz not null
);

-- Up to where sessions are counted.
create table radius_progress (
  tenant_id bigint primary key references tenant,
  counted_to timestamptz not null
);

do $$
declare t text;
begin
  foreach t in array array['radius_session', 'radius_restart', 'radius_dirty', 'radius_progress'] loop
    execute format('alter table %I enable row level security', t);
    execute format('create policy tenant on %I to lineside_app
      using (tenant_id = current_setting(''lineside.tenant'')::bigint)', t);
    execute format('create policy ingest on %I to lineside_ingest using (true)', t);
    execute format('grant select, insert, update, delete on %I to lineside_app, lineside_ingest', t);
  end loop;
end $$;

-- as the traffic of ports: of a device that others use too, its users are not shown
select show_bound('radius_session', 'element_id in (select bound_own_elements())');
select show_bound('radius_restart', 'false');
select show_bound('radius_dirty', 'false');
select show_bound('radius_progress', 'true');
-- the counts are series that no agent sends
grant usage on sequence series_serial to lineside_app;
