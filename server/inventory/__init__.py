"""The inventory people write as YAML: what was sold to whom, and which elements carry it."""
