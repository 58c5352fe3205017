"""The files of this repository: what git tracks, and what it would if it were added."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def files() -> tuple[Path, ...]:
    """Paths from the root, sorted."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(sorted(Path(name) for name in set(names) if name and (ROOT / name).is_file()))


def text(path: Path) -> str:
    """The text of a file; empty where it is not text."""
    data = (ROOT / path).read_bytes()
    return "" if b"\0" in data else data.decode(errors="replace")


def is_python(path: Path) -> bool:
    return path.suffix == ".py" or path == Path("dev")
