"""`lineside inventory apply FILE` and `lineside agent token`: they speak REST, so they run wherever the server can be reached.

Exit codes: 0 done, 1 refused or not reachable, 2 wrongly called.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import httpx2
import msgspec

from server.inventory.diff import Difference, render
from server.inventory.nodes import Fault, Node
from server.inventory.reader import read, resolver, say

SECONDS = 120.0  # a large inventory takes a while
NEEDED = {
    "LINESIDE_URL": "the address of the server, such as https://lineside.example",
    "LINESIDE_KEY": "an API key with the scope admin (lineside key create --name NAME --scope admin)",
}


def add_arguments(commands: Any) -> None:
    """Add the two commands to argparse's subparsers."""
    verbs = commands.add_parser("inventory", help="what was sold, and what carries it").add_subparsers(dest="verb", required=True)
    apply_parser = verbs.add_parser("apply", help="make the server's inventory what a YAML file says")
    apply_parser.add_argument("file", metavar="FILE")
    apply_parser.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
    verbs = commands.add_parser("agent", help="agents").add_subparsers(dest="verb", required=True)
    token_parser = verbs.add_parser("token", help="a one-time token with which an agent enrols")
    token_parser.add_argument("--site", metavar="SITE", required=True, help="the id of the site where the agent stands")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """The command that `add_arguments` parsed; the result is the exit code."""
    command = {"inventory": apply, "agent": token}[arguments.command]
    return command(arguments, environment)


def apply(
    arguments: argparse.Namespace, environment: Mapping[str, str], out: TextIO | None = None, err: TextIO | None = None
) -> int:
    """Read the file, send it, print what changed."""
    out, err = out or sys.stdout, err or sys.stderr
    path = Path(arguments.file)
    try:
        text = path.read_bytes()
    except OSError as error:
        return _fail(err, f"lineside: {path} cannot be read: {error.strerror}", 2)
    reading = read(text, str(path), resolver(environment, path.parent))
    if reading.document is None:
        return _fail(err, "\n".join(reading.faults))
    query = {"dry_run": "true" if arguments.dry_run else "false"}
    answer = _call(environment, "PUT", "/api/v1/inventory", msgspec.json.encode(reading.document), query)
    if isinstance(answer, str):
        return _fail(err, answer, 2 if "Set LINESIDE" in answer else 1)
    if answer.status_code != httpx2.codes.OK:
        return _fail(err, _faults(answer, str(path), reading.root))
    found = msgspec.json.decode(answer.content, type=Difference)
    colour = out.isatty() and "NO_COLOR" not in environment
    for line in render(found, colour=colour):
        print(line, file=out)
    return 0


def token(
    arguments: argparse.Namespace, environment: Mapping[str, str], out: TextIO | None = None, err: TextIO | None = None
) -> int:
    """Ask for a token and print it, alone, on standard output."""
    out, err = out or sys.stdout, err or sys.stderr
    answer = _call(environment, "POST", "/api/v1/enrol-tokens", msgspec.json.encode({"site": arguments.site}), {})
    if isinstance(answer, str):
        return _fail(err, answer, 2 if "Set LINESIDE" in answer else 1)
    if answer.status_code != httpx2.codes.CREATED:
        return _fail(err, _faults(answer, "", Node(0, None)))
    made = answer.json()
    print(made["token"], file=out)
    print(f"It enrols one agent at {arguments.site} until {made['expires_at']}.", file=err)
    return 0


def _call(environment: Mapping[str, str], method: str, path: str, body: bytes, query: dict[str, str]) -> httpx2.Response | str:
    """The server's answer, or why there is none, in a sentence."""
    missing = [f"{name}: {words}" for name, words in NEEDED.items() if not environment.get(name)]
    if missing:
        return f"lineside: Set {', and '.join(missing)}."
    url, key = environment["LINESIDE_URL"].rstrip("/"), environment["LINESIDE_KEY"]
    if not (key.isascii() and key.isprintable()) or " " in key:
        return "lineside: LINESIDE_KEY holds characters that no key has: copy it again."
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        return httpx2.request(method, url + path, content=body, params=query, headers=headers, timeout=SECONDS)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        return f"lineside: LINESIDE_URL is {url!r}, which is no address; it looks like https://lineside.example."
    except httpx2.TimeoutException:
        return f"lineside: {url} did not answer within {SECONDS:.0f} s. Nothing is known about whether the change was made: try again."
    except httpx2.HTTPError as error:
        if "WRONG_VERSION_NUMBER" in str(error) or "RECORD_LAYER_FAILURE" in str(error):  # what OpenSSL calls an answer in clear
            return f"lineside: {url} does not speak TLS: write http://, or put TLS in front of it."
        return f"lineside: {url} cannot be reached ({error}). Is the server running, and is LINESIDE_URL right?"


def _faults(answer: httpx2.Response, name: str, root: Node) -> str:
    """What the server refused, with the lines of the file where it names places in it."""
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return f"lineside: The server answered {answer.status_code} without saying why. Is LINESIDE_URL the address of Lineside?"
    if answer.status_code == httpx2.codes.UNAUTHORIZED:
        return "lineside: The server does not know the key in LINESIDE_KEY. Make one with: lineside key create --name NAME --scope admin"
    if errors := problem.get("errors"):
        places = [Fault(_path(error["pointer"]), error["detail"]) for error in errors]
        return "\n".join(say(places, name, root))
    return f"lineside: {problem.get('title', 'Refused')}. {problem.get('detail', '')}".strip()


def _path(pointer: str) -> tuple[str | int, ...]:
    """The steps of a JSON pointer (RFC 6901)."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return tuple(int(step) if step.isdigit() else step for step in steps)


def _fail(err: TextIO, message: str, code: int = 1) -> int:
    print(message, file=err)
    return code
