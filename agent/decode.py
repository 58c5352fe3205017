"""`lineside-agent decode FILE`: every record in a capture, in words or as JSON, one object a line.

What a port carries is told by what a datagram looks like: readers are tried in the order of READERS.
"""

from __future__ import annotations

import argparse
import mmap
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from agent.decode_flows import Flows
from protocols import pcap
from protocols.errors import ConfigError, DecodeError
from protocols.pcap import Datagram

# A reader takes a datagram and gives the records in it as JSON objects; None if it is of another kind.
Reader = Callable[[Datagram], list[dict[str, Any]] | None]
READERS: dict[str, Callable[[], Reader]] = {
    "flows": Flows,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("file", type=Path, metavar="FILE.pcap", help="a pcap or pcapng file")
    parser.add_argument("--json", action="store_true", help="one JSON object for each record, a line each")


def decode(options: argparse.Namespace) -> int:
    """Run the command; the exit code. Raises ConfigError."""
    counters: Counter[str] = Counter()
    try:
        with options.file.open("rb") as file, _mapped(file.fileno()) as data:
            for found in records(pcap.datagrams(data, counters), counters):
                sys.stdout.write(msgspec.json.encode(found).decode() + "\n" if options.json else in_words(found))
            sys.stdout.flush()
    except DecodeError as error:
        raise ConfigError(f"{options.file}: {error}.") from None
    except BrokenPipeError:  # whoever read this has seen enough; nothing may be flushed to it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, ValueError) as error:
        raise ConfigError(f"{options.file} cannot be read: {error}.") from None
    sys.stderr.write(", ".join(f"{name} {count}" for name, count in sorted(counters.items()) if count) + "\n")
    return 0


def records(datagrams: Iterator[Datagram], counters: Counter[str]) -> Iterator[dict[str, Any]]:
    """The records of all datagrams, in their order, as JSON objects; `counters` says of what kind they were."""
    readers = {name: reader() for name, reader in READERS.items()}
    for datagram in datagrams:
        for name, reader in readers.items():
            found = reader(datagram)
            if found is not None:
                counters[name] += len(found)
                yield from found
                break
        else:
            counters["of_another_kind"] += 1


def in_words(found: dict[str, Any]) -> str:
    """A record as one line for people."""
    fields = " ".join(f"{name}={value}" for name, value in found["fields"].items())
    return f"{found['exporter']} {found['kind']} version {found['version']} domain {found['domain']}: {fields}\n"


def _mapped(number: int) -> Any:
    # Not read but mapped: captures may be larger than memory.
    return mmap.mmap(number, 0, access=mmap.ACCESS_READ)
