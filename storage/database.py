"""Connections: a pool per role, a transaction per tenant, and the database's errors in words a user understands."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias
from urllib.parse import urlsplit

import asyncpg
import msgspec

from protocols.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Role = Literal["lineside_app", "lineside_ingest"]


class Bound(NamedTuple):
    """Whose part of the tenant a caller sees: that of an account manager (own accounts) or of a reseller (services he sells)."""

    account_manager_id: int | None
    reseller_id: int | None


class Whose(Protocol):
    """What as_caller asks of a caller; `bound` is None for one who sees the whole tenant."""

    @property
    def tenant_id(self) -> int: ...
    @property
    def bound(self) -> Bound | None: ...


# What a call raises while the database restarts, fails over or is overloaded: the same call may succeed a moment later.
Trouble: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    ConnectionError,
    TimeoutError,
)
# The same call would fail again: a value that the database cannot hold.
BadValue: type[Exception] = asyncpg.DataError
OLDEST = 150_000  # PostgreSQL 15: the oldest whose partitions, multiranges and roles we test


async def connect(dsn: str, role: Role, size: int = 8) -> Pool:
    """A pool whose connections act as `role` from their first statement on.

    Raises Unavailable (not reachable now) and ConfigError (wrong address, password, or a role that migrations have not made).
    """
    with words_for(dsn):
        return await asyncpg.create_pool(
            dsn, min_size=1, max_size=size, server_settings={"role": role, "timezone": "UTC"}, init=_teach, command_timeout=60
        )


async def connect_owner(dsn: str) -> Connection:
    """One connection as the user named in `dsn`, for migrations and the operator's commands. Raises as `connect`."""
    with words_for(dsn):
        con = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"}, timeout=15)
    await _teach(con)
    if con.get_server_version()[0] * 10_000 < OLDEST:
        found = con.get_server_version()[0]
        await con.close()
        msg = f"The database at {place(dsn)} is PostgreSQL {found}; Lineside needs 15 or newer."
        raise ConfigError(msg)
    return con


@contextlib.asynccontextmanager
async def as_tenant(pool: Pool, tenant_id: int) -> AsyncIterator[Connection]:
    """One transaction that sees the rows of `tenant_id` only (row-level security)."""
    async with pool.acquire() as con, con.transaction():
        await con.execute("select set_config('lineside.tenant', $1, true)", str(tenant_id))
        yield con


@contextlib.asynccontextmanager
async def as_caller(pool: Pool, caller: Whose) -> AsyncIterator[Connection]:
    """One transaction that sees what `caller` may: its tenant's rows, of them only its own where it is bound (011_bound_callers)."""
    manager, reseller = caller.bound or (None, None)
    async with pool.acquire() as con, con.transaction():
        await con.execute(
            """select set_config('lineside.tenant', $1, true), set_config('lineside.manager', $2, true),
                 set_config('lineside.reseller', $3, true)""",
            *("" if number is None else str(number) for number in (caller.tenant_id, manager, reseller)),
        )
        yield con


@contextlib.contextmanager
def words_for(dsn: str) -> Iterator[None]:
    """Turn what the driver raises while connecting into Unavailable or ConfigError, without the password."""
    try:
        yield
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        msg = f"The database at {place(dsn)} refuses us: {error}. Check user, password and database in LINESIDE_DATABASE_URL."
        raise ConfigError(msg) from None
    except (asyncpg.InvalidParameterValueError, asyncpg.UndefinedObjectError):
        msg = f"The database at {place(dsn)} is not prepared: run `lineside server migrate` first."
        raise ConfigError(msg) from None
    except (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, OSError, TimeoutError) as error:
        if "rejected SSL upgrade" in str(error):  # neither yes nor no to the first question that PostgreSQL understands
            tls = ", or offers no TLS, which sslmode asks for" if "sslmode=" in dsn else ""
            msg = f"What answers at {place(dsn)} is there but does not speak PostgreSQL{tls}. Check LINESIDE_DATABASE_URL."
            raise ConfigError(msg) from None
        msg = f"The database at {place(dsn)} cannot be reached: {error or 'no answer'}. Is it running?"
        raise Unavailable(msg, 2.0) from None
    except (ValueError, asyncpg.ClientConfigurationError) as error:
        why = "its port is no number" if isinstance(error, ValueError) and "int()" in str(error) else error
        msg = f"LINESIDE_DATABASE_URL is not an address of a database ({why}); it looks like postgresql://user@host/name."
        raise ConfigError(msg) from None


def place(dsn: str) -> str:
    """Where `dsn` points, without user and password."""
    try:
        parts = urlsplit(dsn)
        return f"{parts.hostname or 'the local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "LINESIDE_DATABASE_URL"


async def _teach(con: Any) -> None:
    """Jsonb is decoded where it is read: callers see Python values."""
    await con.set_type_codec("jsonb", encoder=_to_json, decoder=msgspec.json.decode, schema="pg_catalog")


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
