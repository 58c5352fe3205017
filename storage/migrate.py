"""Forward-only migrations: numbered SQL files applied once, repeatable ones whenever their text changes."""

from __future__ import annotations

import asyncio
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from protocols.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    from storage.database import Connection

LOCK = 0x6C696E65  # "line": any constant shared by all versions of this program
NAME = re.compile(r"^(\d{3})_([a-z0-9_]+)\.sql$")
LEDGER = """
create table if not exists schema_migration (
  version integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null, took interval not null);
create table if not exists schema_repeatable (name text primary key, sha256 text not null, applied_at timestamptz not null)"""


class Migration(NamedTuple):
    """One file: `version` counts from 1; repeatable ones have 0."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def transactional(self) -> bool:
        """A file that starts with this line (CREATE INDEX CONCURRENTLY and its like) runs outside a transaction."""
        return not self.sql.startswith("-- transaction: none\n")


def load(folder: Traversable | None = None) -> tuple[list[Migration], list[Migration]]:
    """The numbered and the repeatable migrations of `folder` (default: the ones that ship). Raises ConfigError."""
    root = folder or resources.files("migrations")
    numbered: list[Migration] = []
    for path in sorted((p for p in root.iterdir() if p.name.endswith(".sql")), key=lambda p: p.name):
        match = NAME.match(path.name)
        if match is None:
            msg = f"migrations/{path.name}: a migration is named 007_what_it_does.sql"
            raise ConfigError(msg)
        numbered.append(Migration(int(match[1]), match[2], path.read_text("utf-8")))
    if [m.version for m in numbered] != list(range(1, len(numbered) + 1)):
        msg = "migrations: the numbers must run from 001 without a gap"
        raise ConfigError(msg)
    again = root / "repeatable"
    files = sorted((p for p in again.iterdir() if p.name.endswith(".sql")), key=lambda p: p.name) if again.is_dir() else []
    return numbered, [Migration(0, p.name[:-4], p.read_text("utf-8")) for p in files]


async def migrate(con: Connection, folder: Traversable | None = None) -> list[str]:
    """Bring the database of `con` (its owner) up to date; returns the names of what was applied.

    Safe to call from several processes at once. Raises ConfigError: a newer database, a file changed after it was applied.
    """
    numbered, repeatable = load(folder)
    # Poll: a session that waits inside pg_advisory_lock() holds a snapshot, and CREATE INDEX CONCURRENTLY waits for every
    # snapshot: the two would wait for each other.
    while not await con.fetchval("select pg_try_advisory_lock($1)", LOCK):
        await asyncio.sleep(0.1)
    try:
        await con.execute(LEDGER)
        await _offer_timescale(con)
        done = await _numbered(con, numbered)
        return done + await _repeatable(con, repeatable)
    finally:
        await con.execute("select pg_advisory_unlock($1)", LOCK)


async def is_current(con: Connection) -> bool:
    """Whether nothing is left to apply."""
    numbered, repeatable = load()
    if await con.fetchval("select to_regclass('schema_migration')") is None:
        return False
    newest = await con.fetchval("select max(version) from schema_migration")
    known = {row["name"]: row["sha256"] for row in await con.fetch("select name, sha256 from schema_repeatable")}
    return newest == len(numbered) and all(known.get(m.name) == m.sha256 for m in repeatable)


async def _offer_timescale(con: Connection) -> None:
    """Create the extension where the server has it loaded. What it can do is asked of it later, never guessed by version."""
    # Asked for on a server that has it on disk only, the extension ends the session; preloaded, it has settings.
    preloaded = "select current_setting('timescaledb.disable_load', true) is not null"
    if not await con.fetchval(f"{preloaded} and exists (select from pg_available_extensions where name = 'timescaledb')"):
        return
    try:
        async with con.transaction():
            await con.execute("create extension if not exists timescaledb")
    except asyncpg.PostgresError:
        return  # not ours to create: plain PostgreSQL then


async def _numbered(con: Connection, todo: Sequence[Migration]) -> list[str]:
    rows = await con.fetch("select version, sha256 from schema_migration")
    applied: dict[int, str] = {row["version"]: row["sha256"] for row in rows}
    if applied and max(applied) > len(todo):
        msg = (
            f"The database is newer than this program (it has migration {max(applied):03}, this program knows "
            f"{len(todo):03}): install the newer Lineside, or restore the backup made before the upgrade."
        )
        raise ConfigError(msg)
    done = []
    for migration in todo:
        known = applied.get(migration.version)
        if known is None:
            await _apply(con, migration)
            done.append(f"{migration.version:03}_{migration.name}")
        elif known != migration.sha256:
            msg = f"Migration {migration.version:03}_{migration.name} was changed after it was applied: write a new one instead."
            raise ConfigError(msg)
    return done


async def _apply(con: Connection, migration: Migration) -> None:
    record = """insert into schema_migration (version, name, sha256, applied_at, took)
        values ($1, $2, $3, clock_timestamp(), clock_timestamp() - $4)"""
    start = await con.fetchval("select clock_timestamp()")
    values = (migration.version, migration.name, migration.sha256, start)
    if migration.transactional:
        async with con.transaction():
            await con.execute(migration.sql)
            await con.execute(record, *values)
    else:
        await con.execute(migration.sql)
        await con.execute(record, *values)


async def _repeatable(con: Connection, todo: Sequence[Migration]) -> list[str]:
    known = {row["name"]: row["sha256"] for row in await con.fetch("select name, sha256 from schema_repeatable")}
    done = []
    for migration in todo:
        if known.get(migration.name) == migration.sha256:
            continue
        async with con.transaction():
            await con.execute(migration.sql)
            await con.execute(
                """insert into schema_repeatable (name, sha256, applied_at) values ($1, $2, clock_timestamp())
                   on conflict (name) do update set sha256 = excluded.sha256, applied_at = excluded.applied_at""",
                migration.name,
                migration.sha256,
            )
        done.append(migration.name)
    return done
