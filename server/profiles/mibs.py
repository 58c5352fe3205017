"""The names and OIDs in a MIB file, by pysmi: for those who write a profile. Nothing needs a MIB at run time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from protocols.errors import ConfigError

# What of the basic modules names and types hang on; the rest of them pysmi knows itself. A folder's own copy wins.
BASIC = {
    "SNMPv2-SMI": """
        org OBJECT IDENTIFIER ::= { iso 3 }
        dod OBJECT IDENTIFIER ::= { org 6 }
        internet OBJECT IDENTIFIER ::= { dod 1 }
        directory OBJECT IDENTIFIER ::= { internet 1 }
        mgmt OBJECT IDENTIFIER ::= { internet 2 }
        mib-2 OBJECT IDENTIFIER ::= { mgmt 1 }
        transmission OBJECT IDENTIFIER ::= { mib-2 10 }
        experimental OBJECT IDENTIFIER ::= { internet 3 }
        private OBJECT IDENTIFIER ::= { internet 4 }
        enterprises OBJECT IDENTIFIER ::= { private 1 }
        snmpV2 OBJECT IDENTIFIER ::= { internet 6 }
        snmpDomains OBJECT IDENTIFIER ::= { snmpV2 1 }
        snmpProxys OBJECT IDENTIFIER ::= { snmpV2 2 }
        snmpModules OBJECT IDENTIFIER ::= { snmpV2 3 }
        zeroDotZero OBJECT IDENTIFIER ::= { 0 0 }
    """,
    "SNMPv2-CONF": "",
    "SNMPv2-TC": "\n".join(
        f"{name} ::= {syntax}"
        for syntax, names in {
            "OCTET STRING": "DisplayString PhysAddress MacAddress DateAndTime TAddress",
            "INTEGER": "TruthValue TestAndIncr RowStatus StorageType TimeInterval",
            "TimeTicks": "TimeStamp",
            "OBJECT IDENTIFIER": "AutonomousType InstancePointer VariablePointer RowPointer TDomain",
        }.items()
        for name in names.split()
    ),
}


class Named(NamedTuple):
    """One object of a MIB; `kind` is scalar, table, row, column, or what else pysmi calls it."""

    name: str
    oid: str
    kind: str


def names(path: Path, folders: list[Path]) -> list[Named]:
    """What the MIB file defines, in the order of its OIDs; what it imports is sought in its folder and in `folders`.

    Raises ConfigError: pysmi is not here, a module is missing, the file is no MIB.
    """
    try:
        from pysmi.codegen import JsonCodeGen  # type: ignore[import-untyped]  # noqa: PLC0415 - only who asks needs it
        from pysmi.compiler import MibCompiler  # type: ignore[import-untyped]  # noqa: PLC0415
        from pysmi.parser import SmiStarParser  # type: ignore[import-untyped]  # noqa: PLC0415
        from pysmi.reader import CallbackReader, FileReader  # type: ignore[import-untyped]  # noqa: PLC0415
        from pysmi.searcher import StubSearcher  # type: ignore[import-untyped]  # noqa: PLC0415
        from pysmi.writer import CallbackWriter  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        raise ConfigError("MIB files are read by pysmi, which is not installed here; run: pip install pysmi") from None
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file.")
    made: dict[str, dict[str, Any]] = {}
    compiler = MibCompiler(
        SmiStarParser(), JsonCodeGen(), CallbackWriter(lambda name, text, _: made.update({name: json.loads(text)}))
    )
    compiler.add_sources(*(FileReader(str(folder)) for folder in (path.parent, *folders)), CallbackReader(_basic))
    compiler.add_searchers(StubSearcher(*JsonCodeGen.baseMibs))
    outcome = compiler.compile(path.stem)
    missing = sorted(name for name, status in outcome.items() if status == "missing")
    if missing:
        raise ConfigError(f"{path} needs the modules {', '.join(missing)}: give the folder where they lie with --mibs.")
    failed = {name: status for name, status in outcome.items() if status not in {"compiled", "untouched"}}
    if failed:
        name, status = next(iter(failed.items()))
        why = " ".join(str(getattr(status, "error", status)).split())
        raise ConfigError(f"{path}: the module {name} cannot be read: {why}.")
    found = [
        Named(name, item["oid"], item.get("nodetype") or item["class"])
        for module, items in made.items()
        if outcome.get(module) == "compiled" and getattr(outcome[module], "file", path.name) == path.name
        for name, item in items.items()
        if isinstance(item, dict) and "oid" in item
    ]
    return sorted(found, key=lambda named: tuple(map(int, named.oid.split("."))))


def trap_names(found: list[Named]) -> dict[str, dict[str, list[Any]]]:
    """What an agent reads from names.json: OID -> name and severity of each notification, name of each object.

    All are notices (5, RFC 5424): how bad a trap is no MIB says in a form that a program can read.
    """
    notifications = {each.oid: [each.name, 5] for each in found if each.kind == "notificationtype"}
    objects = {each.oid: [each.name, {}] for each in found if each.kind in {"scalar", "column"}}
    return {"notifications": notifications, "objects": objects}


def _basic(name: str, _context: Any) -> str:
    return f"{name} DEFINITIONS ::= BEGIN\n{BASIC[name]}\nEND\n" if name in BASIC else ""
