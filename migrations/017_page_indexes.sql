-- What the pages ask for at every look, found by index.

-- The services that were Down lately, among years of spans of which nearly all are Up.
create index service_span_down on service_span (tenant_id, ends_at) include (service_id, starts_at, flags) where raw = 'Down';
-- What is Down or has issues now.
create index service_span_trouble on service_span (tenant_id, service_id) where ends_at is null and shown in ('Down', 'Has Issues');
