-- Days of history, past ones too: partitions on plain PostgreSQL, nothing to do on a hypertable (it makes its own chunks).

-- Makes the partition of `day` (UTC) where it is missing. Attaching takes no lock that stops readers or writers.
create or replace function ensure_sample_day(day date) returns void
language plpgsql security definer set search_path = public as $$
declare part text := 'sample_' || to_char(day, 'YYYYMMDD');
begin
  if not exists (select from pg_partitioned_table where partrelid = 'sample'::regclass)
     or to_regclass(part) is not null then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('ensure_sample_day'));
  if to_regclass(part) is not null then
    return;
  end if;
  execute format('create table %I (like sample including defaults including constraints)', part);
  execute format('alter table sample attach partition %I for values from (%L) to (%L)', part,
    day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
end $$;

-- Drops whole days before `day`; returns how many partitions or chunks went.
create or replace function drop_sample_days(before date) returns integer
language plpgsql security definer set search_path = public as $$
declare part text; n integer := 0;
begin
  if exists (select from pg_partitioned_table where partrelid = 'sample'::regclass) then
    for part in select inhrelid::regclass::text from pg_inherits where inhparent = 'sample'::regclass
                and inhrelid::regclass::text < 'sample_' || to_char(before, 'YYYYMMDD') loop
      execute format('drop table %s', part);
      n := n + 1;
    end loop;
  else
    execute 'select count(*) from drop_chunks(''sample'', $1)' into n using before::timestamp at time zone 'UTC';
  end if;
  return n;
end $$;

revoke execute on function ensure_sample_day(date), drop_sample_days(date) from public;
grant execute on function ensure_sample_day(date), drop_sample_days(date) to lineside_app, lineside_ingest;
