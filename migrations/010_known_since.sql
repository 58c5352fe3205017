-- What an inventory change says counts from when it was made: history before it was decided by what held then.
alter table element add column judged_since timestamptz not null default 'epoch';
alter table service add column tree_since timestamptz not null default 'epoch';

-- A series is (element, metric, instance): it outlives the sensor that measured it, and with it the history under its id.
alter table series alter column sensor_id drop not null;
alter table series drop constraint series_tenant_id_sensor_id_fkey;
alter table series add foreign key (tenant_id, sensor_id) references sensor on delete set null (sensor_id);
