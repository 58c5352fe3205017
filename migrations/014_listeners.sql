-- Sensors that hear what a device sends by itself; they decide no status.
alter table sensor drop constraint sensor_kind_check;
alter table sensor add constraint sensor_kind_check
  check (kind in ('ping', 'tcp', 'http', 'dns', 'snmp', 'port', 'flow', 'trap', 'syslog', 'radius'));
alter table sensor drop constraint sensor_role_check;
alter table sensor add constraint sensor_role_check check (role in ('reachability', 'condition', 'listener'));
