"""How much disk the spool may use: a share of one quota for each lane, and a reserve that stays free for everybody else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from protocols.uplink.batch import Lane

MIB = 1 << 20
LIMIT = 4 << 30
SHARE = 0.2  # of the file system, where that is less
RESERVE = 256 << 20
# Of the limit, so that a storm of one kind never costs the measurements of another.
LANES: dict[Lane, float] = {"metrics": 0.5, "events": 0.3, "flows": 0.2}


@dataclass
class Budget:
    """What the lanes counted in `lanes` may use: `limit` bytes, leaving `reserve` bytes of the file system free."""

    limit: int = LIMIT
    reserve: int = RESERVE
    lanes: dict[str, int] = field(default_factory=dict)  # bytes in use, by folder

    def allows(self, more: int, free: int) -> bool:
        """May `more` bytes be written while the file system has `free` bytes left?"""
        return sum(self.lanes.values()) + more <= self.limit and free - more >= self.reserve

    def of(self, lane: Lane) -> Budget:
        """The part of it that is `lane`'s own; never so little that no batch fits."""
        return Budget(max(min(self.limit, MIB), int(self.limit * LANES[lane])), self.reserve)

    def shortage(self, folder: Path, free: int) -> str:
        """That the spool in `folder` may not grow while the file system has `free` bytes left, and what to do."""
        return (
            f"the spool in {folder} may not grow ({free // MIB} MiB free, {self.reserve // MIB} stay free, limit "
            f"{self.limit // MIB}): free some space or lower spool_reserve_mib"
        )

    @staticmethod
    def free(folder: Path) -> int:
        """Bytes that the file system of `folder` still has for us."""
        stat = os.statvfs(folder)
        return stat.f_bavail * stat.f_frsize


def budget_for(folder: Path, limit: int | None, reserve: int | None) -> Budget:
    """The budget for `folder`'s file system; None = the default. Raises OSError when the folder does not exist."""
    stat = os.statvfs(folder)
    if limit is None:
        limit = min(LIMIT, int(SHARE * stat.f_blocks * stat.f_frsize))
    return Budget(limit, RESERVE if reserve is None else reserve)
