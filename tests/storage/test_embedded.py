"""The embedded PostgreSQL starts, stops, survives kills and says what is wrong with its folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from protocols.errors import ConfigError
from storage.embedded import Embedded


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's: as root the database runs as another user, who may not enter that."""
    made = Path(tempfile.mkdtemp(prefix="lineside-embedded-", dir="/tmp"))
    made.chmod(0o711)
    yield made / "data"
    shutil.rmtree(made, ignore_errors=True)


async def _count(dsn: str) -> int:
    con = await asyncpg.connect(dsn)
    try:
        return int(await con.fetchval("select count(*) from t"))
    finally:
        await con.close()


async def test_what_was_committed_is_there_after_a_stop_and_after_a_kill(folder: Path) -> None:
    database = Embedded(folder)
    dsn = await database.start()
    con = await asyncpg.connect(dsn)
    await con.execute("create table t (a int); insert into t values (1)")
    await con.close()
    await database.stop()
    await database.start()
    assert await _count(dsn) == 1
    assert database.process is not None
    os.kill(database.process.pid, signal.SIGKILL)
    database.process.wait()
    await database.restart()
    assert await _count(dsn) == 1
    await database.stop()


async def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    (folder / "pg.new").mkdir(parents=True)
    (folder / "pg.new" / "rubbish").touch()
    database = Embedded(folder)
    await database.start()
    await database.stop()


async def test_two_servers_cannot_share_a_folder(folder: Path) -> None:
    database = Embedded(folder)
    await database.start()
    with pytest.raises(ConfigError, match=r"in use by another Lineside"):
        await Embedded(folder).start()
    await database.stop()


async def test_it_stops_when_its_parent_is_killed(folder: Path) -> None:
    program = f"import asyncio, pathlib; from storage.embedded import Embedded\nasync def main():\n e = Embedded(pathlib.Path({str(folder)!r})); await e.start(); print(e.process.pid, flush=True); await asyncio.sleep(60)\nasyncio.run(main())"
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while Path(f"/proc/{server}/cmdline").exists() and Path(f"/proc/{server}/cmdline").read_bytes():
        assert time.monotonic() < end, "the database outlived its parent"
        await asyncio.sleep(0.05)
    again = Embedded(folder)
    await again.start()
    await again.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the database as another user")
async def test_a_folder_the_database_cannot_reach_is_refused_with_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(ConfigError, match=r"cannot reach .* LINESIDE_DATA"):
        await Embedded(tmp_path / "deep" / "data").start()
    assert list(tmp_path.iterdir()) == [], "what nobody can use is not left behind"


def test_a_folder_that_cannot_be_made_is_said_as_such(folder: Path) -> None:
    file = folder.parent / "file"
    file.write_text("")
    for path in (file, file / "data"):
        with pytest.raises(ConfigError, match=rf"^{file} is no folder\. Choose another with LINESIDE_DATA\.$"):
            Embedded(path).make_folder()
    with pytest.raises(ConfigError, match=r"^The folder /proc/data cannot be made: .*\. Choose another with LINESIDE_DATA\.$"):
        Embedded(Path("/proc/data")).make_folder()


async def test_a_path_too_long_for_a_socket_gets_a_short_one(folder: Path) -> None:
    database = Embedded(folder / ("x" * 90))
    dsn = await database.start()
    con = await asyncpg.connect(dsn)
    assert await con.fetchval("select 1") == 1
    await con.close()
    await database.stop()
    shutil.rmtree(database.socket_folder, ignore_errors=True)
