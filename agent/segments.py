"""One lane's folder on disk: append-only segments, a cursor, a budget. Blocking; agent/spool.py calls it from threads.

Rules: what is written is durable before it counts; a segment of an earlier start, or one whose write failed, is never
appended to; the cursor is durable before a segment goes; damage is skipped and counted; whatever is found, it starts.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from agent import cursor as cursors
from agent import records, segment_files
from agent.budget import Budget
from agent.cursor import Loss, Position
from agent.disk import OS, Files, read_range, write_all
from agent.records import HEADER, Record
from agent.segment_files import Entry, Segment

SEGMENT = 8 << 20
SMALLEST = 64 << 10
FULL = (errno.ENOSPC, errno.EDQUOT)


class Segments:
    """The state of one lane. One thread may write while another reads and acknowledges."""

    def __init__(
        self,
        folder: Path,
        budget: Budget,
        counters: Counter[str],
        files: Files = OS,
        random: Callable[[int], bytes] = os.urandom,
        *,
        keeps: bool = False,
    ) -> None:
        """Open the existing `folder`; `keeps`: full, it refuses the newest. Raises OSError only when it cannot be used at all."""
        self.folder, self.budget, self.counters, self._keeps = folder, budget, counters, keeps
        self._files, self._random, self._lock = files, random, threading.RLock()
        self._segment_size = min(SEGMENT, max(SMALLEST, budget.limit // 8))
        self._active: int | None = None  # the descriptor of the last segment, while it is being written
        self._last: Record | None = None  # read last, and whether damage followed it
        self._damaged = False
        self.trouble = ""  # why the last group was lost, in a sentence
        self._dirfd = files.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._cursorfd = files.open(str(folder / "cursor"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._cursor = cursors.unpack(read_range(files, self._cursorfd, 0, cursors.FILE_SIZE)[0])
        self._segments, highest = segment_files.find(files, folder)
        files.fsync(self._dirfd)
        self._next = max(self._cursor.position.segment, highest) + 1
        self.pending = sum(segment_files.count(files, folder, s, self._offset(s)) for s in self._segments)  # records
        self._collect()
        self._account()

    @property
    def bytes(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in self._segments)

    @property
    def losses(self) -> dict[str, Loss]:
        """What was lost and is not yet told in a gap record, by reason."""
        return dict(self._cursor.losses)

    @property
    def position(self) -> Position:
        """Everything before it is acknowledged or given up."""
        return self._cursor.position

    # --- writing

    def write(self, group: Sequence[Record], waited: Collection[int] = ()) -> bool:
        """Append `group`: durable when True. Otherwise it is lost, counted, and, save `waited`, told by `losses`. Never raises OSError."""
        need = sum(HEADER.size + records.IDENTITY.size + len(record.body) for record in group)
        self.trouble = ""
        with self._lock:
            room = self._make_room(need)
        if room and (self._try(group, need, last=False) or self._try(group, need, last=True)):
            with self._lock:
                self.pending += len(group)
            return True
        with self._lock:
            for record in (record for record in group if record.seq not in waited):
                self.lose("disk_full", Loss(record.rows, record.first, record.last))
            self.trouble = self.trouble or self.budget.shortage(self.folder, segment_files.free(self._files, self.folder))
            self.counters["spool.refused"] += len(group)
            self._save(durable=True)
        return False

    def _try(self, group: Sequence[Record], need: int, *, last: bool) -> bool:
        try:
            self._append(group, need)
        except OSError as error:
            self.trouble = "" if error.errno in FULL else f"the spool in {self.folder} cannot be written: {error.strerror}"
            self.counters[f"spool.write.{errno.errorcode.get(error.errno or 0, 'error')}"] += 1
            self._abandon()
            if error.errno in FULL and not last:  # the newest is worth more than the oldest, but not all there is
                with self._lock:
                    if not self._collect() and len(self._segments) > 1 and not self._keeps:
                        self._drop_oldest("disk_full")
            return False
        return True

    def _append(self, group: Sequence[Record], need: int) -> None:
        fd = self._active
        if fd is None or self._segments[-1].size + need > self._segment_size:
            fd = self._roll()
        segment = self._segments[-1]
        seed = records.seed_of(segment.name)
        write_all(self._files, fd, b"".join(records.pack(record, seed) for record in group))
        self._files.fdatasync(fd)
        with self._lock:
            self._segments[-1] = segment._replace(size=segment.size + need)
            self._account()

    def _roll(self) -> int:
        """Begin a new segment; its name is durable before anything in it counts. Its descriptor."""
        if self._active is not None:
            fd, self._active = self._active, None
            self._files.close(fd)
        name = segment_files.name_of(self._next, self._random(8))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = self._files.open(str(self.folder / name), flags, 0o600)
        with self._lock:
            self._active = fd
            self._segments.append(Segment(self._next, name, 0))
            self._next += 1
        self._files.fsync(self._dirfd)
        return fd

    def _abandon(self) -> None:
        """After a failed write nobody knows what is on disk: cut the segment to what counts, never append to it again."""
        if self._active is None:
            return
        try:
            self._files.ftruncate(self._active, self._segments[-1].size)
            self._files.fsync(self._active)
        except OSError:
            self.counters["spool.abandon"] += 1
        with self._lock:
            fd, self._active = self._active, None
            if self._segments[-1].size == 0:
                self._unlink(self._segments.pop())
        self._files.close(fd)

    # --- room

    def _make_room(self, need: int) -> bool:
        while not self.budget.allows(need, segment_files.free(self._files, self.folder)):
            if (self._keeps or not self._drop_oldest("buffer_full")) and not self._retire():
                return False
        return True

    def _retire(self) -> bool:
        """Let go of the segment being written if the server has all of it; False = it was not so."""
        if self._active is None or self._offset(self._segments[-1]) < max(self._segments[-1].size, 1):
            return False
        fd, self._active = self._active, None
        self._files.close(fd)
        return self._collect()

    def _drop_oldest(self, reason: str) -> bool:
        """Give up the oldest segment that is not being written. Its loss is durable in the cursor before it goes."""
        if len(self._segments) <= (0 if self._active is None else 1):
            return False
        segment, before = self._segments[0], self._cursor
        lost = [entry.record for entry in self._unread(segment) if entry.record is not None]
        for record in lost:
            self.lose(reason, Loss(record.rows, record.first, record.last))
        self._cursor = self._cursor._replace(position=max(before.position, Position(segment.number + 1, 0)))
        if not self._save(durable=True):
            self._cursor = before
            return False
        self.counters[f"spool.dropped.{reason}"] += len(lost)
        self.pending = max(0, self.pending - len(lost))
        self._unlink(self._segments.pop(0))
        return True

    def lose(self, reason: str, loss: Loss, *, durable: bool = False) -> None:
        """Remember a loss until a gap record tells of it; when not `durable`, the caller saves it with what it does next."""
        with self._lock:
            self._cursor = self._cursor.lose(reason, loss)
            if durable:
                self._save(durable=True)

    def _unlink(self, segment: Segment) -> None:
        try:
            self._files.unlink(str(self.folder / segment.name))
        except OSError:
            self.counters["spool.unlink"] += 1
        self._account()

    def _account(self) -> None:
        self.budget.lanes[str(self.folder)] = self.bytes

    # --- reading

    def read(self, at: Position, most: int = 64) -> list[Entry]:
        """Up to `most` durable records behind `at`, in order. Damage is skipped, counted, and told as a loss of 0 rows."""
        with self._lock:
            at = max(at, self._cursor.position)
            segments = [segment for segment in self._segments if segment.number >= at.segment]
        for segment in segments:
            found: list[Entry] = []
            try:
                start = at.offset if segment.number == at.segment else 0
                for entry in segment_files.entries(self._files, self.folder, segment, start):
                    self._look(entry)
                    if entry.record is not None:
                        found.append(entry)
                    if len(found) >= most:
                        break
            except FileNotFoundError:
                self.counters["spool.vanished_segment"] += 1
            except OSError:  # no descriptors, no permission: not lost, so wait for better times
                self.counters["spool.unreadable_segment"] += 1
                return []
            if found:
                return found
        return []

    def _look(self, entry: Entry) -> None:
        """Tell damage from a torn tail: only where a later record of the same epoch skips a number was something lost."""
        record, last = entry.record, self._last
        if record is None:
            self.counters["spool.damaged"] += not self._damaged
            self._damaged = True
            return
        if self._damaged and last is not None and last.epoch == record.epoch and record.seq > last.seq + 1:
            with self._lock:
                self.lose("damaged", Loss(0, min(last.last, record.first), max(last.last, record.first)))
        self._last, self._damaged = record, False

    def _offset(self, segment: Segment) -> int:
        position = self._cursor.position
        return position.offset if segment.number == position.segment else 0 if segment.number > position.segment else segment.size

    def _unread(self, segment: Segment) -> list[Entry]:
        try:
            return list(segment_files.entries(self._files, self.folder, segment, self._offset(segment)))
        except OSError:
            self.counters["spool.unreadable_segment"] += 1
            return []

    # --- acknowledging

    def acknowledge(self, entry: Entry, refused: str = "") -> None:
        """The server has `entry` (or will never take it: `refused` is the reason of the loss). Segments behind it go."""
        with self._lock:
            if entry.after <= self._cursor.position:
                return  # given up meanwhile; the gap record says so
            if refused and entry.record is not None:
                self.lose(refused, Loss(entry.record.rows, entry.record.first, entry.record.last))
            self._cursor = self._cursor._replace(position=entry.after)
            self.pending = max(0, self.pending - 1)
            self._save(durable=bool(refused))
            self._collect()

    def told(self, losses: dict[str, Loss]) -> None:
        """A durable gap record tells of `losses`."""
        with self._lock:
            self._cursor = self._cursor.told(losses)
            self._save(durable=True)

    def _collect(self) -> bool:
        """Unlink what lies wholly behind the cursor, once the cursor is durable. False = there was nothing."""
        keep = 0 if self._active is None else 1
        done = [s for s in self._segments[: len(self._segments) - keep] if self._offset(s) >= s.size]
        if not done or not self._save(durable=True):
            return False
        self._segments = [segment for segment in self._segments if segment not in done]
        for segment in done:
            self._unlink(segment)
        return True

    def _save(self, *, durable: bool) -> bool:
        """Write the slot that is not in force. Without `durable` it outlives the process, not the power."""
        self._cursor = self._cursor._replace(generation=self._cursor.generation + 1)
        try:
            self._files.pwrite(self._cursorfd, cursors.pack(self._cursor), cursors.SLOT_AT[self._cursor.generation % 2])
            if durable:
                self._files.fdatasync(self._cursorfd)
        except OSError:
            self.counters["spool.cursor"] += 1
            return False
        return True

    def close(self) -> None:
        """Make the cursor durable and let go of the files."""
        with self._lock:
            self._save(durable=True)
            for fd in (self._active, self._cursorfd, self._dirfd):
                if fd is not None:
                    self._files.close(fd)
            self._active = None
