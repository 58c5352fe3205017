"""Which events raise and clear which alarms: data beside this file (alarm_rules.json)."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec

from analytics.alarms import Rule


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """A rule as the file has it; see analytics.alarms.Rule."""

    condition: str
    severity: int
    raises: tuple[str, ...]
    clears: tuple[str, ...] = ()
    instance: tuple[str, ...] = ()
    when: dict[str, tuple[str, ...]] = {}


@functools.cache
def shipped() -> tuple[Rule, ...]:
    """The rules that come with the program."""
    found = msgspec.json.decode(Path(__file__).with_name("alarm_rules.json").read_bytes(), type=list[_Written])
    return tuple(Rule(*msgspec.structs.astuple(each)) for each in found)
