"""Names of interfaces by the address of their device: SNMP's discovery tells them, flows are shown with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.profiles import Entry
from protocols.snmp import oid

MOST = 20_000  # devices
_NAMES = tuple(oid.parse(f"1.3.6.1.2.1.{column}") for column in ("31.1.1.1.1", "2.2.1.2"))  # ifName, ifDescr


class Interfaces:
    """ifIndex -> ifName of each target that is polled."""

    def __init__(self) -> None:
        self._names: dict[str, dict[int, str]] = {}

    def learn(self, address: str, names: Mapping[int, str]) -> None:
        """The device at this target's address has these interfaces now."""
        if address in self._names or len(self._names) < MOST:
            self._names[address] = dict(names)

    def name(self, address: str, index: int) -> str:
        """The name of one; "" if it is not known."""
        return self._names.get(address, {}).get(index, "")


def named(entries: Iterable[Entry]) -> dict[int, str]:
    """IfIndex -> name of the interfaces among what a device has."""
    found: dict[int, str] = {}
    for entry in entries:
        where = entry.identity[0] if entry.identity is not None else b""
        if where.startswith(_NAMES):
            found[int(oid.dotted(where).rpartition(".")[2])] = entry.instance
    return found


known = Interfaces()  # of this process: who polls and who hears are tasks of one loop
