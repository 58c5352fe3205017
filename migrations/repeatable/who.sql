-- Who is calling, before a tenant is known: each function answers for one exact hash and nothing else.
-- What a function returns cannot be replaced, only dropped.
drop function if exists who_is_api_key(bytea);
create function who_is_api_key(hash bytea)
returns table (tenant_id bigint, id bigint, name text, scopes text[], account_manager_id bigint, reseller_id bigint)
language sql stable security definer set search_path = public as $$
  select k.tenant_id, k.id, k.name, k.scopes, k.account_manager_id, k.reseller_id
  from api_key k where k.sha256 = hash and k.revoked_at is null
$$;

drop function if exists who_is_page_session(bytea, timestamptz);
create function who_is_page_session(hash bytea, at timestamptz)
returns table (tenant_id bigint, id bigint, scopes text[], account_manager_id bigint, reseller_id bigint)
language sql stable security definer set search_path = public as $$
  select s.tenant_id, s.id, s.scopes, s.account_manager_id, s.reseller_id
  from page_session s where s.cookie_sha256 = hash and s.expires_at > at
$$;

create or replace function who_is_agent(hash bytea)
returns table (tenant_id bigint, id bigint, external_id text, site_id bigint)
language sql stable security definer set search_path = public as $$
  select a.tenant_id, a.id, a.external_id, a.site_id from agent_secret s join agent a on a.id = s.agent_id
  where s.sha256 = hash and s.revoked_at is null and a.revoked_at is null
$$;

create or replace function tenant_of_enrol_token(hash bytea) returns bigint
language sql stable security definer set search_path = public as $$
  select t.tenant_id from enrol_token t where t.sha256 = hash
$$;

create or replace function tenant_of_page_link(hash bytea) returns bigint
language sql stable security definer set search_path = public as $$
  select s.tenant_id from page_session s where s.link_sha256 = hash
$$;

create or replace function tenant_of_status_page(wanted text) returns bigint
language sql stable security definer set search_path = public as $$
  select p.tenant_id from status_page p where p.slug = wanted and p.enabled
$$;

create or replace function tenants() returns table (id bigint, external_id text)
language sql stable security definer set search_path = public as $$
  select t.id, t.external_id from tenant t order by t.id
$$;

-- Tenants for which the status jobs have something to do now.
create or replace function tenants_with_status_work(at timestamptz) returns setof bigint
language sql stable security definer set search_path = public as $$
  select distinct d.tenant_id from status_dirty d
  union select distinct e.tenant_id from element_due e where e.due_at <= at
  union select distinct s.tenant_id from service_due s where s.due_at <= at
  union select distinct a.tenant_id from account_dirty a
$$;

do $$
declare f text;
begin
  foreach f in array array['who_is_api_key(bytea)', 'who_is_page_session(bytea, timestamptz)', 'who_is_agent(bytea)',
    'tenant_of_enrol_token(bytea)', 'tenant_of_page_link(bytea)', 'tenant_of_status_page(text)', 'tenants()', 'tenants_with_status_work(timestamptz)']
  loop
    execute 'revoke execute on function ' || f || ' from public';
    execute 'grant execute on function ' || f || ' to lineside_app';
  end loop;
end $$;
