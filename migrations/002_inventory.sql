-- What was sold to whom and what carries it. Every noun: external_id unique per tenant, one owner (yaml, crm or api).
create domain external_id as text check (length(value) between 1 and 255);
create domain owner as text not null check (value in ('yaml', 'crm', 'api'));
create domain currency as text check (value ~ '^[A-Z]{3}$');
create domain country as text check (value ~ '^[A-Z]{2}$');

create table account_manager (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  name text not null,
  email text not null,
  primary key (tenant_id, id),
  unique (tenant_id, external_id)
);

create table account (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  name text not null,
  account_manager_id bigint,
  timezone text,
  country country,
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, account_manager_id) references account_manager
);

create table location (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  account_id bigint not null,
  name text not null,
  street text not null default '',
  city text not null default '',
  postal_code text not null default '',
  region text not null default '',
  country country,
  latitude double precision check (latitude between -90 and 90),
  longitude double precision check (longitude between -180 and 180),
  timezone text,
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, account_id) references account
);

-- A service structure that is applied to services: placements as data, elements named by role.
create table template (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  name text not null,
  structure jsonb not null default '[]',
  primary key (tenant_id, id),
  unique (tenant_id, external_id)
);

create table product (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  name text not null,
  kind text not null default '',
  is_add_on boolean not null default false,
  down_bps bigint check (down_bps > 0),
  up_bps bigint check (up_bps > 0),
  down_burst_bps bigint check (down_burst_bps > 0),
  up_burst_bps bigint check (up_burst_bps > 0),
  storage_bytes bigint check (storage_bytes > 0),
  vcpu integer check (vcpu > 0),
  ram_bytes bigint check (ram_bytes > 0),
  seats integer check (seats > 0),
  response_time_ms double precision check (response_time_ms > 0),
  loss_percent double precision check (loss_percent between 0 and 100),
  jitter_ms double precision check (jitter_ms > 0),
  hard_limit boolean not null default false,
  sla_percent double precision check (sla_percent > 0 and sla_percent <= 100),
  maintenance_policy text not null default 'exclude' check (maintenance_policy in ('exclude', 'honor_up', 'ignore')),
  lead_time_days integer not null default 0 check (lead_time_days >= 0),
  primary key (tenant_id, id),
  unique (tenant_id, external_id)
);

create table price_book (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  name text not null,
  currency currency not null,
  primary key (tenant_id, id),
  unique (tenant_id, external_id)
);

create table price_book_entry (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  price_book_id bigint not null,
  product_id bigint not null,
  mrc numeric(14, 4) not null default 0,
  otc numeric(14, 4) not null default 0,
  template_id bigint,
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, price_book_id) references price_book,
  foreign key (tenant_id, product_id) references product,
  foreign key (tenant_id, template_id) references template
);

-- The upgrade path of a price book entry: next tiers and add-ons, nearest first.
create table upgrade_path (
  tenant_id bigint not null references tenant,
  from_entry_id bigint not null,
  position integer not null check (position >= 0),
  to_entry_id bigint not null,
  price_delta numeric(14, 4) not null,
  primary key (tenant_id, from_entry_id, position),
  foreign key (tenant_id, from_entry_id) references price_book_entry (tenant_id, id) on delete cascade,
  foreign key (tenant_id, to_entry_id) references price_book_entry (tenant_id, id)
);

create table service (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  name text not null,
  customer_service_name text not null default '',
  account_id bigint not null,
  product_id bigint not null,
  price_book_entry_id bigint,
  location_id bigint,
  floor text not null default '',
  suite text not null default '',
  room text not null default '',
  cage text not null default '',
  cabinet text not null default '',
  rack text not null default '',
  fulfilment_status text not null check (fulfilment_status in ('New', 'In Service', 'Suspended For Non-Pay',
    'Canceled For Non-Pay', 'Canceled By User', 'Expired', 'Order Canceled')),
  active boolean generated always as (fulfilment_status in ('New', 'In Service')) stored,
  in_service boolean generated always as (fulfilment_status = 'In Service') stored,
  replaced_with_id bigint,
  reseller_id bigint,
  show_in_reseller_portal boolean not null default false,
  mrr numeric(14, 4) not null default 0,
  currency currency not null default 'EUR',
  commission numeric(14, 4) not null default 0,
  service_start date,
  service_end date,
  term_end date,
  month_to_month boolean not null default false,
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  unique (tenant_id, name),
  foreign key (tenant_id, account_id) references account,
  foreign key (tenant_id, product_id) references product,
  foreign key (tenant_id, price_book_entry_id) references price_book_entry,
  foreign key (tenant_id, location_id) references location,
  foreign key (tenant_id, replaced_with_id) references service,
  foreign key (tenant_id, reseller_id) references account
);
create index service_account on service (tenant_id, account_id);

