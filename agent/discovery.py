"""What a device has of what the profiles want: walks and scalars in, entries out. Vendors' profiles first, then generic ones."""

from __future__ import annotations

from collections.abc import Sequence

from agent import profiles
from agent.device import UPTIME, Device
from agent.profiles import Entry
from agent.udp import NoAnswer
from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.plan import Profile, Table

OBJECT_ID = oid.parse("1.3.6.1.2.1.1.2.0")  # sysObjectID
SCALAR = b""  # the index of a scalar, whose `.0` is part of its name

Found = dict[bytes, dict[bytes, VarBind]]  # column -> index -> what the device said


async def object_id(device: Device) -> bytes | None:
    """What the device says it is. Raises NoAnswer."""
    (first, *_) = await device.get([OBJECT_ID])
    said = first.values.get(OBJECT_ID)
    return said.value if said and isinstance(said.value, bytes) else None


async def entries(device: Device, wanted: Sequence[Profile], known: Sequence[Entry]) -> list[Entry]:
    """The entries of the profiles `wanted`, in their order; of a table that cannot be walked, those of it in `known`.

    Where two profiles have the same metric of the same instance, the first one gives it. Raises NoAnswer.
    """
    found: list[Entry] = []
    taken: set[tuple[str, str]] = set()
    scalars = await _scalars(device, wanted)
    walked: Found = {}
    for profile in wanted:
        _add(found, taken, profiles.scalars(profile, scalars))
        for table in profile.tables:
            if not any(metric in table.unless for metric, _ in taken):
                rows = await _rows(device, table, profile, walked)
                old = [entry for entry in known if entry.table == f"{profile.name}.{table.name}"]
                _add(found, taken, old if rows is None else rows)
    return found


def _add(found: list[Entry], taken: set[tuple[str, str]], rows: list[Entry]) -> None:
    """Add `rows` of one table without the cells that an earlier table has."""
    here: set[tuple[str, str]] = set()
    for entry in rows:
        instance = "" if entry.reduce else entry.instance
        cells = tuple(cell for cell in entry.cells if (cell.column.metric, instance) not in taken)
        if cells:
            found.append(entry if len(cells) == len(entry.cells) else entry._replace(cells=cells))
            here |= {(cell.column.metric, instance) for cell in cells}
    taken |= here


async def _scalars(device: Device, wanted: Sequence[Profile]) -> Found:
    names = list(dict.fromkeys(name for profile in wanted for name in profiles.scalar_oids(profile)))
    answered: Found = {}
    if names:
        for part in await device.get(names):
            answered.update({name: {SCALAR: bind} for name, bind in part.values.items()})
            if part.mark.uptime >= 0:
                answered[UPTIME] = {SCALAR: VarBind(UPTIME, message.TIME_TICKS, part.mark.uptime)}
    return answered


async def _rows(device: Device, table: Table, profile: Profile, walked: Found) -> list[Entry] | None:
    """The entries of one table; None if the device cannot be walked there. Columns already in `walked` are not asked again."""
    columns = profiles.columns(table)
    try:
        await _walk(device, columns, profile, walked)
        if not any(walked[column] for column in columns):
            return []
        await _walk(device, profiles.details(table), profile, walked)
    except NoAnswer as error:
        if error.reason != "bad_answer":
            raise
        return None
    return profiles.entries(table, walked, profile.name)


async def _walk(device: Device, columns: Sequence[bytes], profile: Profile, walked: Found) -> None:
    """Walk what is new; where that is answered with nonsense, column by column, so that only the broken ones are lost."""
    new = [column for column in columns if column not in walked]
    if not new:
        return
    try:
        walked.update(await device.walk(new, profile.max_repetitions))
        return
    except NoAnswer as error:
        if error.reason != "bad_answer" or len(new) == 1:
            raise
    found: Found = {}
    for column in new:
        try:
            found.update(await device.walk([column], profile.max_repetitions))
        except NoAnswer as error:
            if error.reason != "bad_answer":
                raise
    if not found:
        raise NoAnswer("bad_answer", "the device cannot be walked there")
    walked.update({column: found.get(column, {}) for column in new})
