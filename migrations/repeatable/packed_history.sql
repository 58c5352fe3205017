-- Packed history: room for a day, retention by whole partitions or chunks, and the view that unnests it.

-- Makes room for `day` in all three resolutions; nothing to do on hypertables. Partitions are 7, 28 and 364 days wide.
create or replace function ensure_history_day(day date) returns void
language plpgsql security definer set search_path = public as $$
declare t text; width integer; first date; part text;
begin
  for t, width in values ('history_5m', 7), ('history_1h', 28), ('history_1d', 364) loop
    first := '1970-01-01'::date + (day - '1970-01-01'::date) / width * width;
    part := t || '_' || to_char(first, 'YYYYMMDD');
    continue when not exists (select from pg_partitioned_table where partrelid = t::regclass) or to_regclass(part) is not null;
    perform pg_advisory_xact_lock(hashtext('ensure_history_day'));
    continue when to_regclass(part) is not null;
    execute format('create table %I (like %I including defaults including constraints including storage including compression) %s',
      part, t, case t when 'history_5m' then 'with (toast_tuple_target = 256)' else '' end);  -- see 007_history.sql
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', t, part, first, first + width);
  end loop;
end $$;

-- Drops the partitions or chunks of history_5m or history_1h that lie wholly before `before`; returns how many went.
create or replace function drop_history_days(resolution text, before date) returns integer
language plpgsql security definer set search_path = public set lock_timeout = '3s' as $$
declare
  t text := 'history_' || resolution; n integer := 0; part text;
  width integer := case resolution when '5m' then 7 when '1h' then 28 end;
begin
  if width is null then
    raise exception 'history of resolution % is kept for ever', resolution;
  elsif not exists (select from pg_partitioned_table where partrelid = t::regclass) then
    execute 'select count(*) from drop_chunks($1::regclass, $2)' into n using t, before;
    return n;
  end if;
  for part in select inhrelid::regclass::text from pg_inherits where inhparent = t::regclass
              and inhrelid::regclass::text <= t || '_' || to_char(before - width, 'YYYYMMDD') loop
    execute format('drop table %s', part);
    n := n + 1;
  end loop;
  return n;
end $$;

-- The days before `before` that have a partition or chunk of raw samples.
create or replace function sample_days(before date) returns table (day date, part regclass)
language plpgsql stable security definer set search_path = public as $$
begin
  if exists (select from pg_partitioned_table where partrelid = 'sample'::regclass) then
    return query select to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD'), inhrelid::regclass from pg_inherits
      where inhparent = 'sample'::regclass and inhrelid::regclass::text < 'sample_' || to_char(before, 'YYYYMMDD');
  else
    return query execute 'select (range_start at time zone ''UTC'')::date, format(''%I.%I'', chunk_schema, chunk_name)::regclass
      from timescaledb_information.chunks where hypertable_name = ''sample'' and range_end <= $1'
      using before::timestamp at time zone 'UTC';
  end if;
end $$;

-- Drops raw days before `before`, oldest first, none of which has anything left to pack; returns how many went. From then on
-- late rows of those days are added to the packed row, so the boundary moves in the same transaction as the rows go.
create or replace function release_sample_days(before date) returns integer
language plpgsql security definer set search_path = public set lock_timeout = '3s' as $$
declare d record; n integer := 0;
begin
  if exists (select from tenant t where not exists (select from history_progress p where p.tenant_id = t.id)) then
    return 0;
  end if;
  perform from history_progress for update;  -- as those who pack do first, so that neither waits for the other in a circle
  before := least(before, (select min(packed_to) from history_progress));
  if exists (select from sample_days(before)) then
    lock table sample in access exclusive mode;  -- whoever stores now has then committed its rows and its marks
  end if;
  for d in select * from sample_days(before) order by day loop
    if not exists (select from history_dirty h where h.day = d.day) then
      if exists (select from pg_partitioned_table where partrelid = 'sample'::regclass) then
        execute format('drop table %s', d.part);
      else
        execute 'select drop_chunks(''sample'', older_than => $1, newer_than => $2)'
          using (d.day + 1)::timestamp at time zone 'UTC', d.day::timestamp at time zone 'UTC';
      end if;
      n := n + 1;
    elsif exists (select from history_progress where raw_from <= d.day) then
      before := d.day;  -- its rows are packed, but not all of them: the boundary cannot pass it yet
      exit;
    end if;
  end loop;
  update history_progress set raw_from = before where raw_from < before;
  return n;
