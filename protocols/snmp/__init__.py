"""SNMP messages (RFC 3416, RFC 1901): sans-IO encoder and decoder."""
