"""YAML with line numbers, from the parser's events: no tags, no duplicate keys, bounded depth, and aliases that cannot explode.

JSON becomes the same nodes without lines, so that a file and a request body are read by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import yaml

MAX_BYTES = 16 << 20
MAX_DEPTH = 16
MAX_VALUES = 2_000_000
MAX_FAULTS = 50
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = {"", "~", "null", "Null", "NULL"}

Path = tuple[str | int, ...]


class Text(str):
    """A scalar of a YAML file: what it means is decided by the type that is wanted there, so `NO` may be a country."""

    __slots__ = ()


class Node(NamedTuple):
    """A value and the line of its key or dash (0 = none). `value` is a dict or list of nodes, a Text, or a scalar of JSON."""

    line: int
    value: Any


class Fault(NamedTuple):
    """One sentence about one place; `path` leads to it through the document."""

    path: Path
    message: str
    line: int = 0


class UnreadableError(Exception):
    """The file is no document at all: nothing else can be said about it."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.fault = Fault((), message, line)


def from_yaml(text: str | bytes, faults: list[Fault]) -> Node:
    """The one document in `text`; duplicate keys are noted in `faults`. Raises UnreadableError."""
    if len(text) > MAX_BYTES:
        raise UnreadableError(f"the file is longer than {MAX_BYTES >> 20} MiB")
    try:
        return _Builder(yaml.parse(text, Loader=_LOADER), faults).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise UnreadableError(f"this is not YAML: {what}", mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UnreadableError("this is not YAML: it holds characters that text does not have, or is not UTF-8") from None


def from_json(body: bytes) -> Node:
    """The document in `body`. Raises UnreadableError."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"the body is not JSON: {error}") from None
    return _wrap(value, MAX_DEPTH)


def find(node: Node, path: Path) -> Node:
    """The node at `path`, or the nearest one above it that there is."""
    for step in path:
        inside = node.value
        if isinstance(inside, list) and isinstance(step, int):
            inside = dict(enumerate(inside))
        if isinstance(inside, dict) and step in inside:
            node = inside[step]
        elif step != 0:  # a single value may stand for a list of one
            return node
    return node


def _wrap(value: Any, depth: int) -> Node:
    if depth == 0 and isinstance(value, (dict, list)):
        raise UnreadableError(f"the document is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        return Node(0, {key: _wrap(item, depth - 1) for key, item in value.items()})
    if isinstance(value, list):
        return Node(0, [_wrap(item, depth - 1) for item in value])
    return Node(0, value)


class _Builder:
    """Turns one file's events into nodes; remembers anchors with the number of values below them."""

    def __init__(self, events: Iterator[Any], faults: list[Fault]) -> None:
        self.events = events
        self.faults = faults
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.values = 0

    def document(self) -> Node:
        node = Node(1, None)
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise UnreadableError("a second document (---) starts here; a file holds one", _line(event))
            elif isinstance(event, yaml.NodeEvent):
                node = self._node(event, (), MAX_DEPTH)
        return node

    def _node(self, event: Any, path: Path, depth: int) -> Node:
        before = self.values
        self._count(1, event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise UnreadableError(f"*{event.anchor} is used before &{event.anchor} is complete", _line(event))
            node, size = self.anchors[event.anchor]
            self._count(size, event)
            return node._replace(line=_line(event))
        if event.tag is not None and event.tag != "!":
            raise UnreadableError(f"tags such as {event.tag} are not read here", _line(event))
        build: Callable[[Any, Path, int], Any] = {
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
        }.get(type(event), _scalar)
        if depth == 0 and build is not _scalar:
            raise UnreadableError(f"the file is nested more than {MAX_DEPTH} deep", _line(event))
        node = Node(_line(event), build(event, path, depth))
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, self.values - before)
        return node

    def _mapping(self, _start: Any, path: Path, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise UnreadableError("a key is a plain word", _line(event))
            key = event.value
            node = self._node(next(self.events), (*path, key), depth - 1)
            if key in found:
                self._note(
                    Fault((*path, key), f"the key {key!r} stands here a second time (first on line {found[key].line})"), event
                )
            else:
                found[key] = node._replace(line=_line(event))
        return found

    def _sequence(self, _start: Any, path: Path, depth: int) -> list[Node]:
        items: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, (*path, len(items)), depth - 1))
        return items

    def _count(self, values: int, event: Any) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            raise UnreadableError(
                f"the file grows to more than {MAX_VALUES} values: are aliases (*name) repeated too often?", _line(event)
            )

    def _note(self, fault: Fault, event: Any) -> None:
        if len(self.faults) <= MAX_FAULTS:
            self.faults.append(fault._replace(line=_line(event)))


def _scalar(event: Any, _path: Path, _depth: int) -> Text | None:
    return None if event.style is None and event.value in _NULLS else Text(event.value)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
