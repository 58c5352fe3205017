"""Neighbours that tests run against: found where `./dev setup --peers` puts them, else the test is skipped, or fails in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def need(name: str) -> str:
    """The path of a program; for `postgres15` and `timescale` the folder of initdb and postgres.

    Where it is missing, the calling test is skipped with the reason, or fails when CI is set.
    """
    found = find(name)
    if found is None:
        missing(f"{name} is not on this machine: ./dev setup --peers")
    return found


def find(name: str) -> str | None:
    """As `need`, but None where it is missing."""
    if name == "postgres15":
        folders = sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin/initdb"))
        return str(folders[0].parent) if folders else None
    if name == "timescale":
        script = ROOT / "packaging" / "timescale.sh"
        asked = subprocess.run(["bash", script, "bin"], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return asked.stdout.strip() or None
    return shutil.which(name, path=PLACES)


def corpus() -> Path:
    """The folder of recorded traffic and series that is too large for this repository (LINESIDE_CORPUS)."""
    folder = (ROOT / os.environ.get("LINESIDE_CORPUS", "../shared")).resolve()
    if not (folder / "captures").is_dir():
        missing(f"there is no corpus in {folder}: set LINESIDE_CORPUS to its folder")
    return folder


def missing(reason: str) -> NoReturn:
    """Skip, or fail where nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
