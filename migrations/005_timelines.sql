-- History is intervals [starts_at, ends_at), open at the end while ends_at is null; recomputed, never patched.
create table element_span (
  tenant_id bigint not null,
  element_id bigint not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  raw text not null,
  shown text not null,
  reason text not null default '',
  flags text[] not null default '{}',
  evidence jsonb not null default '[]',
  -- the confirmed state of each sensor when the span starts: what a later decision starts from
  sensors jsonb not null default '{}',
  primary key (tenant_id, element_id, starts_at),
  check (starts_at < ends_at),
  foreign key (tenant_id, element_id) references element on delete cascade
);

-- When an element's status changes by the passing of time alone (it goes stale): acted on by index, never by scanning.
create table element_due (
  tenant_id bigint not null,
  element_id bigint not null,
  due_at timestamptz not null,
  primary key (tenant_id, element_id),
  foreign key (tenant_id, element_id) references element on delete cascade
);
create index element_due_at on element_due (due_at);

create table service_span (
  tenant_id bigint not null,
  service_id bigint not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  raw text not null,
  shown text not null,
  reason text not null default '',
  flags text[] not null default '{}',
  since timestamptz not null,
  cause jsonb not null default '[]',
  primary key (tenant_id, service_id, starts_at),
  check (starts_at < ends_at),
  foreign key (tenant_id, service_id) references service on delete cascade
);
create unique index service_span_open on service_span (tenant_id, service_id) where ends_at is null;
create unique index element_span_open on element_span (tenant_id, element_id) where ends_at is null;
