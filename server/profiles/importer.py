"""A module of snmp_exporter's snmp.yml as a profile of ours. What cannot be said in a profile is listed, not guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from protocols.errors import ConfigError
from protocols.uplink.plan import Profile

NUMBERS = {"gauge": "gauge", "counter": "rate", "EnumAsInfo": "gauge", "EnumAsStateSet": "gauge"}
# How many arcs an index of this type takes; None: it says so itself, so nothing behind it can be found by counting.
ARCS = {"gauge": 1, "counter": 1, "EnumAsInfo": 1, "EnumAsStateSet": 1, "PhysAddress48": 6, "InetAddressIPv4": 4, "IpAddr": 4}
FORMS = {
    "PhysAddress48": "mac",
    "InetAddressIPv4": "ip",
    "IpAddr": "ip",
    "InetAddress": "ip",
    "DisplayString": "text",
    "OctetString": "text",
}
BEST = ("Name", "Descr", "Description", "Alias")  # how the column ends that names a row best


class Imported(NamedTuple):
    """A profile as YAML, and in sentences what of the module is not in it."""

    text: str
    left_out: list[str]


def read_modules(path: Path) -> dict[str, dict[str, Any]]:
    """The modules of a snmp.yml, of its present form or the one before 2023. Raises ConfigError."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the file cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is not YAML: {' '.join(str(error).split())}.") from None
    modules = document.get("modules", document) if isinstance(document, dict) else None
    if not isinstance(modules, dict) or not all(isinstance(module, dict) for module in modules.values()):
        raise ConfigError(f"{path}: this is no snmp.yml of snmp_exporter: there are no modules in it.")
    return modules


def convert(name: str, module: dict[str, Any]) -> Imported:
    """The profile called `name` of one module. Raises ConfigError: it has nothing that a profile can say."""
    left_out = [f"{key} are not taken over." for key in ("filters",) if module.get(key)]
    scalars: list[dict[str, Any]] = []
    tables: dict[str, dict[str, Any]] = {}
    for metric in module.get("metrics") or ():
        column = _column(metric, left_out)
        if column is None:
            continue
        if not metric.get("indexes"):
            scalars.append(column | {"oid": f"{column['oid']}.0"})
            continue
        row = _row(metric, left_out)
        key = f"{column['oid'].rpartition('.')[0]} {row}"
        tables.setdefault(key, {"name": metric["name"], **row, "columns": []})["columns"].append(column)
    profile = {"name": _name(name), "auto": False, "scalars": scalars, "tables": list(tables.values())}
    profile |= {"max_repetitions": max(1, min(100, int(module.get("max_repetitions") or 20)))}
    profile = {key: value for key, value in profile.items() if value != []}
    if not scalars and not tables:
        raise ConfigError(f"module {name}: there is nothing in it that a profile can say.")
    try:
        msgspec.convert(profile, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(f"module {name}: {error}.") from None
    return Imported(
        _HEAD.format(name=name, file=profile["name"]) + yaml.safe_dump(profile, sort_keys=False, allow_unicode=True), left_out
    )


_HEAD = """\
# Imported from the module {name} of snmp_exporter's snmp.yml. Keep it as {file}.yaml in the server's folder of profiles.
# Sensors that name it in `profiles` use it. For all devices of a kind: `match: [prefix of sysObjectID]`, and `auto: true`.
"""


def _column(metric: dict[str, Any], left_out: list[str]) -> dict[str, Any] | None:
    kind, name = metric.get("type", "gauge"), metric.get("name", "?")
    if kind not in NUMBERS:
        left_out.append(f"{name}: a value of type {kind} is no number.")
        return None
    if metric.get("regex_extracts"):
        left_out.append(f"{name}: regex_extracts are not taken over.")
        return None
    column: dict[str, Any] = {"metric": name, "oid": str(metric["oid"]).removeprefix(".")}
    if NUMBERS[kind] == "rate":
        column |= {"type": "rate", "unit": "1/s"}
    column |= {key: float(metric[key]) for key in ("scale", "offset") if metric.get(key)}
    if metric.get("enum_values"):
        column["mapping"] = {int(number): str(word)[:255] for number, word in metric["enum_values"].items()}
    return column


def _row(metric: dict[str, Any], left_out: list[str]) -> dict[str, Any]:
    """`name_oids` and `tags` of the metric's table: lookups by the whole index or a part of it, else the index in its form."""
    indexes = [(index["labelname"], index.get("type", "gauge")) for index in metric["indexes"]]
    found: dict[str, Any] = {}
    for lookup in metric.get("lookups") or ():
        if not lookup.get("labels"):  # only takes a label away
            continue
        arcs = _arcs([label for label, _ in indexes], lookup["labels"], indexes)
        if (
            not lookup.get("oid")
            or lookup.get("type") not in {"DisplayString", "OctetString", "gauge", "EnumAsInfo"}
            or arcs is None
        ):
            left_out.append(f"{metric['name']}: the lookup of {lookup.get('labelname')} is not taken over.")
            continue
        oid = str(lookup["oid"]).removeprefix(".")
        found[lookup["labelname"]] = oid if not arcs else {"oid": oid, "arcs": arcs}
    best = sorted(found, key=lambda label: next((i for i, end in enumerate(BEST) if label.endswith(end)), len(BEST)))
    if best:
        row: dict[str, Any] = {"name_oids": [found[label] for label in best]}
        return row | ({"tags": {label: found[label] for label in best[1:]}} if best[1:] else {})
    form = FORMS.get(indexes[0][1]) if len(indexes) == 1 else None
    return {"name_oids": [{"form": form}]} if form else {}


def _arcs(labels: list[str], wanted: list[str], indexes: list[tuple[str, str]]) -> list[int] | None:
    """Which arcs of the index the `wanted` labels are: [] = all; None = they cannot be counted out."""
    if wanted == labels:
        return []
    if not set(wanted) <= set(labels):
        return None
    start = labels.index(wanted[0])
    if labels[start : start + len(wanted)] != wanted:
        return None
    sizes = [ARCS.get(kind) for _, kind in indexes[: start + len(wanted)]]
    if any(size is None for size in sizes):
        return None
    known = [size for size in sizes if size is not None]
    return [sum(known[:start]), sum(known)]


def _name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "imported"
