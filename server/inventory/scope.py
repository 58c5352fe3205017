"""What a check may look at: the records of the file, and what the server knows beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from server.inventory.document import LISTS, Record
from server.inventory.nearest import hint
from server.inventory.nodes import Fault, Path
from server.inventory.shape import Draft, plain

R = TypeVar("R", bound=Record)
Stored = Mapping[str, Mapping[str, Any]]  # list -> id -> record


class Scope(NamedTuple):
    """`stored` is None where nobody can say what the server has: then no reference is called unknown."""

    draft: Draft
    stored: Stored | None

    def records(self, record: type[R]) -> Iterator[tuple[Path, R]]:
        """Each readable record of that type in the file, with its path."""
        name = next(name for name, kind in LISTS.items() if kind is record)
        for position, found in self.draft.records[name].items():
            yield (name, position), found

    def find(self, record: type[R], key: str | None) -> R | None:
        """The record with that id: the file's if it has one, else the server's; None if unknown or unreadable."""
        name = next(name for name, kind in LISTS.items() if kind is record)
        if key is None:
            return None
        if key in self.draft.ids[name]:
            return self.draft.records[name].get(self.draft.ids[name][key])
        found: R | None = (self.stored or {}).get(name, {}).get(key)
        return found

    def unknown(self, name: str, key: str, path: Path) -> Fault | None:
        """A fault if list `name` has no record `key`."""
        if self.stored is None or key in self.draft.ids[name] or key in self.stored.get(name, {}):
            return None
        known = [*self.draft.ids[name], *self.stored.get(name, {})]
        return Fault(path, f"there is no {plain(LISTS[name])[1]} {key!r}{hint(key, known)}")
