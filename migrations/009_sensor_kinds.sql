-- Sensors that ask web servers and name servers.

alter table sensor drop constraint sensor_kind_check;
alter table sensor add constraint sensor_kind_check check (kind in ('ping', 'tcp', 'http', 'dns', 'snmp', 'port'));
