-- Figures that need more rows than a bound caller may see: they run as the owner, and what they return says nothing of others.

-- What a service's elements cost a month, by currency. The cost of an element is shared equally by the services In Service that
-- it is placed in, or that a port of it is placed in; a service that is not In Service carries none.
create or replace function service_costs(services bigint[]) returns table (service_id bigint, currency text, cost numeric)
language sql stable security definer set search_path = public as $$
  with mine as (
    select p.service_id, unnest(array[p.element_id, e.device_id]) as element_id
    from service s
    join placement p on p.tenant_id = s.tenant_id and p.service_id = s.id
    join element e on e.tenant_id = p.tenant_id and e.id = p.element_id
    where s.tenant_id = current_setting('lineside.tenant')::bigint and s.id = any(services) and s.in_service
  ), costly as (
    select e.id, e.cost, e.cost_currency from element e
    where e.tenant_id = current_setting('lineside.tenant')::bigint and e.cost <> 0 and e.id in (select m.element_id from mine m)
  ), carried as (
    select c.id, count(distinct s.id) as n from costly c
    cross join lateral (
      select p.service_id from placement p
      where p.tenant_id = current_setting('lineside.tenant')::bigint and p.element_id = c.id
      union all
      select p.service_id from element port join placement p on p.tenant_id = port.tenant_id and p.element_id = port.id
      where port.tenant_id = current_setting('lineside.tenant')::bigint and port.device_id = c.id) u
    join service s on s.tenant_id = current_setting('lineside.tenant')::bigint and s.id = u.service_id and s.in_service
    group by c.id)
  select m.service_id, c.cost_currency, sum(c.cost / k.n)
  from (select distinct * from mine) m join costly c on c.id = m.element_id join carried k on k.id = c.id group by 1, 2
$$;

-- What accounts are to the provider: by any service, whatever its status, and by any element that is placed in a service.
create or replace function account_roles(accounts bigint[])
returns table (account_id bigint, customer boolean, reseller boolean, provider boolean)
language sql stable security definer set search_path = public as $$
  select a.id,
    exists (select from service s where s.tenant_id = a.tenant_id and s.account_id = a.id),
    exists (select from service s where s.tenant_id = a.tenant_id and s.reseller_id = a.id),
    exists (select from element e join placement p on p.tenant_id = e.tenant_id and p.element_id = e.id
      where e.tenant_id = a.tenant_id and e.provider_account_id = a.id)
  from account a where a.tenant_id = current_setting('lineside.tenant')::bigint and a.id = any(accounts)
$$;

revoke execute on function service_costs(bigint[]), account_roles(bigint[]) from public;
grant execute on function service_costs(bigint[]), account_roles(bigint[]) to lineside_app;
