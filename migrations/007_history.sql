-- Packed history: what raw samples become when their day closes. Arrays have no NULLs and a fixed length, so that binary COPY
-- maps onto NumPy arrays; a gap is NaN with 0 seconds. No row-level security: COPY targets, the tenant is in series_id.

-- How long things are kept, where a tenant wants other than the usual; null = the usual (storage/retention.py).
create table tenant_retention (
  tenant_id bigint primary key references tenant,
  raw_days integer check (raw_days between 2 and 10000),
  five_minute_days integer check (five_minute_days between 1 and 10000),
  hourly_days integer check (hourly_days between 1 and 10000)
);

-- Days before packed_to are packed; of days before raw_from the raw rows are gone, and what comes late is added to the packed row.
create table history_progress (
  tenant_id bigint primary key references tenant,
  packed_to date not null,
  raw_from date not null
);

-- Elements with samples that came after their day had ended: one row a batch and day.
create table history_dirty (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  day date not null,
  elements bigint[] not null,
  at timestamptz not null
);
create index history_dirty_day on history_dirty (tenant_id, day);

do $$
declare
  t text; width integer; columns text;
  timescale boolean := exists (select from pg_extension where extname = 'timescaledb');
begin
  for t, width, columns in values
    ('history_5m', 7, 'mean real[] not null check (cardinality(mean) = 288), max real[] not null check (cardinality(max) = 288),
      seconds smallint[] not null check (cardinality(seconds) = 288)'),
    ('history_1h', 28, 'mean real[] not null check (cardinality(mean) = 24), max real[] not null check (cardinality(max) = 24),
      min real[] not null check (cardinality(min) = 24), sum real[] not null check (cardinality(sum) = 24),
      seconds smallint[] not null check (cardinality(seconds) = 24)'),
    ('history_1d', 364, 'mean real not null, max real not null, min real not null, p95 real not null,
      sum double precision not null, seconds integer not null')
  loop
    execute format('create table %I (series_id bigint not null, day date not null, %s, primary key (series_id, day)) %s',
      t, columns, case when timescale then '' else 'partition by range (day)' end);
    if timescale then
      perform create_hypertable(t::regclass, by_range('day', make_interval(days => width)), create_default_indexes => false);
    end if;
    execute format('grant select, insert, delete on %I to lineside_app', t);
  end loop;
  -- Compress all three arrays of a row, not only until it fits 2 kB: quiet series shrink to a twentieth. A partitioned table
  -- has no such setting, its partitions have.
  if timescale then
    alter table history_5m set (toast_tuple_target = 256);
  end if;
  begin
    alter table history_5m alter mean set compression lz4, alter max set compression lz4, alter seconds set compression lz4;
  exception when feature_not_supported then
    null;  -- a server built without lz4 compresses the slower way
  end;
end $$;

do $$
declare t text;
begin
  foreach t in array array['tenant_retention', 'history_progress', 'history_dirty'] loop
    execute format('alter table %I enable row level security', t);
    execute format('create policy tenant on %I to lineside_app
      using (tenant_id = current_setting(''lineside.tenant'')::bigint)', t);
    execute format('grant select, insert, update, delete on %I to lineside_app', t);
  end loop;
end $$;
create policy ingest on history_dirty to lineside_ingest using (true);
grant insert on history_dirty to lineside_ingest;
