"""The command line of `lineside`: arguments in, one sentence out when something is wrong. Exit codes: 0, 1 failed, 2 misuse."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from protocols.errors import ConfigError, Refused, Unavailable
from server import anomalies, auth, config, forecasting, jobs_process, logs, setup, supervisor, web
from server.inventory import cli as inventory_cli
from server.profiles import cli as profile_cli
from storage import callers, status_pages
from storage.database import connect_owner, place
from storage.embedded import Embedded
from storage.migrate import is_current, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from server.config import Settings
    from server.jobs_process import Job, Sleep
    from server.web import Route

    Clock = Callable[[], int]

# What a page session may be given beside noc-read; everything else is for keys.
LINK_SCOPES = ("noc-write", "admin")


def main(
    argv: Sequence[str],
    environment: Mapping[str, str],
    routes: Sequence[Route],
    jobs: Mapping[str, Job],
    clock: Clock,
    sleep: Sleep = asyncio.sleep,
) -> int:
    """Run one command; the return value is the exit code. Jobs wait by `sleep`, in seconds of `clock`."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command in ("inventory", "agent"):
            return inventory_cli.run(arguments, environment)
        if arguments.command == "profile":
            return profile_cli.run(arguments)
        if arguments.command == "forecast":
            return forecasting.run(arguments)
        if arguments.command == "anomalies":
            return anomalies.run(arguments)
        path = arguments.config or environment.get("LINESIDE_CONFIG")
        settings = config.read(Path(path) if path else None, environment)
        logs.start(settings.log)
        work = _work(arguments, settings, routes, jobs, clock, sleep)
        uvloop.run(work)
    except (ConfigError, Unavailable, Refused) as error:
        sys.stderr.write("".join(f"lineside: {line}\n" for line in str(error).split("\n")))
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if arguments.debug:
            raise
        sys.stderr.write(f"lineside: unexpected {type(error).__name__}: {error} (run again with --debug for the details)\n")
        return 1
    return 0


def _work(
    arguments: argparse.Namespace,
    settings: Settings,
    routes: Sequence[Route],
    jobs: Mapping[str, Job],
    clock: Clock,
    sleep: Sleep,
) -> Any:
    """The coroutine that does what was asked."""
    if arguments.command == "key":
        return _with_owner(settings, lambda con, tenant: _print_key(con, tenant, arguments, clock()))
    if arguments.command == "link":
        return _with_owner(settings, lambda con, tenant: _print_link(con, tenant, arguments, settings, clock()))
    if arguments.command == "status-page":
        return _with_owner(settings, lambda con, tenant: _print_status_pages(con, tenant, settings))
    if arguments.verb == "run":
        return supervisor.run(settings, clock, _say)
    if arguments.verb == "web":
        return _web(settings, routes, clock, arguments.fd)
    if arguments.verb == "jobs":
        return jobs_process.run(settings, jobs, clock, sleep)
    if arguments.verb == "migrate":
        return _with_database(settings, _migrate)
    return _with_database(settings, lambda con: _check(con, settings))


async def _web(settings: Settings, routes: Sequence[Route], clock: Clock, fd: int | None) -> None:
    app = web.create_app(settings, settings.database_url or Embedded(Path(settings.data)).dsn(), routes, clock)
    await web.serve(app, settings, fd)


async def _with_database(settings: Settings, work: Callable[[Any], Any]) -> None:
    """`work` on the owner's connection: to the named database, to a running embedded one, or to one started for this."""
    if settings.database_url:
        con = await connect_owner(settings.database_url)
        try:
            await work(con)
        finally:
            await con.close()
        return
    embedded = Embedded(Path(settings.data))
    try:
        con = await connect_owner(embedded.dsn())
    except (Unavailable, ConfigError):
        try:
            con = await connect_owner(await embedded.start())
            await work(con)
            await con.close()
        finally:
            await embedded.stop()
        return
    try:
        await work(con)
    finally:
        await con.close()


async def _with_owner(settings: Settings, work: Callable[[Any, int], Any]) -> None:
    async def prepared(con: Any) -> None:
        if not await is_current(con):
            await migrate(con)
        await work(con, await callers.ensure_tenant(con, settings.tenant, settings.tenant_name))

    await _with_database(settings, prepared)


async def _print_key(con: Any, tenant_id: int, arguments: argparse.Namespace, now: int) -> None:
    bound = await setup.bound_to(con, tenant_id, arguments.account_manager, arguments.reseller)
    key = await setup.new_key(con, tenant_id, arguments.name, arguments.scope, now, bound)
    sys.stdout.write(f"{key}\n")


async def _print_link(con: Any, tenant_id: int, arguments: argparse.Namespace, settings: Settings, now: int) -> None:
    bound = await setup.bound_to(con, tenant_id, arguments.account_manager, arguments.reseller)
    token = await setup.new_link(con, tenant_id, now, bound, arguments.scope or ())
    sys.stdout.write(f"{settings.url}/sign-in?token={token}\n")


async def _print_status_pages(con: Any, tenant_id: int, settings: Settings) -> None:
    for name, slug in (await status_pages.addresses(con, tenant_id)).items():
        sys.stdout.write(f"{name}  {settings.url}/status/{slug}\n")


async def _migrate(con: Any) -> None:
    done = await migrate(con)
    _say(f"applied {', '.join(done)}" if done else "the database is up to date")


async def _check(con: Any, settings: Settings) -> None:
    where = place(settings.database_url) if settings.database_url else settings.data
    state = "up to date" if await is_current(con) else "behind: run `lineside server migrate`"
    _say(f"settings are right; the database ({where}) answers and is {state}")


def _say(text: str) -> None:
    sys.stderr.write(f"lineside: {text}\n")
    sys.stderr.flush()
    logging.getLogger("lineside").debug("%s", text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lineside", description="Service-level monitoring: the server and its tools.")
    parser.add_argument("--config", metavar="FILE", help="settings as TOML (default: $LINESIDE_CONFIG)")
    parser.add_argument("--debug", action="store_true", help="show a traceback when something unexpected happens")
    commands = parser.add_subparsers(dest="command", required=True)
    verbs = commands.add_parser("server", help="run and care for the server").add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", help="database, web and jobs, until stopped")
    verbs.add_parser("check", help="try settings and database, change nothing")
    verbs.add_parser("migrate", help="bring the database up to date")
    verbs.add_parser("web", help="one web process").add_argument("--fd", type=int, help="a listening socket to inherit")
    verbs.add_parser("jobs", help="one jobs process")
    key = commands.add_parser("key", help="API keys").add_subparsers(dest="verb", required=True).add_parser("create")
    key.add_argument("--name", required=True)
    key.add_argument("--scope", action="append", required=True, choices=sorted(auth.SCOPES - {"public", "agent"}))
    pages = commands.add_parser("status-page", help="status pages of customers").add_subparsers(dest="verb", required=True)
    pages.add_parser("list", help="the address of each")
    link = commands.add_parser("link", help="a one-time link that opens the pages")
    link.add_argument("--scope", action="append", choices=LINK_SCOPES, help="what the session may do beside looking")
    for parser_of in (key, link):
        bound = parser_of.add_mutually_exclusive_group()
        bound.add_argument("--account-manager", metavar="ID", help="sees the accounts of this account manager only")
        bound.add_argument("--reseller", metavar="ID", help="sees the services that this account sells and may see only")
    inventory_cli.add_arguments(commands)
    profile_cli.add_arguments(commands)
    anomalies.add_arguments(commands)
    forecasting.add_arguments(commands)
    return parser
