-- Addresses under which a calendar fetches the maintenance windows: calendars send no cookie, so the address is the credential.
-- Only its hash is kept; whoever made one may stop all of them.
create table calendar_feed (
  tenant_id bigint not null references tenant,
  id bigint generated always as identity,
  sha256 bytea not null unique,
  created_at timestamptz not null,
  revoked_at timestamptz,
  primary key (tenant_id, id)
);
alter table calendar_feed enable row level security;
create policy tenant on calendar_feed to lineside_app using (tenant_id = current_setting('lineside.tenant')::bigint);
grant select, insert, update, delete on calendar_feed to lineside_app;
-- bound callers change nothing, so they make no address
select show_bound('calendar_feed', 'false');

create function tenant_of_calendar(digest bytea) returns bigint language sql stable security definer set search_path = public as $$
  select tenant_id from calendar_feed where sha256 = digest and revoked_at is null
$$;
revoke execute on function tenant_of_calendar(bytea) from public;
grant execute on function tenant_of_calendar(bytea) to lineside_app;
