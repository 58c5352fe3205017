"""Profiles compiled for a device: pure, from what a walk found."""

from __future__ import annotations

from agent import profiles
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.plan import Column, Profile, Table
from server.profiles import load_profiles

TYPE, DESCR, SIZE = "1.3.6.1.2.1.25.2.3.1.2", "1.3.6.1.2.1.25.2.3.1.3", "1.3.6.1.2.1.25.2.3.1.5"
RAM, DISK = oid.parse("1.3.6.1.2.1.25.2.1.2"), oid.parse("1.3.6.1.2.1.25.2.1.4")


def column(name: str, tag: int, *values: int | bytes | None) -> dict[bytes, dict[bytes, VarBind]]:
    """What a walk of one column found: the values at index 1, 2, …; None = no such row."""
    base = oid.parse(name)
    return {base: {bytes((n,)): VarBind(base + bytes((n,)), tag, v) for n, v in enumerate(values, 1) if v is not None}}


def test_a_filter_keeps_rows_by_an_oid() -> None:
    (memory,) = (table for table in load_profiles()["host_resources"].tables if table.name == "memory")
    walked = (
        column(TYPE, ber.OBJECT_IDENTIFIER, RAM, DISK, None)
        | column(DESCR, ber.OCTET_STRING, b"RAM", b"/", b"?")
        | column(SIZE, ber.INTEGER, 1, 2, 3)
    )
    assert [entry.instance for entry in profiles.entries(memory, walked)] == ["RAM"]


def test_a_filter_keeps_rows_by_a_number() -> None:
    table = Table("t", (Column("m", "1.3.1.1"),), filter={"1.3.1.2": (6, 117)})
    walked = column("1.3.1.1", ber.INTEGER, 1, 2, 3) | column("1.3.1.2", ber.INTEGER, 6, 24, 117)
    assert [entry.instance for entry in profiles.entries(table, walked)] == ["1", "3"]


def test_each_row_falls_back_for_itself() -> None:
    table = Table("t", (Column("m", "1.3.1.1", fallback=("1.3.1.2",), scale=8, fallback_scale=2),))
    walked = column("1.3.1.1", message.COUNTER64, 1, None, None) | column("1.3.1.2", message.COUNTER32, 1, 2, None)
    cells = [cell for entry in profiles.entries(table, walked) for cell in entry.cells]
    assert [(oid.dotted(cell.oid), cell.scale) for cell in cells] == [("1.3.1.1.1", 8), ("1.3.1.2.2", 2)]


def test_rows_are_in_the_order_of_their_arcs() -> None:
    table = Table("t", (Column("m", "1.3.1"),))
    base = oid.parse("1.3.1")
    found = [oid.encode((1, 3, 1, n)) for n in (16384, 5, 16383)]
    walked = {base: {name[len(base) :]: VarBind(name, ber.INTEGER, 1) for name in found}}
    assert [entry.instance for entry in profiles.entries(table, walked)] == ["5", "16383", "16384"]


def test_a_profile_is_for_devices_whose_object_id_begins_so_by_whole_arcs() -> None:
    known = {
        "juniper": Profile("juniper", match=("1.3.6.1.4.1.2636",), extends=("all",)),
        "all": Profile("all"),
        "other": Profile("other", match=("1.3.6.1.4.1.263",)),
    }

    def names(device: str | None) -> list[str]:
        return [p.name for p in profiles.chosen(["juniper", "other"], known, oid.parse(device) if device else None)]

    assert names("1.3.6.1.4.1.2636.1.1") == ["juniper", "all"]
    assert names("1.3.6.1.4.1.9.1") == []
    assert names(None) == []


def test_an_entry_asks_for_each_oid_once() -> None:
    (storage,) = (table for table in load_profiles()["host_resources"].tables if table.name == "storage")
    walked = (
        column(TYPE, ber.OBJECT_IDENTIFIER, DISK)
        | column(DESCR, ber.OCTET_STRING, b"/")
        | column(SIZE, ber.INTEGER, 9)
        | column("1.3.6.1.2.1.25.2.3.1.6", ber.INTEGER, 3)
    )
    (entry,) = profiles.entries(storage, walked)
    assert [oid.dotted(name).removeprefix("1.3.6.1.2.1.25.2.3.1.") for name in entry.oids] == ["3.1", "5.1", "4.1", "6.1"]
