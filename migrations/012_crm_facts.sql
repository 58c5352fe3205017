-- What the CRM calls an order; and finding facts and services by account without reading them all.
alter table sales_order add column name text not null default '';
create index sales_order_account on sales_order (tenant_id, account_id);
create index sales_order_service on sales_order (tenant_id, service_id) where service_id is not null;
create index support_case_account on support_case (tenant_id, account_id);
create index support_case_service on support_case (tenant_id, service_id) where service_id is not null;
create index invoice_account on invoice (tenant_id, account_id, issued_on);
create index location_account on location (tenant_id, account_id);
create index sensor_secret on sensor (tenant_id, secret_id) where secret_id is not null;

-- Only who owns a table may have its rows counted; the application asks for it after it brought many.
create function count_inventory() returns void language plpgsql security definer set search_path = public as $$
begin
  analyze account, location, product, element, sensor, secret, service, service_version, service_add_on, redundancy_group,
    placement, placement_parent;
end $$;
revoke execute on function count_inventory() from public;
grant execute on function count_inventory() to lineside_app;
