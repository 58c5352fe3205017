"""A server that has TimescaleDB on disk, but not loaded: it is plain PostgreSQL to us."""

import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

from storage import database
from storage.migrate import migrate
from tests import clusters
from tests.peers import need


async def test_an_extension_that_is_only_on_disk_is_not_asked_for():
    folder = Path(tempfile.mkdtemp(prefix="lineside-not-preloaded-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with clusters._postgres(Path(need("timescale")), folder / "data", clusters.THROWN_AWAY):
            con = await database.connect_owner(f"postgresql://postgres@/postgres?host={quote(str(folder / 'data'), safe='')}")
            try:
                assert await con.fetchval("select exists (select from pg_available_extensions where name = 'timescaledb')")
                assert "007_history" in await migrate(con)
                assert not await con.fetchval("select exists (select from pg_extension where extname = 'timescaledb')")
            finally:
                await con.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
