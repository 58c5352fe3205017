"""Segment files as they lie on disk: find them, count them, read them back past any damage."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agent import records
from agent.cursor import Position
from agent.disk import Files, read_range
from agent.records import HEADER, Record

WINDOW = 2 * records.MAX_RECORD
_NAME = re.compile(r"([0-9a-f]{16})-[0-9a-f]{16}\.seg")


class Segment(NamedTuple):
    """A segment file: its number orders it, its name seeds its CRCs; `size` bytes of it are durable."""

    number: int
    name: str
    size: int


class Entry(NamedTuple):
    """A record read back and the position after it (which acknowledges it); no record = damage was skipped."""

    record: Record | None
    after: Position


def name_of(number: int, random: bytes) -> str:
    """The file name of segment `number`; `random` is 8 bytes."""
    return f"{number:016x}-{random.hex()}.seg"


def find(files: Files, folder: Path) -> tuple[list[Segment], int]:
    """The segments an earlier start left, in order, made durable now so that only durable records are ever sent.

    A file that cannot be opened is left alone. Also the highest number seen, which is never used again.
    """
    found, highest = [], 0
    for name in sorted(files.listdir(str(folder))):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        number = int(match[1], 16)
        highest = max(highest, number)
        try:
            fd = files.open(str(folder / name), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            with suppress(OSError):  # what cannot be made durable can still be sent
                files.fsync(fd)
            found.append(Segment(number, name, files.fstat(fd).st_size))
        finally:
            files.close(fd)
    return found, highest


def free(files: Files, folder: Path) -> int:
    """Bytes that may still be written beside `folder`; no end of them where that cannot be told: the write itself will tell."""
    try:
        stat = files.statvfs(str(folder))
    except OSError:
        return 1 << 62
    return stat.f_bavail * stat.f_frsize


def count(files: Files, folder: Path, segment: Segment, at: int) -> int:
    """Records of `segment` from offset `at`, by their headers alone; damage ends the count early."""
    records_seen = 0
    fd = files.open(str(folder / segment.name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        while at < segment.size:
            header = read_range(files, fd, at, HEADER.size)[0]
            if len(header) < HEADER.size:
                break
            magic, length, *_ = HEADER.unpack(header)
            if magic != records.MAGIC:
                break
            records_seen, at = records_seen + 1, at + HEADER.size + length
    finally:
        files.close(fd)
    return records_seen


def entries(files: Files, folder: Path, segment: Segment, at: int) -> Iterator[Entry]:
    """Everything in `segment` from offset `at` on, window by window. Raises OSError when the file cannot be opened."""
    fd = files.open(str(folder / segment.name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        seed = records.seed_of(segment.name)
        while at < segment.size:
            data, _ = read_range(files, fd, at, min(WINDOW, segment.size - at))
            if not data:  # somebody cut the file
                yield Entry(None, Position(segment.number, segment.size))
                return
            start = at
            for step in records.scan(data, seed, start + len(data) >= segment.size):
                at = start + step.end
                yield Entry(step.record, Position(segment.number, at))
    finally:
        files.close(fd)
