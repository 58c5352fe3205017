"""lineside-agent: the command line, the table of collectors, and the clock."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import signal
import sys
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

from agent import check, config, decode, discover, enrolment, interfaces, logs, replay, state
from agent.backoff import Backoff
from agent.collectors import dns, flows, http, ping, radacct, radius, snmp, syslog, tcp, traps
from agent.config import Settings
from agent.flows import cloud
from agent.hints import Hints
from agent.plans import Run
from agent.program import Program
from agent.state import Identity
from protocols.errors import ConfigError, Unavailable

log = logging.getLogger(__name__)

TOKEN = range(8, 201)  # characters
COLLECTORS: dict[str, Run] = {
    "dns": dns.run,
    "http": http.run,
    "ping": ping.run,
    "snmp": snmp.run,
    "tcp": tcp.run,
}
CHECKS: dict[str, check.Check] = {
    "dns": dns.check,
    "http": http.check,
    "ping": ping.check,
    "snmp": snmp.check,
    "tcp": tcp.check,
    "flow": flows.check,
    "trap": traps.check,
    "syslog": syslog.check,
    "radius": radius.check,
}


def collectors(settings: Settings) -> dict[str, Run]:
    """COLLECTORS, and those that must know their ports, the state folder or each other."""
    hints = Hints()
    return COLLECTORS | {
        "snmp": snmp.hinted(hints),
        "flow": flows.collector(flows.Place(settings.flow_ports, settings.state, interfaces.known.name)),
        "trap": traps.collector(traps.Place(settings.trap_port, settings.state, hints)),
        "syslog": syslog.collector(syslog.Place(settings.syslog_port)),
        "radius": radius.listener(settings.radius_port, radacct.poller(settings.radacct) if settings.radacct else None),
    }


def clock() -> int:
    """Microseconds since the epoch, UTC."""
    return time.time_ns() // 1_000


def version() -> str:
    """The version of this program."""
    try:
        return installed("lineside")
    except PackageNotFoundError:
        return "0+checkout"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lineside-agent", description="Measures for a Lineside server.")
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    for place in (parser, common):  # before the command or behind it
        place.add_argument("--config", type=Path, metavar="FILE", help=f"settings (default: {config.DEFAULT_FILE}, if it exists)")
        place.add_argument("--debug", action="store_true", help="say more, and show where an unexpected error came from")
    parser.add_argument("--version", action="version", version=f"lineside-agent {version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", parents=[common], help="measure, spool and send until stopped")
    commands.add_parser("check", parents=[common], help="try settings, state folder, server and every target once")
    enrol = commands.add_parser("enrol", parents=[common], help="become an agent of a server, with a one-time token")
    enrol.add_argument("--server", metavar="URL", help="for example https://lineside.example.net")
    enrol.add_argument("--token", metavar="T", help="the token, or env:NAME or file:PATH where it lies")
    enrol.add_argument("--name", help="what the server shall call this agent (default: the host name)")
    discover.arguments(commands.add_parser("discover", parents=[common], help="show what an SNMP device has to be monitored"))
    decode.arguments(commands.add_parser("decode", parents=[common], help="show the flow records in a capture file"))
    replay.arguments(commands.add_parser("replay", parents=[common], help="send the flows of a capture file through the agent"))
    cloud.arguments(commands.add_parser("cloud", parents=[common], help="what is known of the networks of cloud providers"))
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code: 0 good, 1 failed, 2 wrong command line."""
    options = _arguments().parse_args(arguments)
    try:
        settings = config.load(options.config, os.environ)
        logs.start(settings.log, debug=options.debug)
        if options.command == "decode":
            return decode.decode(options)
        if options.command == "replay":
            return replay.replay(options, settings.state)
        if options.command == "cloud":
            return cloud.command(options, settings.state, clock())
        return asyncio.run(_command(options, settings))
    except (ConfigError, Unavailable) as error:
        print(f"lineside-agent: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if options.debug:
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"lineside-agent: unexpected error, please report it: {what} (--debug shows more)", file=sys.stderr)
    return 1


async def _command(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "check":
        return await check.check(settings, version(), clock, CHECKS)
    if options.command == "discover":
        return await discover.discover(options, settings.state)
    if options.command == "enrol":
        return await _enrol(settings, options)
    with state.locked(settings.state):
        who = await _identity(settings)
        program = Program(settings, who, version(), clock, collectors(settings), os.environ)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, program.stop.set)
        await program.run()
    return 0


async def _enrol(settings: Settings, options: argparse.Namespace) -> int:
    try:
        settings = replace(
            settings,
            server=config.server_url(options.server) if options.server else settings.server,
            token=config.secret_from(options.token) if options.token else settings.token,
            name=options.name or settings.name,
        )
    except ValueError as error:
        raise ConfigError(f"{error}.") from None
    with state.locked(settings.state):
        who = await _enrol_with(settings)
    print(f"Enrolled as {who.name} (agent {who.agent}) at {who.server}. Start it with `lineside-agent run`.")
    return 0


async def _enrol_with(settings: Settings) -> Identity:
    if not settings.server:
        raise ConfigError("no server is set: give --server URL, or set `server` in agent.toml or LINESIDE_AGENT_SERVER.")
    if 0 < len(settings.token) < TOKEN.start:
        raise ConfigError("this token is too short; copy it whole.")
    if len(settings.token) not in TOKEN:
        raise ConfigError("a token is needed: make one at the server, then give --token T (or --token file:PATH).")
    if config.in_clear(settings.server):
        log.warning("the server's address is http: the secret and all data travel unencrypted; use https")
    who = enrolment.prepare(settings.state, settings.server, settings.name or platform.node() or "agent")
    return await enrolment.enrol(settings.state, who, settings.token, version(), clock, settings.ca_file)


async def _identity(settings: Settings) -> Identity:
    """Who this agent is; with `token` set it enrols itself first, patiently."""
    backoff = Backoff()
    while True:
        who = state.identity(settings.state)
        if who is not None and who.agent:
            if settings.server and settings.server != who.server:
                raise ConfigError(
                    f"this agent is enrolled at {who.server}, but `server` says {settings.server}. "
                    f"Change it back, or remove {settings.state / 'agent.json'} and enrol again."
                )
            return who
        if not settings.token:
            raise ConfigError("this agent is not enrolled yet. Run `lineside-agent enrol --server URL --token T` first.")
        try:
            return await _enrol_with(settings)
        except Unavailable as error:
            log.warning("%s", error)
            await asyncio.sleep(backoff.after_failure(max(error.retry_after, 1.0)))


if __name__ == "__main__":
    sys.exit(main())
