"""Products: what is sold, with its sold limits."""

from __future__ import annotations

from storage.nouns import Noun

PRODUCTS = Noun(
    "product",
    """select id, external_id, owner,
         (to_jsonb(p) - '{tenant_id,external_id,owner}'::text[] || jsonb_build_object('id', external_id))::text as body
       from product p where tenant_id = $1 order by external_id""",
    (
        """insert into product (tenant_id, external_id, owner, name, kind, is_add_on, down_bps, up_bps, down_burst_bps,
             up_burst_bps, storage_bytes, vcpu, ram_bytes, seats, response_time_ms, loss_percent, jitter_ms, hard_limit,
             sla_percent, maintenance_policy, lead_time_days)
           select $1::bigint, x.id, $3::text, x.name, x.kind, x.is_add_on, x.down_bps, x.up_bps, x.down_burst_bps,
             x.up_burst_bps, x.storage_bytes, x.vcpu, x.ram_bytes, x.seats, x.response_time_ms, x.loss_percent, x.jitter_ms,
             x.hard_limit, x.sla_percent, x.maintenance_policy, x.lead_time_days
           from jsonb_to_recordset($2::text::jsonb) as x (id text, name text, kind text, is_add_on boolean, down_bps bigint,
             up_bps bigint, down_burst_bps bigint, up_burst_bps bigint, storage_bytes bigint, vcpu integer, ram_bytes bigint,
             seats integer, response_time_ms double precision, loss_percent double precision, jitter_ms double precision,
             hard_limit boolean, sla_percent double precision, maintenance_policy text, lead_time_days integer)
           on conflict (tenant_id, external_id) do update set name = excluded.name, kind = excluded.kind,
             is_add_on = excluded.is_add_on, down_bps = excluded.down_bps, up_bps = excluded.up_bps,
             down_burst_bps = excluded.down_burst_bps, up_burst_bps = excluded.up_burst_bps,
             storage_bytes = excluded.storage_bytes, vcpu = excluded.vcpu, ram_bytes = excluded.ram_bytes,
             seats = excluded.seats, response_time_ms = excluded.response_time_ms, loss_percent = excluded.loss_percent,
             jitter_ms = excluded.jitter_ms, hard_limit = excluded.hard_limit, sla_percent = excluded.sla_percent,
             maintenance_policy = excluded.maintenance_policy, lead_time_days = excluded.lead_time_days""",
    ),
)
