"""Migrations run once, forward only, and say in a sentence why they do not run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from protocols.errors import ConfigError, Unavailable
from storage.database import connect, connect_owner
from storage.migrate import is_current, load, migrate


def _folder(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "repeatable").mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / f"{name.replace('__', '/')}.sql").write_text(text)
    return tmp_path


async def test_everything_is_applied_once_and_a_second_run_changes_nothing(empty_database: str) -> None:
    con = await connect_owner(empty_database)
    assert not await is_current(con)
    done = await migrate(con)
    numbered, repeatable = load()
    assert len(done) == len(numbered) + len(repeatable)
    assert await is_current(con)
    assert await migrate(con) == []
    await con.close()


async def test_two_programs_that_start_together_share_the_work(empty_database: str) -> None:
    cons = [await connect_owner(empty_database) for _ in range(3)]
    done = await asyncio.gather(*(migrate(con) for con in cons))
    assert sorted(map(len, done))[:2] == [0, 0]
    for con in cons:
        await con.close()


async def test_a_database_newer_than_the_program_is_refused(database: str) -> None:
    con = await connect_owner(database)
    await con.execute("insert into schema_migration values (999, 'from_the_future', 'x', now(), '0')")
    with pytest.raises(ConfigError, match=r"newer than this program.*999.*install the newer Lineside"):
        await migrate(con)
    await con.close()


async def test_a_file_changed_after_it_was_applied_is_refused(empty_database: str, tmp_path: Path) -> None:
    con = await connect_owner(empty_database)
    await migrate(con, _folder(tmp_path, **{"001_one": "create table one (a int)"}))
    with pytest.raises(ConfigError, match=r"001_one was changed after it was applied"):
        await migrate(con, _folder(tmp_path, **{"001_one": "create table one (a bigint)"}))
    await con.close()


async def test_a_migration_that_fails_leaves_nothing_of_itself(empty_database: str, tmp_path: Path) -> None:
    con = await connect_owner(empty_database)
    folder = _folder(tmp_path, **{"001_one": "create table one (a int)", "002_two": "create table two (a int); select 1/0"})
    with pytest.raises(Exception, match=r"division by zero"):
        await migrate(con, folder)
    assert await con.fetchval("select to_regclass('one') is not null and to_regclass('two') is null")
    assert await con.fetchval("select max(version) from schema_migration") == 1
    await con.close()


async def test_an_index_is_built_concurrently_outside_a_transaction(empty_database: str, tmp_path: Path) -> None:
    con = await connect_owner(empty_database)
    index = "-- transaction: none\ncreate index concurrently one_a on one (a)"
    await migrate(con, _folder(tmp_path, **{"001_one": "create table one (a int)", "002_index": index}))
    assert await con.fetchval("select indisvalid from pg_index where indexrelid = 'one_a'::regclass")
    await con.close()


async def test_a_repeatable_file_is_applied_again_when_its_text_changes(empty_database: str, tmp_path: Path) -> None:
    con = await connect_owner(empty_database)
    for value in (1, 1, 2):
        folder = _folder(tmp_path, repeatable__f=f"create or replace function f() returns int language sql as 'select {value}'")
        done = await migrate(con, folder)
    assert done == ["f"]
    assert await con.fetchval("select f()") == 2
    await con.close()


@pytest.mark.parametrize(("name", "words"), [("1_short", "is named 007_what_it_does.sql"), ("002_gap", "without a gap")])
def test_a_misnamed_file_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(_folder(tmp_path, **{name: "select 1"}))


async def test_an_unreachable_database_says_where_it_was_looked_for_and_hides_the_password() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1/lineside cannot be reached") as caught:
        await connect_owner("postgresql://me:s3cret@127.0.0.1:1/lineside")
    assert "s3cret" not in str(caught.value)


async def test_a_wrong_database_and_a_missing_schema_are_told_apart(empty_database: str) -> None:
    name = empty_database.split("?", 1)[0].rsplit("/", 1)[1]
    with pytest.raises(ConfigError, match=r"refuses us.*does not exist"):
        await connect_owner(empty_database.replace(name, "no_such_database"))
    with pytest.raises(ConfigError, match=r"is not an address of a database"):
        await connect_owner("mysql://somewhere")


async def test_rows_of_another_tenant_are_not_there_and_without_a_tenant_there_is_an_error(database: str) -> None:
    con = await connect_owner(database)
    await con.execute("insert into tenant (external_id, name) values ('a', 'A'), ('b', 'B')")
    await con.execute("insert into site (tenant_id, external_id, name, owner) select id, 'hq', name, 'api' from tenant")
    pool = await connect(database, "lineside_app", 2)
    from storage.database import as_tenant

    async with as_tenant(pool, 1) as one:
        assert [row["name"] for row in await one.fetch("select name from site")] == ["A"]
        with pytest.raises(Exception, match=r"row-level security"):
            async with one.transaction():
                await one.execute("insert into site (tenant_id, external_id, name, owner) values (2, 'x', 'x', 'api')")
    async with pool.acquire() as nobody:
        with pytest.raises(Exception, match=r"lineside\.tenant|bigint"):
            await nobody.fetch("select name from site")
    await pool.close()
    await con.close()


async def test_every_table_with_a_tenant_has_row_level_security_unless_rows_are_copied_into_it(database: str) -> None:
    con = await connect_owner(database)
    rows = await con.fetch(
        """select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relrowsecurity and exists (
             select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)"""
    )
    assert [row["relname"] for row in rows] == []
    await con.close()
