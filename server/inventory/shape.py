"""From nodes to records: keys, types, bounds and units, driven by the annotations of document.py. Every fault is noted."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from server.inventory import units
from server.inventory.document import LISTS, MAX_RECORDS, Document, Money, Record
from server.inventory.formats import FORMATS, PLAIN
from server.inventory.nearest import hint
from server.inventory.nodes import MAX_FAULTS, Fault, Node, Path, Text

Lists = Mapping[str, type[Record]]
_TRUE, _FALSE = {"true", "yes", "on"}, {"false", "no", "off"}
WRONG = object()  # stands for a value about which a fault was noted


class Draft(NamedTuple):
    """What could be read: per list, position in the file -> record. `ids` are all ids, also those of faulty records."""

    records: dict[str, dict[int, Any]]
    ids: dict[str, dict[str, int]]
    prune: bool


def read(root: Node, faults: list[Fault], document: type[msgspec.Struct] = Document, lists: Lists = LISTS) -> Draft:
    """The records in `root`; whatever is wrong is added to `faults`, and the record it is in left out.

    `lists`: the lists of `document` with what stands in them.
    """
    records: dict[str, dict[int, Any]] = {name: {} for name in lists}
    ids: dict[str, dict[str, int]] = {name: {} for name in lists}
    top = root.value if isinstance(root.value, dict) else {}
    if root.value is not None and not isinstance(root.value, dict):
        faults.append(Fault((), f"an inventory is a mapping of lists such as {', '.join(list(lists)[:3])}, not {_what(root)}"))
    _unknown_keys(top, document, (), faults)
    for name, record in lists.items():
        node = top.get(name, Node(0, None))
        items = [] if node.value is None else node.value
        if not isinstance(items, list):
            faults.append(Fault((name,), f"{name!r} is a list of {plain(record)[1]}s, not {_what(node)}"))
        elif len(items) > MAX_RECORDS:
            faults.append(Fault((name,), f"{name!r} has {len(items)} entries; the most is {MAX_RECORDS}"))
        else:
            _records(items, name, record, (records[name], ids[name]), faults)
    prune = _value(top["prune"], _kind(bool), ("prune",), faults) if "prune" in top else False
    return Draft(records, ids, prune is True)


def read_struct(root: Node, kind: type[msgspec.Struct], faults: list[Fault]) -> Any:
    """`root` as a `kind`, or WRONG with at least one fault noted."""
    return _value(root, _kind(kind), (), faults)


def _records(
    items: list[Node], name: str, kind: type[Record], found: tuple[dict[int, Any], dict[str, int]], faults: list[Fault]
) -> None:
    records, ids = found
    for position, item in enumerate(items):
        if len(faults) > MAX_FAULTS:
            break
        before = len(faults)
        record = _value(item, _kind(kind), (name, position), faults)
        key = str(item.value["id"].value) if isinstance(item.value, dict) and "id" in item.value else None
        if key is not None and key in ids:
            faults.append(Fault((name, position), f"{' '.join(plain(kind))} with the id {key!r} stands here already"))
        if key is not None:
            ids.setdefault(key, position)
        if len(faults) == before:
            records[position] = record


def plain(record: type) -> tuple[str, str]:
    """(article, words) of a struct: PriceBookEntry -> ('a', 'price book entry')."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", record.__name__).lower()
    return ("an" if words[0] in "aeio" else "a"), words


@functools.cache
def _kind(annotation: Any) -> inspect.Type:
    return inspect.type_info(annotation)


def _value(node: Node, kind: inspect.Type, path: Path, faults: list[Fault]) -> Any:
    """`node` as `kind`, or WRONG with at least one fault noted."""
    extra: dict[str, Any] = {}
    while isinstance(kind, (inspect.Metadata, inspect.UnionType)):
        if isinstance(kind, inspect.Metadata):
            extra |= kind.extra or {}
            kind = kind.type
        else:  # the only unions are with None
            if node.value is None:
                return None
            kind = next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.StructType):
        return _struct(node, kind, path, faults)
    if isinstance(kind, inspect.VarTupleType):
        return _list(node, kind, path, faults)
    if isinstance(kind, inspect.DictType):
        return _dict(node, kind, path, faults)
    value, wanted = _scalar(node, kind, extra)
    if value is WRONG:
        known = kind.values if isinstance(kind, inspect.LiteralType) else FORMATS.get(extra.get("check", ""), PLAIN).known()
        near = hint(str(node.value), map(str, known)) if isinstance(node.value, str) else ""
        faults.append(Fault(path, f"{_key(path)!r} is {wanted}, not {_what(node)}{near}"))
    return value


