"""The shape in which inventory nouns cross this package: JSON text out, one JSON array in, and the SQL that does it."""

from __future__ import annotations

from typing import NamedTuple


class Noun(NamedTuple):
    """One list of the inventory document.

    `load` ($1 tenant) gives id, external_id, owner and `body`: the record as JSON text with the document's keys.
    `save` ($1 tenant, $2 JSON array of records, $3 owner where used) is run in order; each record exists afterwards as given.
    """

    table: str
    load: str
    save: tuple[str, ...]


class Row(NamedTuple):
    """A stored record. `body` is JSON text with the document's keys, without secrets."""

    key: int
    external_id: str
    owner: str
    body: str
