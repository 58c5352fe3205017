"""The databases that tests get: each its own, on every kind of server."""

import asyncpg


async def test_a_test_gets_a_migrated_database_of_its_own(database, database_server):
    con = await asyncpg.connect(database)
    try:
        assert await con.fetchval("select count(*) from tenant") == 0
        await con.execute("insert into tenant (external_id, name) values ('t', 'Tenant')")
        version = await con.fetchval("show server_version_num")
        extended = await con.fetchval("select exists (select from pg_extension where extname = 'timescaledb')")
    finally:
        await con.close()
    assert int(version) >= 150_000
    assert extended == (database_server.kind == "timescale")


async def test_what_another_test_wrote_is_not_there(database):
    con = await asyncpg.connect(database)
    try:
        assert await con.fetchval("select count(*) from tenant") == 0
    finally:
        await con.close()


async def test_an_empty_database_has_no_table_of_ours(empty_database):
    con = await asyncpg.connect(empty_database)
    try:
        assert await con.fetchval("select to_regclass('tenant')") is None
    finally:
        await con.close()