def _struct(node: Node, kind: inspect.StructType, path: Path, faults: list[Fault]) -> Any:
    if kind.cls is Money and isinstance(node.value, Text):
        return _money(node, path, faults)
    if not isinstance(node.value, dict):
        wanted = "an amount and its currency, such as 49.90 EUR" if kind.cls is Money else " ".join(plain(kind.cls))
        faults.append(Fault(path, f"{_key(path)!r} is {wanted}, not {_what(node)}"))
        return WRONG
    before = len(faults)
    _unknown_keys(node.value, kind.cls, path, faults)
    values: dict[str, Any] = {}
    for item in kind.fields:
        if item.encode_name in node.value:
            inner = node.value[item.encode_name]
            if inner.value is None and not item.required:
                continue  # an empty key means: as if it were not there
            values[item.name] = _value(inner, item.type, (*path, item.encode_name), faults)
        elif item.required:
            faults.append(Fault(path, f"{' '.join(plain(kind.cls))} needs the key {item.encode_name!r}"))
    return kind.cls(**values) if len(faults) == before else WRONG


def _money(node: Node, path: Path, faults: list[Fault]) -> Any:
    found = units.money(node.value)
    if found is None:
        faults.append(Fault(path, f"{_key(path)!r} is an amount and its currency, such as 49.90 EUR, not {_what(node)}"))
        return WRONG
    return Money(*found)


def _list(node: Node, kind: inspect.VarTupleType, path: Path, faults: list[Fault]) -> Any:
    value = node.value
    if isinstance(value, Text):
        value = [node]
    if not isinstance(value, list):
        faults.append(Fault(path, f"{_key(path)!r} is a list, not {_what(node)}"))
        return WRONG
    return tuple(_value(item, kind.item_type, (*path, position), faults) for position, item in enumerate(value))


def _dict(node: Node, kind: inspect.DictType, path: Path, faults: list[Fault]) -> Any:
    if not isinstance(node.value, dict):
        faults.append(Fault(path, f"{_key(path)!r} is a mapping, not {_what(node)}"))
        return WRONG
    return {key: _value(item, kind.value_type, (*path, key), faults) for key, item in node.value.items()}


def _scalar(node: Node, kind: inspect.Type, extra: dict[str, Any]) -> tuple[Any, str]:
    """(value or WRONG, what is wanted there in words)."""
    value = node.value
    if isinstance(kind, inspect.BoolType):
        known = isinstance(value, Text) and value.lower()
        return (known in _TRUE if known in _TRUE | _FALSE else value if isinstance(value, bool) else WRONG), "true or false"
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        return _number(node, kind, extra.get("unit"))
    if isinstance(kind, inspect.LiteralType):
        return (str(value) if value in kind.values else WRONG), f"one of {', '.join(map(str, kind.values))}"
    if isinstance(kind, inspect.DateType):
        return _date(value), "a date such as 2025-03-31"
    if isinstance(kind, inspect.StrType):
        return _text(value, kind, extra.get("check", ""))
    raise TypeError(f"document.py uses a type this reader does not know: {kind}")


def _number(node: Node, kind: inspect.IntType | inspect.FloatType, unit: str | None) -> tuple[Any, str]:
    value = node.value
    low, high = (kind.ge if kind.ge is not None else kind.gt), kind.le
    whole = isinstance(kind, inspect.IntType)
    wanted = f"{'a whole number' if whole else 'a number'}{f' in {unit}' if unit else ''}"
    wanted += f" from {low} to {high}" if low is not None and high is not None else ""
    wanted += f" (or written like {units.EXAMPLES[unit]})" if unit and node.line else ""  # only YAML, which has lines, may
    if isinstance(value, Text):
        value = units.number(value, unit)
        if value is not None and not whole:
            value = float(value)  # the bounds are floats: 50 ms is 0.05 of them, not a little less
    if value is None or isinstance(value, (bool, str, dict, list)):
        return WRONG, wanted
    if (kind.ge is not None and value < kind.ge) or (kind.gt is not None and value <= kind.gt):
        return WRONG, wanted
    if (kind.le is not None and value > kind.le) or (whole and value != int(value)):
        return WRONG, wanted
    return (int(value) if whole else float(value)), wanted


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) else WRONG
    except ValueError:
        return WRONG


def _text(value: Any, kind: inspect.StrType, check: str) -> tuple[Any, str]:
    form = FORMATS.get(check, PLAIN)
    wanted = form.words
    longest = kind.max_length or 255
    if not isinstance(value, str):
        return WRONG, wanted
    if not (kind.min_length or 0) <= len(value) <= longest:
        return WRONG, f"{wanted} of {kind.min_length or 0} to {longest} characters"
    if any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in value):
        return WRONG, "a text of one line, without control characters"
    if (kind.pattern and not re.search(kind.pattern, value)) or not form.accepts(value):
        return WRONG, wanted
    return str(value), wanted


def _unknown_keys(found: dict[str, Node], record: type[msgspec.Struct], path: Path, faults: list[Fault]) -> None:
    known = record.__struct_encode_fields__
    for key in found.keys() - set(known):
        where = "at the top of the inventory" if record is Document else f"in {' '.join(plain(record))}"
        faults.append(Fault((*path, key), f"unknown key {key[:80]!r} {where}{hint(key, known)}"))


def _key(path: Path) -> str:
    """The name of the innermost key of `path`."""
    return next((step for step in reversed(path) if isinstance(step, str)), "document")


def _what(node: Node) -> str:
    """What a node holds, for the end of a sentence."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    if node.value is None:
        return "empty"
    return repr(str(node.value)[:80]) if isinstance(node.value, str) else repr(node.value)
