"""A disk in memory that knows what is durable: it can fill up, fail, and lose its power between any two calls."""

from __future__ import annotations

import errno
import os
import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

PAGE = 4096


class PowerLoss(Exception):  # noqa: N818 - it is what happens
    """The plug was pulled at this call; only what `Disk.after_power_loss` says is left."""


@dataclass
class Inode:
    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass
class Disk:
    """Implements agent.disk.Files. One flat folder."""

    capacity: int = 1 << 30
    calls_left: int = 1 << 30  # until PowerLoss
    liar: bool = False  # fdatasync does nothing: the negative control
    names: dict[str, Inode] = field(default_factory=dict)
    durable_names: dict[str, Inode] = field(default_factory=dict)
    quota: bool = False  # what is full cannot be seen beforehand
    failing: int | None = None  # every write fails with this errno
    writes: int = 0
    syncs: int = 0
    _fds: dict[int, tuple[Inode | None, bool]] = field(default_factory=dict)
    _next: int = 1_000

    def _call(self) -> None:
        self.calls_left -= 1
        if self.calls_left < 0:
            raise PowerLoss

    def used(self) -> int:
        return sum(len(inode.data) for inode in self.names.values())

    def open(self, path: str, flags: int, mode: int = 0o777, /) -> int:
        self._call()
        name = path.rsplit("/", 1)[1]
        self._next += 1
        if flags & os.O_DIRECTORY:
            self._fds[self._next] = (None, False)
            return self._next
        if flags & os.O_CREAT and name not in self.names:
            self.names[name] = Inode()
        elif flags & os.O_EXCL:
            raise OSError(errno.EEXIST, "exists")
        if name not in self.names:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        self._fds[self._next] = (self.names[name], bool(flags & os.O_APPEND))
        return self._next

    def close(self, fd: int, /) -> None:
        del self._fds[fd]

    def _inode(self, fd: int) -> Inode:
        inode = self._fds[fd][0]
        assert inode is not None
        return inode

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        self._call()
        self.writes += 1
        inode, append = self._fds[fd]
        assert inode is not None
        assert append
        if self.failing is not None:
            raise OSError(self.failing, os.strerror(self.failing))
        room = self.capacity - self.used()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = bytes(data)[:room]
        inode.data += taken
        return len(taken)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        return bytes(self._inode(fd).data[offset : offset + length])

    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int:
        self._call()
        inode = self._inode(fd)
        inode.data.extend(bytes(max(0, offset + len(data) - len(inode.data))))
        inode.data[offset : offset + len(data)] = data
        return len(data)

    def ftruncate(self, fd: int, length: int, /) -> None:
        self._call()
        del self._inode(fd).data[length:]

    def fsync(self, fd: int, /) -> None:
        self._call()
        inode, _ = self._fds[fd]
        if inode is None:
            self.durable_names = dict(self.names)
        elif not self.liar:
            inode.durable = bytes(inode.data)

    def fdatasync(self, fd: int, /) -> None:
        self.syncs += 1
        self.fsync(fd)

    def fstat(self, fd: int, /) -> Any:
        return SimpleNamespace(st_size=len(self._inode(fd).data))

    def statvfs(self, path: str, /) -> Any:
        return SimpleNamespace(f_bavail=1 << 40 if self.quota else max(0, self.capacity - self.used()), f_frsize=1)

    def listdir(self, path: str, /) -> list[str]:
        return list(self.names)

    def unlink(self, path: str, /) -> None:
        self._call()
        del self.names[path.rsplit("/", 1)[1]]

    def after_power_loss(self, rng: random.Random) -> Disk:
        """What may be found afterwards: all that was synced, and of the rest each page and each name by chance."""
        names = dict(self.durable_names)
        for name in self.names.keys() - names.keys():
            if rng.random() < 0.5:
                names[name] = self.names[name]
        for name in self.durable_names.keys() - self.names.keys():
            if rng.random() < 0.5:
                del names[name]
        left = {name: _left(inode, rng) for name, inode in names.items()}
        return Disk(
            self.capacity,
            liar=self.liar,
            names={name: Inode(bytearray(data), data) for name, data in left.items()},
        )._settled()

    def _settled(self) -> Disk:
        self.durable_names = dict(self.names)
        return self


def _left(inode: Inode, rng: random.Random) -> bytes:
    old, new = inode.durable, bytes(inode.data)
    if old == new:
        return old
    length = rng.choice((len(old), len(new), rng.randint(*sorted((len(old), len(new))))))
    pages = []
    for at in range(0, length, PAGE):
        want = min(PAGE, length - at)
        choices = [old[at : at + want], new[at : at + want]]
        if at >= len(old):
            choices.append(b"")  # allocated, never written: zeros
        elif at + want > len(old):
            choices[0] = old[at:]
            choices.append(old[at:] + bytes(rng.randbytes(max(0, at + want - len(old)))))
        pages.append(rng.choice(choices)[:want].ljust(want, b"\0"))
    return b"".join(pages)
