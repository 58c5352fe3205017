"""Reads an inventory file: everything that is wrong with it is said at once, a sentence and a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from server.inventory import sensor_secrets, shape
from server.inventory.checks import check
from server.inventory.document import Document, Element
from server.inventory.fields import SECRETS
from server.inventory.nodes import MAX_FAULTS, Fault, Node, UnreadableError, find, from_yaml
from server.inventory.scope import Scope, Stored
from server.inventory.sensor import Sensor
from server.inventory.shape import Draft

Resolve = Callable[[str], str]  # 'env:NAME' or 'file:PATH' -> the secret; raises LookupError with a sentence
MAX_SECRET_FILE = 4_096


class Reading(NamedTuple):
    """`document` is None if there are `faults`. `root` finds the line of what the server says about a path."""

    document: Document | None
    faults: list[str]
    root: Node


def read(text: str | bytes, name: str, resolve: Resolve, stored: Stored | None = None) -> Reading:
    """The document in `text`, the content of file `name`, with its secrets resolved.

    `stored`: what exists beside the file; None = the server will judge references to records that are not in the file.
    """
    faults: list[Fault] = []
    try:
        root = from_yaml(text, faults)
    except UnreadableError as error:
        return Reading(None, say([error.fault], name, Node(1, None)), Node(1, None))
    if root.value is None or root.value == "":
        return Reading(None, say([Fault((), "the file is empty: nothing was changed", 1)], name, root), root)
    draft = shape.read(root, faults)
    document = to_document(draft)
    check(Scope(draft, stored), faults)  # it completes the draft to judge it; the document is sent as it was written
    document = _with_secrets(document, draft, resolve, faults)
    return Reading(None if faults else document, say(faults, name, root), root)


def to_document(draft: Draft) -> Document:
    """The draft's records as a document, in the order of the file."""
    return msgspec.convert(
        {"prune": draft.prune} | {key: tuple(records.values()) for key, records in draft.records.items()}, Document
    )


def say(faults: list[Fault], name: str, root: Node) -> list[str]:
    """One sentence a fault, in the order of the file; at most MAX_FAULTS and how many more there are."""
    placed = sorted({(fault.line or find(root, fault.path).line, fault.message) for fault in faults})
    lines = [f"{name}:{line}: {message}" if line else f"{name}: {message}" for line, message in placed[:MAX_FAULTS]]
    return lines if len(placed) <= MAX_FAULTS else [*lines, f"{name}: and {len(placed) - MAX_FAULTS} more or not looked for"]


def resolver(environ: Mapping[str, str], folder: Path) -> Resolve:
    """Looks secrets up in `environ` and in files, whose relative paths start in `folder`."""

    def resolve(reference: str) -> str:
        kind, _, where = reference.partition(":")
        if kind == "env":
            if not environ.get(where):
                raise LookupError(f"the environment variable {where} is not set")
            return environ[where]
        path = folder / where
        try:
            secret = path.read_bytes()[:MAX_SECRET_FILE].decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise LookupError(f"the file {path} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}") from None
        if not secret:
            raise LookupError(f"the file {path} is empty")
        return secret

    return resolve


def _with_secrets(document: Document, draft: Draft, resolve: Resolve, faults: list[Fault]) -> Document:
    places = list(draft.records["elements"])
    return replace(
        document,
        elements=tuple(_element(item, place, resolve, faults) for item, place in zip(document.elements, places, strict=True)),
    )


def _element(element: Element, place: int, resolve: Resolve, faults: list[Fault]) -> Element:
    if not element.sensors:
        return element
    sensors = [_sensor(sensor, ("elements", place, "sensors", i), resolve, faults) for i, sensor in enumerate(element.sensors)]
    return replace(element, sensors=tuple(sensors))


def _sensor(sensor: Sensor, path: tuple[str | int, ...], resolve: Resolve, faults: list[Fault]) -> Sensor:
    faults.extend(
        Fault(path, f"{sensor_secrets.named(sensor.kind)} sensor needs its {key!r}, as env:NAME or file:PATH")
        for key in sensor_secrets.missing(sensor)
    )
    found: dict[str, str] = {}
    for key in sorted(SECRETS):
        said = getattr(sensor, key)
        if said is None:
            continue
        if not said.startswith(("env:", "file:")):
            faults.append(
                Fault((*path, key), f"{key!r} is a secret and does not belong in this file: write env:NAME or file:PATH")
            )
            continue
        try:
            found[key] = resolve(said)
        except LookupError as error:
            faults.append(Fault((*path, key), f"{key!r} is {said}, but {error.args[0]}"))
            continue
        if len(found[key]) > 255:
            faults.append(Fault((*path, key), f"the secret {said} is longer than 255 characters"))
        if key != "community" and len(found[key]) < 8:
            faults.append(Fault((*path, key), f"the secret {said} is too short: SNMPv3 wants at least 8 characters"))
    return replace(sensor, **found)
