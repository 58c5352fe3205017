"""The few calls of the operating system that hold what must not be lost: replaceable, so that tests can pull the plug."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

PAGE = 4096


class Files(Protocol):
    """What the spool needs of `os`, and nothing else. Paths are absolute; the module `os` itself is one."""

    def open(self, path: str, flags: int, mode: int = 0o777, /) -> int: ...
    def close(self, fd: int, /) -> None: ...
    def write(self, fd: int, data: bytes | memoryview, /) -> int: ...
    def pread(self, fd: int, length: int, offset: int, /) -> bytes: ...
    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int: ...
    def ftruncate(self, fd: int, length: int, /) -> None: ...
    def fsync(self, fd: int, /) -> None: ...
    def fdatasync(self, fd: int, /) -> None: ...
    def fstat(self, fd: int, /) -> os.stat_result: ...
    def statvfs(self, path: str, /) -> os.statvfs_result: ...
    def listdir(self, path: str, /) -> list[str]: ...
    def unlink(self, path: str, /) -> None: ...


OS: Files = os


def write_all(files: Files, fd: int, data: bytes) -> None:
    """Write all of `data`, however little the kernel takes at a time."""
    view = memoryview(data)
    while view:
        view = view[files.write(fd, view) :]


def read_range(files: Files, fd: int, offset: int, length: int) -> tuple[bytes, int]:
    """Up to `length` bytes from `offset`, and how many pages could not be read (they come back as zeros)."""
    try:
        return files.pread(fd, length, offset), 0
    except OSError:
        pass
    pages, bad = [], 0
    for at in range(offset, offset + length, PAGE):
        want = min(PAGE, offset + length - at)
        try:
            page = files.pread(fd, want, at)
        except OSError:
            page, bad = bytes(want), bad + 1
        pages.append(page)
        if len(page) < want:
            break
    return b"".join(pages), bad


def save(path: Path, data: bytes) -> None:
    """Replace a small state file, mode 0600, in one step: after a crash it is the old one or the new one, whole."""
    temporary = path.with_name(f".{path.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(fd, 0o600)
        write_all(OS, fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names in `folder` durable."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