end $$;

-- What tenants keep longer or shorter than is usual.
create or replace function retention_overrides() returns setof tenant_retention
language sql stable security definer set search_path = public as $$
  select * from tenant_retention
$$;

-- Tenants with late data to pack.
create or replace function tenants_with_late_data() returns setof bigint
language sql stable security definer set search_path = public as $$
  select distinct tenant_id from history_dirty
$$;

-- Compresses raw days before `before` where TimescaleDB's edition can; returns how many days it did, or -1 where it cannot.
create or replace function compress_sample_days(before date) returns integer
language plpgsql security definer set search_path = public as $$
declare d record; n integer := 0;
begin
  if not exists (select from pg_extension where extname = 'timescaledb') then
    return -1;
  end if;
  if not (select compression_enabled from timescaledb_information.hypertables where hypertable_name = 'sample') then
    execute 'alter table sample set (timescaledb.compress, timescaledb.compress_segmentby = ''series_id'',
      timescaledb.compress_orderby = ''ts'')';
  end if;
  for d in select c.day, c.part from sample_days(before) c loop
    perform compress_chunk(d.part, if_not_compressed => true);
    n := n + 1;
  end loop;
  return n;
exception when feature_not_supported then  -- 0A000: the Apache edition
  return -1;
end $$;

-- 5-minute history as rows, for SQL and Grafana. Filter by `day` as well as by `ts`: days are what partitions are made of.
create or replace view history_5m_rows with (security_invoker = true) as
select s.tenant_id, h.series_id, s.element_id, s.metric, s.instance, h.day,
  (h.day + (b.n - 1) * interval '5 minutes') at time zone 'UTC' as ts, b.mean, b.max, b.seconds
from history_5m h join series s on s.id = h.series_id,
  unnest(h.mean, h.max, h.seconds) with ordinality as b (mean, max, seconds, n)
where b.seconds > 0;

create or replace view history_1h_rows with (security_invoker = true) as
select s.tenant_id, h.series_id, s.element_id, s.metric, s.instance, h.day,
  (h.day + (b.n - 1) * interval '1 hour') at time zone 'UTC' as ts, b.mean, b.max, b.min, nullif(b.sum, 'NaN') as sum, b.seconds
from history_1h h join series s on s.id = h.series_id,
  unnest(h.mean, h.max, h.min, h.sum, h.seconds) with ordinality as b (mean, max, min, sum, seconds, n)
where b.seconds > 0;

create or replace view history_1d_rows with (security_invoker = true) as
select s.tenant_id, h.series_id, s.element_id, s.metric, s.instance, h.day, h.day::timestamp at time zone 'UTC' as ts,
  h.mean, h.max, h.min, h.p95, nullif(h.sum, 'NaN') as sum, h.seconds
from history_1d h join series s on s.id = h.series_id;

grant select on history_5m_rows, history_1h_rows, history_1d_rows to lineside_app;

do $$
declare f text;
begin
  foreach f in array array['ensure_history_day(date)', 'drop_history_days(text, date)', 'sample_days(date)',
    'release_sample_days(date)', 'retention_overrides()', 'tenants_with_late_data()', 'compress_sample_days(date)']
  loop
    execute 'revoke execute on function ' || f || ' from public';
    execute 'grant execute on function ' || f || ' to lineside_app';
  end loop;
end $$;
