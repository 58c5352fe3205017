"""`lineside profile import | check | names`: profiles of one's own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from protocols.errors import ConfigError
from server.inventory.nearest import hint
from server.profiles import importer, load_profiles, mibs


def add_arguments(commands: Any) -> None:
    """Add the command to the program's."""
    verbs = commands.add_parser("profile", help="SNMP profiles of your own").add_subparsers(dest="verb", required=True)
    taken = verbs.add_parser("import", help="print a module of snmp_exporter's snmp.yml as a profile")
    taken.add_argument("file", type=Path, metavar="snmp.yml")
    taken.add_argument("--module", help="which one; needed where there are several")
    verbs.add_parser("check", help="try the profiles of a folder").add_argument("folder", type=Path)
    named = verbs.add_parser("names", help="print the OIDs and names of a MIB file")
    named.add_argument("file", type=Path, metavar="MIB")
    named.add_argument("--mibs", type=Path, action="append", default=[], metavar="FOLDER", help="where imported modules lie")
    named.add_argument(
        "--traps", action="store_true", help="as a names.json for the state folder of agents: what traps are called"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; the exit code. Raises ConfigError."""
    if arguments.verb == "check":
        found = load_profiles(arguments.folder)
        own = sorted(path.stem for path in arguments.folder.glob("*.yaml"))
        sys.stdout.write(f"{len(own)} profiles are right: {', '.join(own)}; with ours there are {len(found) - 1}.\n")
        return 0
    if arguments.verb == "names" and arguments.traps:
        sys.stdout.write(json.dumps(mibs.trap_names(mibs.names(arguments.file, arguments.mibs)), indent=1) + "\n")
        return 0
    if arguments.verb == "names":
        sys.stdout.writelines(f"{oid} {name} {kind}\n" for name, oid, kind in mibs.names(arguments.file, arguments.mibs))
        return 0
    modules = importer.read_modules(arguments.file)
    name = arguments.module or (next(iter(modules)) if len(modules) == 1 else "")
    if name not in modules:
        others = ", ".join(sorted(modules))
        unknown = f"there is no module {name!r}{hint(name, sorted(modules)) or f': there are {others}.'}"
        raise ConfigError(f"{arguments.file}: {unknown if name else f'choose one with --module: {others}.'}")
    imported = importer.convert(name, modules[name])
    sys.stdout.write(imported.text)
    sys.stderr.writelines(f"lineside: not imported: {line}\n" for line in imported.left_out)
    return 0
