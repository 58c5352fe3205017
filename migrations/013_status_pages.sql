-- Status pages: opt-in, readable by whoever knows the address. Of one account, or of the provider itself (no account).
create table status_page (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  title text not null,
  account_id bigint,
  enabled boolean not null default true,
  -- the address is the only key to the page: 122 random bits, made once
  slug text not null unique default replace(gen_random_uuid()::text, '-', ''),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, account_id) references account
);

create table status_page_component (
  tenant_id bigint not null,
  page_id bigint not null,
  position integer not null check (position >= 0),
  name text not null,
  description text not null default '',
  primary key (tenant_id, page_id, position),
  foreign key (tenant_id, page_id) references status_page on delete cascade
);

create table status_page_service (
  tenant_id bigint not null,
  page_id bigint not null,
  position integer not null,
  service_id bigint not null,
  primary key (tenant_id, page_id, position, service_id),
  foreign key (tenant_id, page_id, position) references status_page_component on delete cascade,
  foreign key (tenant_id, service_id) references service
);

do $$
declare t text;
begin
  foreach t in array array['status_page', 'status_page_component', 'status_page_service'] loop
    execute format('alter table %I enable row level security', t);
    execute format('create policy tenant on %I to lineside_app
      using (tenant_id = current_setting(''lineside.tenant'')::bigint)', t);
    execute format('grant select, insert, update, delete on %I to lineside_app', t);
  end loop;
end $$;

-- A bound account manager sees the pages of his accounts; a reseller none, since they show all services of an account.
select show_bound('status_page', 'account_id in (select bound_accounts())
  and (select coalesce(current_setting(''lineside.manager'', true), '''') <> '''')');
select show_bound('status_page_component', 'page_id in (select p.id from status_page p)');
select show_bound('status_page_service', 'page_id in (select p.id from status_page p)');
