-- Bound callers see a maintenance window while its newest version names a service of theirs: one that was corrected to other
-- services is no business of theirs any more, nor is what its title says since.
create or replace function bound_windows() returns setof bigint language sql stable security definer rows 100
  set search_path = public as $$
  select m.window_id from maintenance_window_service m
  where m.tenant_id = current_setting('lineside.tenant')::bigint and m.service_id in (select bound_services())
    and m.version = (select max(w.version) from maintenance_window w where w.tenant_id = m.tenant_id and w.id = m.window_id)
$$;
revoke execute on function bound_windows() from public;
grant execute on function bound_windows() to lineside_app;
select show_bound('maintenance_window', 'id in (select bound_windows())');
