-- Maintenance windows in versions, when a window opens or closes next, and the timelines of accounts.

-- A version counts from when it was saved; one with a reason for its back-dating counts for all time.
alter table maintenance_window add column recorded_at timestamptz not null default 'epoch';
alter table maintenance_window alter column recorded_at drop default;
create index maintenance_window_of_service on maintenance_window_service (tenant_id, service_id);

-- When a service changes by the passing of time alone (a window opens or closes): acted on by index, never by scanning.
create table service_due (
  tenant_id bigint not null,
  service_id bigint not null,
  due_at timestamptz not null,
  primary key (tenant_id, service_id),
  foreign key (tenant_id, service_id) references service on delete cascade
);
create index service_due_at on service_due (due_at);

-- Availability reads start, end, status and flags of many spans and nothing else: from the index alone, where those of one
-- service lie together, while the rows lie in the order in which time made them.
alter table service_span drop constraint service_span_pkey;
alter table service_span add primary key (tenant_id, service_id, starts_at) include (ends_at, raw, flags);

-- Recomputed from the timelines of the account's services; the counts go with `shown`.
create table account_span (
  tenant_id bigint not null,
  account_id bigint not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  raw text not null,
  shown text not null,
  measured integer not null,
  services integer not null,
  services_down integer not null,
  flags text[] not null default '{}',
  primary key (tenant_id, account_id, starts_at),
  check (starts_at < ends_at),
  foreign key (tenant_id, account_id) references account on delete cascade
);
create unique index account_span_open on account_span (tenant_id, account_id) where ends_at is null;

-- Accounts whose whole timeline must be decided again, since other services make it up or the tenant counts otherwise.
create table account_dirty (
  tenant_id bigint not null,
  account_id bigint not null,
  primary key (tenant_id, account_id),
  foreign key (tenant_id, account_id) references account on delete cascade
);
insert into account_dirty select tenant_id, id from account;

create function mark_accounts() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'tenant' then
    insert into account_dirty select a.tenant_id, a.id from account a join new_rows n on n.id = a.tenant_id
      join old_rows o on o.id = n.id and o.any_down <> n.any_down on conflict do nothing;
  elsif tg_op = 'UPDATE' then
    insert into account_dirty select o.tenant_id, unnest(array[o.account_id, n.account_id])
      from old_rows o join new_rows n on n.tenant_id = o.tenant_id and n.id = o.id and n.account_id <> o.account_id
      on conflict do nothing;
  else
    insert into account_dirty select distinct o.tenant_id, o.account_id from old_rows o
      join account a on a.tenant_id = o.tenant_id and a.id = o.account_id on conflict do nothing;
  end if;
  if found then
    perform pg_notify('lineside_dirty', '');
  end if;
  return null;
end $$;
create trigger mark_accounts_update after update on service
  referencing old table as old_rows new table as new_rows for each statement execute function mark_accounts();
create trigger mark_accounts_delete after delete on service
  referencing old table as old_rows for each statement execute function mark_accounts();
create trigger mark_accounts after update on tenant
  referencing old table as old_rows new table as new_rows for each statement execute function mark_accounts();

do $$
declare t text;
begin
  foreach t in array array['service_due', 'account_span', 'account_dirty'] loop
    execute format('alter table %I enable row level security', t);
    execute format('create policy tenant on %I to lineside_app
      using (tenant_id = current_setting(''lineside.tenant'')::bigint)', t);
    execute format('grant select, insert, update, delete on %I to lineside_app', t);
  end loop;
end $$;
