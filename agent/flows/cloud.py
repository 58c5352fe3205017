"""The table of cloud providers: networks and AS numbers, as shipped (cloud.json, with its date) or as refreshed on this agent."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from datetime import date as Day  # noqa: N812 - `date` is a field below
from pathlib import Path

import msgspec

from agent.disk import save
from protocols import cloud
from protocols.errors import ConfigError, DecodeError

NAME = "cloud.json"  # in the state folder
SHIPPED = Path(__file__).with_name("cloud.json")
OLD = 400  # days after which `check` advises to refresh


class Provider(msgspec.Struct, frozen=True, rename={"numbers": "as"}, omit_defaults=True):
    """What belongs to one provider; `date` where it is newer than the table's."""

    numbers: tuple[int, ...] = ()
    networks: tuple[str, ...] = ()
    date: str = ""


class Clouds(msgspec.Struct, frozen=True):
    """All providers, and the day on which this was known."""

    date: str
    providers: dict[str, Provider]

    def age(self, today: Day) -> int:
        """Days since its oldest large part was known."""
        return (today - Day.fromisoformat(self.date)).days


def load(state: Path | None) -> Clouds:
    """The refreshed table of the state folder, else the shipped one. Raises ConfigError when it cannot be read."""
    refreshed = state / NAME if state is not None else SHIPPED
    path = refreshed if refreshed.exists() else SHIPPED
    try:
        return msgspec.json.decode(path.read_bytes(), type=Clouds)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}). Remove it, or make it anew by `cloud refresh`.") from None


def stamp(state: Path | None) -> int:
    """What changes when the refreshed table does; 0 = there is none."""
    try:
        return (state / NAME).stat().st_mtime_ns if state is not None else 0
    except OSError:
        return 0


def refreshed(before: Clouds, files: Sequence[str], today: Day) -> Clouds:
    """`before` with the networks of `files`, each FILE or NAME=FILE: those of a provider in a file replace its earlier ones.

    Raises ConfigError.
    """
    found: dict[str, list[str]] = {}
    for given in files:
        name, path = (
            ("", Path(given)) if Path(given).exists() or "=" not in given else (given.split("=")[0], Path(given.split("=", 1)[1]))
        )
        try:
            for provider, networks in cloud.read(path.read_bytes(), name).items():
                found.setdefault(provider, []).extend(networks)
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
        except DecodeError as error:
            raise ConfigError(f"{path}: {error}.") from None
    providers = dict(before.providers)
    for provider, networks in found.items():
        old = providers.get(provider, Provider())
        providers[provider] = Provider(old.numbers, tuple(dict.fromkeys(networks)), today.isoformat())
    dates = [one.date or before.date for one in providers.values() if one.networks]
    return Clouds(min(dates, default=today.isoformat()), providers)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `lineside-agent cloud` takes."""
    actions = parser.add_subparsers(dest="action", required=True)
    refresh = actions.add_parser("refresh", help="take the networks of cloud providers from the files they publish")
    refresh.add_argument("--from", dest="files", nargs="+", required=True, metavar="FILE", help="or NAME=FILE for a plain list")


def day(now: int) -> Day:
    """The day of an instant in µs since 1970."""
    return datetime.fromtimestamp(now // 1_000_000, UTC).date()


def command(options: argparse.Namespace, state: Path, now: int) -> int:
    """Run `lineside-agent cloud refresh` at `now` (µs); the exit code. Raises ConfigError."""
    today = day(now)
    before = load(state)
    clouds = refreshed(before, options.files, today)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        save(state / NAME, msgspec.json.encode(clouds))
    except OSError as error:
        raise ConfigError(f"{state / NAME} cannot be written: {error.strerror}.") from None
    for name, provider in clouds.providers.items():
        if provider.date == today.isoformat():
            print(f"{name}: {len(provider.networks)} networks, {len(provider.numbers)} AS numbers")  # noqa: T201 - the answer
    print(f"Written to {state / NAME}. A running agent takes it up within five minutes.")  # noqa: T201 - the answer
    return 0


def told(clouds: Clouds, today: Day) -> str:
    """A sentence about the table's age, for `check`."""
    count = sum(len(provider.networks) for provider in clouds.providers.values())
    age = clouds.age(today)
    advice = "; take newer ones by `lineside-agent cloud refresh --from FILE`" if age > OLD else ""
    return f"{count} networks of {len(clouds.providers)} cloud providers are known, as of {clouds.date} ({age} days ago{advice})"
