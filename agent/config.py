"""agent.toml and LINESIDE_AGENT_*: the few settings an agent has; all else comes with its plan (docs/agent-settings.md)."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from protocols.errors import ConfigError

PREFIX = "LINESIDE_AGENT_"
DEFAULT_FILE = Path("/etc/lineside-agent/agent.toml")


@dataclass(frozen=True)
class Settings:
    """What the operator decides. `token` is the one-time token itself, already read from where it lies."""

    server: str = ""
    state: Path = Path("/var/lib/lineside-agent")
    name: str = ""
    log: str = "logfmt"
    token: str = ""
    ca_file: Path | None = None
    spool_limit_mib: int | None = None
    spool_reserve_mib: int | None = None
    flow_ports: tuple[int, ...] = (2055, 4739, 6343)  # UDP; empty = flows are not heard
    trap_port: int = 162  # UDP; 0 = traps are not heard
    syslog_port: int = 514  # UDP and TCP; 0 = syslog is not heard
    radius_port: int = 1813  # UDP; 0 = RADIUS accounting is not heard
    radacct: str = ""  # address of the database with FreeRADIUS's radacct table; empty = it is not read


def server_url(value: str) -> str:
    """`value` as the address of a server: http(s), a host, no user, query or fragment. Raises ValueError."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is no http or https address; write it like https://lineside.example.net")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("the server's address has no user name, query or fragment; write it like https://lineside.example.net")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{value!r} has no usable port: a port is a number from 1 to 65535")
    return value.rstrip("/")


def in_clear(url: str) -> bool:
    """Does what is sent to `url` travel unencrypted over a network?"""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")


def secret_from(value: str) -> str:
    """The secret that `value` points to: env:NAME, file:PATH, or the secret itself. Raises ValueError."""
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        if not os.environ.get(name):
            raise ValueError(f"the environment variable {name} is not set")
        return os.environ[name].strip()
    if value.startswith("file:"):
        try:
            return Path(value.removeprefix("file:")).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return value.strip()


def _pointer(value: str) -> str:
    if value and not value.startswith(("env:", "file:")):
        raise ValueError("a secret does not stand in the settings; write env:NAME or file:PATH")
    return secret_from(value) if value else ""


def _log(value: str) -> str:
    if value not in ("logfmt", "json"):
        raise ValueError("choose logfmt or json")
    return value


def _name(value: str) -> str:
    if not 1 <= len(value) <= 255 or not value.isprintable():
        raise ValueError("a name has 1 to 255 printable characters")
    return value


def _folder(value: str) -> Path:
    path = Path(value)
    if not path.is_absolute():
        raise ValueError(f"{value!r} is no absolute path; begin it with /")
    return path


def _mib(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise ValueError("give a whole number of MiB")
    return int(value)


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 5 or int(value) > 65_535:
        raise ValueError("a port is a number from 1 to 65535, or 0 to listen on none")
    return int(value)


def _ports(value: str) -> tuple[int, ...]:
    ports = tuple(dict.fromkeys(_port(word) for word in value.replace(",", " ").split()))
    if len(ports) > 16:
        raise ValueError("at most 16 ports are listened on")
    return tuple(port for port in ports if port)


# Every setting and how its text is read; a file may also give the numbers as numbers, and ports as a list of them.
SETTINGS: dict[str, Callable[[str], Any]] = {
    "server": server_url,
    "state": _folder,
    "name": _name,
    "log": _log,
    "token": _pointer,
    "ca_file": _folder,
    "spool_limit_mib": _mib,
    "spool_reserve_mib": _mib,
    "flow_ports": _ports,
    "trap_port": _port,
    "syslog_port": _port,
    "radius_port": _port,
    "radacct": _pointer,
}
_NUMBERS = (_mib, _port, _ports)  # a file may give these as numbers


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of `file` (None = the usual one, if it exists), then of the environment. Raises ConfigError."""
    values: dict[str, Any] = {}
    if file is not None or DEFAULT_FILE.exists():
        values |= _from_file(file or DEFAULT_FILE)
    values |= _from_environment(environment)
    return Settings(**values)


def nearest(name: str, names: list[str]) -> str:
    """A hint at the name that was probably meant."""
    close = difflib.get_close_matches(name, names, 1, 0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file}: the settings cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: the settings are not UTF-8 text; save the file as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: this is not TOML: {error}.") from None
    values, problems = {}, []
    for key, given in raw.items():
        value = ",".join(map(str, given)) if isinstance(given, list) and SETTINGS.get(key) is _ports else given
        place = f"{file}, line {_line(text, key)}"
        if key not in SETTINGS:
            problems.append(f"{place}: unknown setting {key!r}; {nearest(key, list(SETTINGS))}")
            continue
        if not isinstance(value, str) and not (type(value) is int and SETTINGS[key] in _NUMBERS):
            problems.append(f"{place}: {key} must be a text in quotes.")
            continue
        try:
            values[key] = SETTINGS[key](str(value))
        except ValueError as error:
            problems.append(f"{place}: {key}: {error}.")
    if problems:
        raise ConfigError("\n".join(problems))
    return values


def _line(text: str, key: str) -> int:
    """The line that sets `key` (TOML's own reader does not say)."""
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values, problems = {}, []
    known = [PREFIX + name.upper() for name in SETTINGS]
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        if variable not in known:
            problems.append(f"{variable}: unknown setting; {nearest(variable, known)}")
            continue
        key = variable.removeprefix(PREFIX).lower()
        try:
            values[key] = SETTINGS[key](environment[variable])
        except ValueError as error:
            problems.append(f"{variable}: {error}.")
    if problems:
        raise ConfigError("\n".join(problems))
    return values
