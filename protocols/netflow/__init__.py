"""NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011): many datagrams in, one NumPy structured array per layout out (decoder.py)."""
