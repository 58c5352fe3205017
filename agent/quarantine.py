"""Batches the server will never take: kept for a person to look at, a bounded number of them, the newest."""

from __future__ import annotations

from pathlib import Path

import msgspec

from agent.disk import save
from agent.segment_files import Entry

MOST_FILES = 64
MOST_BYTES = 32 << 20


def put(folder: Path, lane: str, entry: Entry, status: int, detail: str) -> bool:
    """Keep `entry` and why it was refused, as two files. False when the disk would not take it (it is lost either way)."""
    record = entry.record
    if record is None:
        return False
    name = f"{lane}-{record.epoch}-{record.seq}"
    about = {"status": status, "detail": detail, "rows": record.rows, "first": record.first, "last": record.last}
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        save(folder / f"{name}.json", msgspec.json.encode(about))
        save(folder / f"{name}.zst", record.body)
        _trim(folder)
    except OSError:
        return False
    return True


def _trim(folder: Path) -> None:
    """Remove the oldest until the folder is within its bounds."""
    batches = sorted(folder.glob("*.zst"), key=lambda path: path.stat().st_mtime_ns)
    size = sum(path.stat().st_size for path in batches)
    while len(batches) > MOST_FILES or size > MOST_BYTES:
        oldest = batches.pop(0)
        size -= oldest.stat().st_size
        oldest.unlink()
        oldest.with_suffix(".json").unlink(missing_ok=True)
