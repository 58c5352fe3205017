-- Facts that people and the CRM write beside the inventory: pages that show them are made anew, at once and in every process.
create or replace function tell_pages() returns trigger language plpgsql set search_path = public as $$
begin
  perform pg_notify('lineside_status', '');
  return null;
end $$;

do $$
declare t text;
begin
  foreach t in array array['support_case', 'sales_order', 'invoice', 'maintenance_window', 'calendar_feed'] loop
    execute format('create or replace trigger tell_pages after insert or update or delete on %I
      for each statement execute function tell_pages()', t);
  end loop;
end $$;
