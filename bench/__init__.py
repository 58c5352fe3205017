"""Benches: `./dev bench NAME [--quick] [--json]`. Each measures us and a rival in the same run, and never runs by itself."""