create table service_add_on (
  tenant_id bigint not null references tenant,
  service_id bigint not null,
  product_id bigint not null,
  mrr numeric(14, 4) not null default 0,
  start_date date,
  end_date date,
  primary key (tenant_id, service_id, product_id),
  foreign key (tenant_id, service_id) references service on delete cascade,
  foreign key (tenant_id, product_id) references product
);

-- What a service was when: fulfilment and product from an instant on. History is computed from it, never from today's row.
create table service_version (
  tenant_id bigint not null references tenant,
  service_id bigint not null,
  valid_from timestamptz not null,
  fulfilment_status text not null,
  product_id bigint not null,
  primary key (tenant_id, service_id, valid_from),
  foreign key (tenant_id, service_id) references service on delete cascade
);

create table element (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  name text not null,
  kind text not null default 'device',
  site_id bigint,
  address text,
  -- a port of a device, found by its ifName: what the device's SNMP sensor reports of that port belongs to this element
  device_id bigint,
  port text,
  managed boolean not null default true,
  provider_account_id bigint,
  cost numeric(14, 4) not null default 0,
  cost_currency currency not null default 'EUR',
  -- metric -> {"raise": x, "clear": y}, over the tenant's rules
  thresholds jsonb not null default '{}',
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  unique (tenant_id, device_id, port),
  check ((device_id is null) = (port is null)),
  foreign key (tenant_id, site_id) references site,
  foreign key (tenant_id, device_id) references element,
  foreign key (tenant_id, provider_account_id) references account
);

create table sensor (
  tenant_id bigint not null references tenant,
  id integer generated always as identity unique,
  element_id bigint not null,
  name text not null,
  kind text not null check (kind in ('ping', 'tcp', 'snmp', 'port')),
  role text not null check (role in ('reachability', 'condition')),
  required boolean not null default true,
  source text not null default 'agent',
  interval_seconds real not null default 60 check (interval_seconds >= 1),
  settings jsonb not null default '{}',
  secret_id bigint,
  primary key (tenant_id, id),
  unique (tenant_id, element_id, name),
  foreign key (tenant_id, element_id) references element on delete cascade,
  foreign key (tenant_id, secret_id) references secret
);

create table redundancy_group (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  service_id bigint not null,
  name text not null,
  k integer not null check (k >= 1),
  criticality text not null check (criticality in ('required', 'degrading', 'informational')),
  primary key (tenant_id, id),
  unique (tenant_id, service_id, name),
  foreign key (tenant_id, service_id) references service on delete cascade
);

create table placement (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  service_id bigint not null,
  element_id bigint not null,
  criticality text not null check (criticality in ('required', 'degrading', 'informational')),
  group_id bigint,
  meter_metric text,
  facing text check (facing in ('customer', 'network')),
  primary key (tenant_id, id),
  unique (tenant_id, service_id, element_id),
  check ((meter_metric is null) = (facing is null)),
  foreign key (tenant_id, service_id) references service on delete cascade,
  foreign key (tenant_id, element_id) references element,
  foreign key (tenant_id, group_id) references redundancy_group
);
create index placement_element on placement (tenant_id, element_id);

create table placement_parent (
  tenant_id bigint not null references tenant,
  placement_id bigint not null,
  parent_id bigint not null,
  primary key (tenant_id, placement_id, parent_id),
  check (placement_id <> parent_id),
  foreign key (tenant_id, placement_id) references placement (tenant_id, id) on delete cascade,
  foreign key (tenant_id, parent_id) references placement (tenant_id, id) on delete cascade
);
