-- Facts the CRM or billing sends. Lineside keeps no second master of them.
create table sales_order (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  account_id bigint not null,
  service_id bigint,
  status text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, account_id) references account,
  foreign key (tenant_id, service_id) references service
);

create table sales_order_line (
  tenant_id bigint not null references tenant,
  order_id bigint not null,
  position integer not null,
  class text not null check (class in ('New', 'Replace', 'Re-Term/Re-Rate', 'Service Request', 'Cancel')),
  service_id bigint,
  price_book_entry_id bigint,
  mrc numeric(14, 4) not null default 0,
  otc numeric(14, 4) not null default 0,
  currency currency not null,
  primary key (tenant_id, order_id, position),
  foreign key (tenant_id, order_id) references sales_order on delete cascade,
  foreign key (tenant_id, service_id) references service,
  foreign key (tenant_id, price_book_entry_id) references price_book_entry
);

create table support_case (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  account_id bigint not null,
  service_id bigint,
  subject text not null default '',
  status text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, account_id) references account,
  foreign key (tenant_id, service_id) references service
);

create table invoice (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  account_id bigint not null,
  issued_on date not null,
  due_on date,
  amount numeric(14, 4) not null,
  balance_due numeric(14, 4) not null default 0,
  currency currency not null,
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, account_id) references account
);

create table maintenance_window (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id external_id not null,
  owner owner,
  version integer not null default 1,
  title text not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  rrule text,
  timezone text not null default 'UTC',
  back_dated_reason text,
  canceled boolean not null default false,
  primary key (tenant_id, id, version),
  unique (tenant_id, external_id, version),
  check (starts_at < ends_at)
);

create table maintenance_window_service (
  tenant_id bigint not null references tenant,
  window_id bigint not null,
  version integer not null,
  service_id bigint not null,
  primary key (tenant_id, window_id, version, service_id),
  foreign key (tenant_id, window_id, version) references maintenance_window on delete cascade,
  foreign key (tenant_id, service_id) references service on delete cascade
);
