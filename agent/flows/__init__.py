"""From decoded flows to a few rows a minute: who is remote, what it is, which way it went (path.py has the whole)."""
