-- Roles, tenants, secrets, agents and who may call. Roles belong to the whole cluster, so they may exist already.
do $$
declare r text;
begin
  foreach r in array array['lineside_app', 'lineside_ingest'] loop
    begin
      execute format('create role %I nologin', r);
    exception when duplicate_object or unique_violation then null;
    end;
    -- the migrating role must be able to become the other two
    execute format('grant %I to current_user', r);
  end loop;
end $$;
grant usage on schema public to lineside_app, lineside_ingest;

create table installation (
  only_row boolean primary key default true check (only_row),
  -- raised when a backup is restored: agents that see a higher one send again what the backup may lack
  generation bigint not null default 1
);
insert into installation default values;
grant select on installation to lineside_app, lineside_ingest;

create table tenant (
  id bigint generated always as identity primary key check (id < 1 << 22),
  external_id text not null unique check (length(external_id) between 1 and 255),
  name text not null,
  timezone text not null default 'UTC',
  country text not null default '' check (country ~ '^([A-Z]{2})?$'),
  week_start smallint not null default 1 check (week_start between 1 and 7),
  any_down boolean not null default false
);

-- Rules of status, alarms and opportunities: versioned rows of typed parameters.
create table rule_set (
  tenant_id bigint not null references tenant,
  kind text not null,
  version integer not null,
  parameters jsonb not null,
  valid_from timestamptz not null,
  primary key (tenant_id, kind, version)
);

-- Device secrets, sealed with AES-GCM under a key that is kept outside the database.
create table secret (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  name text not null,
  key_id bytea not null,
  nonce bytea not null,
  sealed bytea not null,
  primary key (tenant_id, id),
  unique (tenant_id, name)
);

create table site (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  external_id text not null check (length(external_id) between 1 and 255),
  name text not null,
  timezone text,
  country text,
  owner text not null check (owner in ('yaml', 'crm', 'api')),
  primary key (tenant_id, id),
  unique (tenant_id, external_id)
);

create table agent (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity unique,
  external_id text not null,
  site_id bigint not null,
  name text not null,
  version text not null default '',
  host jsonb not null default '{}',
  enrolled_at timestamptz not null,
  revoked_at timestamptz,
  plan_revision text not null default '',
  plan_error text not null default '',
  skew_seconds double precision,
  spool_bytes bigint,
  spool_records bigint,
  dropped jsonb not null default '{}',
  errors jsonb not null default '{}',
  primary key (tenant_id, id),
  unique (tenant_id, external_id),
  foreign key (tenant_id, site_id) references site
);

create table agent_secret (
  tenant_id bigint not null,
  agent_id bigint not null,
  sha256 bytea primary key,
  created_at timestamptz not null,
  revoked_at timestamptz,
  foreign key (tenant_id, agent_id) references agent on delete cascade
);

create table enrol_token (
  tenant_id bigint not null,
  site_id bigint not null,
  sha256 bytea primary key,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  agent_id bigint,
  secret_sha256 bytea,
  foreign key (tenant_id, site_id) references site,
  foreign key (tenant_id, agent_id) references agent
);

-- When an agent was heard: [since, until], extended by each authenticated request; a pause of 90 s starts a new row.
-- `over` is set when the pause was noticed, so that its elements were decided again with that reason.
create table agent_presence (
  tenant_id bigint not null,
  agent_id bigint not null,
  since timestamptz not null,
  until timestamptz not null,
  over boolean not null default false,
  primary key (tenant_id, agent_id, since),
  foreign key (tenant_id, agent_id) references agent on delete cascade
);

create index agent_presence_open on agent_presence (until) where not over;

create table api_key (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  sha256 bytea not null unique,
  name text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  revoked_at timestamptz,
  primary key (tenant_id, id)
);

-- A person's session in a browser, opened by a one-time link; `redeemed_at` is when the link was used.
create table page_session (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  link_sha256 bytea not null unique,
  link_expires_at timestamptz not null,
  redeemed_at timestamptz,
  cookie_sha256 bytea unique,
  expires_at timestamptz not null,
  scopes text[] not null,
  primary key (tenant_id, id)
);
