"""sFlow version 5 (sflow.org/sflow_version_5.txt): samples of packets and counters of interfaces, as columns (columns.py)."""
