"""The CRM's API: what was sold to whom, by whose external ids, and what Lineside knows about it."""
