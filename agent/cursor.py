"""The cursor of a spool lane: two slots with CRC, written in turn, so that one good slot survives any torn write.

A slot carries how far the server has acknowledged, and the losses that no gap record tells of yet: one write moves both.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

SLOT_AT = (0, 4096)  # one page each: a page that is lost takes one slot with it
FILE_SIZE = 8192
# Why rows were lost. Append only: the place in this list is the place in the slot.
REASONS = ("buffer_full", "disk_full", "refused", "damaged")
_HEAD = struct.Struct("<QQQ")
_LOSS = struct.Struct("<Qqq")
_CRC = struct.Struct("<I")
_BODY = _HEAD.size + len(REASONS) * _LOSS.size
SLOT_SIZE = _BODY + _CRC.size


class Position(NamedTuple):
    """A place in the spool: everything before `offset` of `segment`, and every lower segment, is behind it."""

    segment: int
    offset: int


class Loss(NamedTuple):
    """`rows` rows between two instants (µs); rows = 0: how many is not known."""

    rows: int
    first: int
    last: int

    def join(self, other: Loss) -> Loss:
        """Both losses as one."""
        return Loss(self.rows + other.rows, min(self.first, other.first), max(self.last, other.last))


class Cursor(NamedTuple):
    """What a slot says. `generation` counts the writes; the higher one of the two slots is in force."""

    generation: int
    position: Position
    losses: dict[str, Loss]

    def lose(self, reason: str, loss: Loss) -> Cursor:
        """With one more loss."""
        joined = self.losses[reason].join(loss) if reason in self.losses else loss
        return self._replace(losses={**self.losses, reason: joined})

    def told(self, losses: dict[str, Loss]) -> Cursor:
        """Without what a gap record tells; what was lost since stays to be told."""
        kept = {
            reason: loss._replace(rows=loss.rows - losses[reason].rows) if reason in losses else loss
            for reason, loss in self.losses.items()
            if losses.get(reason) != loss
        }
        return self._replace(losses=kept)


def pack(cursor: Cursor) -> bytes:
    """One slot. A reason without a loss is written as (0, 1, 0): `first` behind `last`."""
    body = _HEAD.pack(cursor.generation, *cursor.position)
    body += b"".join(_LOSS.pack(*cursor.losses.get(reason, Loss(0, 1, 0))) for reason in REASONS)
    return body + _CRC.pack(zlib.crc32(body))


def unpack(data: bytes) -> Cursor:
    """The newest good slot of a cursor file; the very beginning when there is none."""
    best = Cursor(0, Position(0, 0), {})
    for at in SLOT_AT:
        slot = data[at : at + SLOT_SIZE]
        if len(slot) < SLOT_SIZE or _CRC.unpack_from(slot, _BODY)[0] != zlib.crc32(slot[:_BODY]):
            continue
        generation, segment, offset = _HEAD.unpack_from(slot)
        if generation > best.generation:
            losses = (Loss(*_LOSS.unpack_from(slot, _HEAD.size + i * _LOSS.size)) for i in range(len(REASONS)))
            kept = {reason: loss for reason, loss in zip(REASONS, losses, strict=True) if loss.first <= loss.last}
            best = Cursor(generation, Position(segment, offset), kept)
    return best
