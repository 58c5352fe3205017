"""What traps and their values are called: names of notifications and objects, compiled from MIBs, as data (names.json)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from protocols.errors import ConfigError, DecodeError
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from protocols.snmp.trap import Trap
from protocols.uplink.batch import LONG_TEXTS
from protocols.wire import text

NOTICE = 5  # the severity of a notification that is not in the table (RFC 5424)
MOST_NAMES = 20_000  # OIDs whose names are remembered
MOST_VALUE = 255  # characters
MOST_BINDS = 40  # of one event
_SHIPPED = Path(__file__).with_name("names.json")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """Dotted OID -> name and severity of a notification; name of an object and what its numbers mean."""

    notifications: dict[str, tuple[str, int]] = {}
    objects: dict[str, tuple[str, dict[str, str]]] = {}


class Named(msgspec.Struct, frozen=True):
    """A trap in words: its name, its severity (0 to 7), its OID dotted, and its values as a JSON object."""

    oid: str
    name: str
    severity: int
    detail: str


class Names:
    """The tables, and what was looked up in them lately."""

    def __init__(self, files: list[_File]) -> None:
        self._notifications = {oid.parse(name): given for file in files for name, given in file.notifications.items()}
        self._objects = {oid.parse(name): given for file in files for name, given in file.objects.items()}
        self._known: dict[bytes, tuple[str, dict[int, str]]] = {}
        self._traps: dict[bytes, tuple[str, str, int]] = {}

    def trap(self, found: Trap) -> Named:
        """`found` in words."""
        known = self._traps.get(found.oid)
        if known is None:
            dotted = oid.dotted(found.oid)
            known = (dotted[:MOST_VALUE], *self._notifications.get(found.oid, (dotted[:MOST_VALUE], NOTICE)))
            if len(self._traps) >= MOST_NAMES:
                self._traps.clear()
            self._traps[found.oid] = known
        return Named(*known[:2], known[2], self._detail(found.varbinds))

    def _detail(self, binds: tuple[VarBind, ...]) -> str:
        said: dict[str, object] = {}
        for bind in binds[:MOST_BINDS]:
            name, words = self._known.get(bind.oid) or self._look_up(bind.oid)
            said[name] = self._value(bind, words)
        if len(binds) > MOST_BINDS:
            said["more"] = len(binds) - MOST_BINDS
        detail = msgspec.json.encode(said).decode()
        while len(detail) > LONG_TEXTS["details"]:  # the last ones go, for the first say what it is about
            said.pop("more", None)
            said.popitem()
            said["more"] = len(binds) - len(said)
            detail = msgspec.json.encode(said).decode()
        return detail

    def _look_up(self, name: bytes) -> tuple[str, dict[int, str]]:
        """The name of an instance, `ifIndex.3`, and what its numbers mean; the OID itself where nobody knows it."""
        found: tuple[str, dict[int, str]] = (oid.dotted(name)[:MOST_VALUE], {})
        for end in range(len(name), 2, -1):
            if (given := self._objects.get(name[:end])) is not None:
                index = oid.index(name[end:]) if end < len(name) else ""
                meaning = {int(number): word for number, word in given[1].items()}
                found = (f"{given[0]}.{index}"[:MOST_VALUE] if index else given[0], meaning)
                break
        if len(self._known) >= MOST_NAMES:
            self._known.clear()
        self._known[name] = found
        return found

    def _value(self, bind: VarBind, words: dict[int, str]) -> object:
        value = bind.value
        if isinstance(value, int):
            return words.get(value, value) if words else value
        if value is None:
            return None
        if bind.tag == ber.OBJECT_IDENTIFIER:
            return self._called(value)
        if bind.tag == message.IP_ADDRESS and len(value) == 4:
            return ".".join(map(str, value))
        return shown(value)

    def _called(self, value: bytes) -> str:
        if (notification := self._notifications.get(value)) is not None:
            return notification[0]
        try:
            return self._look_up(value)[0]
        except DecodeError:
            return value.hex()[:MOST_VALUE]


def shown(value: bytes) -> str:
    """Octets as text if they are text, else in hexadecimal."""
    try:
        plain = value.decode()
    except UnicodeDecodeError:
        plain = "\0"
    if plain.isprintable():
        return plain if plain.isascii() and len(plain) <= MOST_VALUE else text(value, MOST_VALUE)
    if all(char.isprintable() or char in "\r\n\t\0" for char in plain.rstrip("\0")) and plain.strip("\0"):
        return text(value, MOST_VALUE)
    return ":".join(f"{byte:02x}" for byte in value[: MOST_VALUE // 3])


def load(own: Path | None = None) -> Names:
    """The shipped names, and those of the file `own` over them, if it is there. Raises ConfigError."""
    files = [msgspec.json.decode(_SHIPPED.read_bytes(), type=_File)]
    if own is not None and own.exists():
        try:
            files.append(msgspec.json.decode(own.read_bytes(), type=_File))
            return Names(files)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise ConfigError(f"{own}: the names of traps cannot be read: {error}. Correct the file, or remove it.") from None
    return Names(files)
