"""Writes our profiles as JSON, a line each: `python -m server.profiles > agent/profiles.json`, which discover reads without a plan."""

from __future__ import annotations

import sys

from server.profiles import as_json, load_profiles

if __name__ == "__main__":
    sys.stdout.write(as_json(load_profiles()))
