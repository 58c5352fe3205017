-- Callers that see a part of the tenant: an API key or a page session may be bound to an account manager (own accounts only) or
-- to a reseller (services that he sells and that are shown in his portal). The rows that such a caller may see are chosen here,
-- by restrictive policies that go with every other one, so that no query can forget to; bound callers only read.
do $$
declare t text;
begin
  foreach t in array array['api_key', 'page_session'] loop
    -- with the person goes the key: it must never come to see everything
    execute format('alter table %I add column account_manager_id bigint, add column reseller_id bigint,
      add foreign key (tenant_id, account_manager_id) references account_manager on delete cascade,
      add foreign key (tenant_id, reseller_id) references account on delete cascade,
      add constraint bound_to_one check (num_nonnulls(account_manager_id, reseller_id) <= 1),
      add constraint bound_callers_read check (num_nonnulls(account_manager_id, reseller_id) = 0
        or scopes <@ array[''crm-read'', ''noc-read''])', t);
  end loop;
end $$;
create index account_of_manager on account (tenant_id, account_manager_id);
create index service_of_reseller on service (tenant_id, reseller_id) where reseller_id is not null;
create index element_of_provider on element (tenant_id, provider_account_id) where provider_account_id is not null;

-- What the caller of this transaction may see. They run as the owner, whom no policy holds back: a policy that asked the
-- tables themselves would ask its own policy again.
create function bound_accounts() returns setof bigint language sql stable security definer rows 1000 set search_path = public as $$
  select a.id from account a where a.tenant_id = current_setting('lineside.tenant')::bigint
    and a.account_manager_id = nullif(current_setting('lineside.manager', true), '')::bigint
  union all
  select s.account_id from service s where s.tenant_id = current_setting('lineside.tenant')::bigint
    and s.reseller_id = nullif(current_setting('lineside.reseller', true), '')::bigint and s.show_in_reseller_portal
  union all
  select nullif(current_setting('lineside.reseller', true), '')::bigint
  where coalesce(current_setting('lineside.reseller', true), '') <> ''
$$;

create function bound_managed() returns setof bigint language sql stable security definer rows 100 set search_path = public as $$
  select a.id from account a where a.tenant_id = current_setting('lineside.tenant')::bigint
    and a.account_manager_id = nullif(current_setting('lineside.manager', true), '')::bigint
$$;

create function bound_services() returns setof bigint language sql stable security definer rows 1000 set search_path = public as $$
  select s.id from account a join service s on s.tenant_id = a.tenant_id and s.account_id = a.id
  where a.tenant_id = current_setting('lineside.tenant')::bigint
    and a.account_manager_id = nullif(current_setting('lineside.manager', true), '')::bigint
  union all
  select s.id from service s where s.tenant_id = current_setting('lineside.tenant')::bigint
    and s.reseller_id = nullif(current_setting('lineside.reseller', true), '')::bigint and s.show_in_reseller_portal
$$;

create function bound_locations() returns setof bigint language sql stable security definer rows 1000 set search_path = public as $$
  select l.id from account a join location l on l.tenant_id = a.tenant_id and l.account_id = a.id
  where a.tenant_id = current_setting('lineside.tenant')::bigint
    and a.account_manager_id = nullif(current_setting('lineside.manager', true), '')::bigint
  union all
  select s.location_id from service s where s.tenant_id = current_setting('lineside.tenant')::bigint
    and s.id in (select bound_services()) and s.location_id is not null
$$;

-- Elements that are placed in the caller's services.
create function bound_placed() returns setof bigint language sql stable security definer rows 1000 set search_path = public as $$
  select p.element_id from bound_services() b join placement p
    on p.tenant_id = current_setting('lineside.tenant')::bigint and p.service_id = b
$$;

-- The devices whose ports those are.
create function bound_devices() returns setof bigint language sql stable security definer rows 100 set search_path = public as $$
  select distinct e.device_id from bound_placed() p join element e
    on e.tenant_id = current_setting('lineside.tenant')::bigint and e.id = p and e.device_id is not null
$$;

-- Elements that carry no one else's services: all that is measured on them may be seen, each of their ports too.
create function bound_own_elements() returns setof bigint language sql stable security definer rows 1000
  set search_path = public as $$
  select p.element_id from placement p where p.tenant_id = current_setting('lineside.tenant')::bigint
    and p.element_id in (select bound_placed())
  group by p.element_id having bool_and(p.service_id in (select bound_services()))
    and not exists (select from element port join placement o on o.tenant_id = port.tenant_id and o.element_id = port.id
      where port.tenant_id = current_setting('lineside.tenant')::bigint and port.device_id = p.element_id
        and o.service_id not in (select bound_services()))
$$;

create function bound_sites() returns setof bigint language sql stable security definer rows 100 set search_path = public as $$
  select distinct e.site_id from element e where e.tenant_id = current_setting('lineside.tenant')::bigint
    and (e.id in (select bound_placed()) or e.id in (select bound_devices())) and e.site_id is not null
$$;

-- Says which rows of a table a bound caller sees: every table with a tenant needs one call ('false' = none, 'true' = all).
-- Both settings are read once a statement, and for a caller without binding that is all it costs.
create function show_bound(target regclass, predicate text) returns void language plpgsql set search_path = public as $$
begin
  execute format('drop policy if exists bound on %s', target);
  execute format('create policy bound on %s as restrictive to lineside_app using ((select
    coalesce(current_setting(''lineside.manager'', true), '''') || coalesce(current_setting(''lineside.reseller'', true), '''') = '''')
    or (%s))', target, predicate);
end $$;

do $$
declare
  name text; predicate text; f text;
  managers text := '(select coalesce(current_setting(''lineside.manager'', true), '''') <> '''')';
begin
  for name, predicate in values
    ('tenant', 'true'), ('rule_set', 'true'), ('tenant_retention', 'true'), ('history_progress', 'true'), ('product', 'true'),
    ('site', 'id in (select bound_sites())'),
    ('agent', 'site_id in (select bound_sites())'),
    ('agent_presence', 'agent_id in (select a.id from agent a)'),
    ('ingest_gap', 'agent_id in (select a.id from agent a)'),
    ('account_manager', 'id = (select nullif(current_setting(''lineside.manager'', true), '''')::bigint)'),
    ('account', 'id in (select bound_accounts())'),
    ('location', 'id in (select bound_locations())'),
    ('service', 'account_id in (select bound_managed()) or (show_in_reseller_portal
       and reseller_id = (select nullif(current_setting(''lineside.reseller'', true), '''')::bigint))'),
    ('element', 'exists (select from placement p where p.tenant_id = element.tenant_id and p.element_id = element.id)
       or id in (select bound_devices())'),
    ('sensor', 'exists (select from element e where e.tenant_id = sensor.tenant_id and e.id = sensor.element_id)'),
    ('sensor_interval', 'sensor_id in (select n.id from sensor n)'),
    ('element_span', 'exists (select from element e where e.tenant_id = element_span.tenant_id and e.id = element_span.element_id)'),
    ('element_due', 'exists (select from element e where e.tenant_id = element_due.tenant_id and e.id = element_due.element_id)'),
    -- a device that others use too shows how it does, never the traffic of their ports
    ('series', 'exists (select from placement p where p.tenant_id = series.tenant_id and p.element_id = series.element_id)
       and (instance = '''' or metric not like ''if.%'' or element_id in (select bound_own_elements()))'),
    ('placement_parent', 'placement_id in (select p.id from placement p)'),
    ('maintenance_window', 'id in (select w.window_id from maintenance_window_service w)'),
    ('support_case', 'service_id in (select bound_services()) or (' || managers || ' and account_id in (select bound_accounts()))'),
    -- what an account is as a whole is no reseller's business, nor what the provider's catalogue says
    ('sales_order', managers || ' and account_id in (select bound_accounts())'),
    ('sales_order_line', 'order_id in (select o.id from sales_order o)'),
    ('invoice', managers || ' and account_id in (select bound_accounts())'),
    ('account_span', managers || ' and account_id in (select bound_accounts())'),
    ('template', managers), ('price_book', managers), ('price_book_entry', managers), ('upgrade_path', managers)
  loop
    perform show_bound(name::regclass, predicate);
  end loop;
  foreach name in array array['service_add_on', 'service_version', 'service_span', 'service_due', 'placement',
    'redundancy_group', 'maintenance_window_service'] loop
    perform show_bound(name::regclass, 'service_id in (select bound_services())');
  end loop;
  foreach name in array array['secret', 'agent_secret', 'enrol_token', 'api_key', 'page_session', 'ingest_claim',
    'ingest_reject', 'discovery', 'status_dirty', 'account_dirty', 'history_dirty'] loop
    perform show_bound(name::regclass, 'false');
  end loop;
  revoke execute on function show_bound(regclass, text) from public;
  foreach f in array array['accounts', 'managed', 'services', 'locations', 'placed', 'devices', 'own_elements', 'sites'] loop
    execute format('revoke execute on function bound_%s() from public', f);
    execute format('grant execute on function bound_%s() to lineside_app', f);
  end loop;
end $$;
