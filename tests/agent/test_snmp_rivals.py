"""One snmpd asked by us, by net-snmp's programs, by gufo-snmp and by pysnmp: the same names, types and values, in every version."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gufo.snmp
import pytest
from gufo.snmp import sync

from agent.access import Access, by_community
from agent.device import Device
from agent.udp import Exchange, resolve
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from tests.agent.snmp_stand import has_ipv6
from tests.fakes import snmp_users
from tests.fakes.snmpd import Snmpd, snmpd
from tests.peers import ROOT as ROOT_FOLDER
from tests.peers import need

ROOT = "1.3.6.1.4.1.8072.9999.9999.7"
# What a script behind snmpd's `pass` says: its word for the type, its text, and what that is as a tag and a value.
VALUES: list[tuple[str, str, int, int | bytes]] = [
    ("integer", "0", ber.INTEGER, 0),
    ("integer", "-1", ber.INTEGER, -1),
    ("integer", "-2147483648", ber.INTEGER, -(2**31)),
    ("integer", "2147483647", ber.INTEGER, 2**31 - 1),
    ("counter", "4294967295", message.COUNTER32, 2**32 - 1),
    ("gauge", "2147483648", message.GAUGE32, 2**31),
    ("timetick", "4294967295", message.TIME_TICKS, 2**32 - 1),
    ("counter64", "18446744073709551615", message.COUNTER64, 2**64 - 1),
    ("counter64", "128", message.COUNTER64, 128),
    ("ipaddress", "192.0.2.255", message.IP_ADDRESS, bytes((192, 0, 2, 255))),
    ("objectid", ".1.3.6.1.4.1.4294967295.0.128", ber.OBJECT_IDENTIFIER, oid.parse("1.3.6.1.4.1.4294967295.0.128")),
    ("string", "edge 1", ber.OCTET_STRING, b"edge 1"),
    ("octet", "00 80 FF 0A", ber.OCTET_STRING, b"\x00\x80\xff\x0a"),
    ("octet", ipaddress.ip_address("2001:db8::1").packed.hex(" "), ber.OCTET_STRING, ipaddress.ip_address("2001:db8::1").packed),
    ("string", "x" * 200, ber.OCTET_STRING, b"x" * 200),
]
EXPECTED = {f"{ROOT}.1.{row}.0": VarBind(b"", tag, said) for row, (_, _, tag, said) in enumerate(VALUES, 1)}
GUFO_AUTHS = {"md5": "Md5Key", "sha1": "Sha1Key", "sha224": "Sha224Key", "sha256": "Sha256Key", "sha384": "Sha384Key",
              "sha512": "Sha512Key"}  # fmt: skip
GUFO_PRIVS = {"des": "DesKey", "aes128": "Aes128Key", "aes192": "Aes192Key", "aes256": "Aes256Key", "aes192c": "Aes192Key",
              "aes256c": "Aes256Key"}  # fmt: skip
WORDS = {
    "INTEGER": ber.INTEGER, "Counter32": message.COUNTER32, "Gauge32": message.GAUGE32, "Timeticks": message.TIME_TICKS,
    "Counter64": message.COUNTER64, "IpAddress": message.IP_ADDRESS, "OID": ber.OBJECT_IDENTIFIER,
    "STRING": ber.OCTET_STRING, "Hex-STRING": ber.OCTET_STRING,
}  # fmt: skip


def script(folder: Path) -> Path:
    """What answers for ROOT: -g NAME the value itself, -n NAME the one after it."""
    table, program = folder / "values", folder / "values.sh"
    rows = [f".{name}|{kind}|{said}" for name, (kind, said, _, _) in zip(EXPECTED, VALUES, strict=True)]
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    program.write_text(
        "#!/bin/sh\n"
        f"awk -F'|' -v how=$1 -v name=$2 '"
        'how == "-g" && $1 == name { print $1; print $2; print $3 }\n'
        'how == "-n" && (found || index($1, name ".") == 1) { print $1; print $2; print $3; exit }\n'
        'how == "-n" && $1 == name { found = 1 }\n'
        f"' {table}\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Snmpd]:
    need("snmpd")
    extra = f"{snmp_users.config()}\npass .{ROOT} {script(tmp_path)}\nrocommunity6 public"
    async with snmpd(tmp_path / "edge1", extra=extra) as running:
        yield running


Said = dict[str, tuple[int, Any]]  # dotted name -> tag, value


async def we_say(daemon: Snmpd, access: Access) -> Said:
    """By a walk, and by Gets of what it found: they must agree."""
    exchange = Exchange("snmp", message.request_id, Counter())
    try:
        device = Device(exchange, await resolve(daemon.host, daemon.port), access, (2.0, 1))
        root = oid.parse(ROOT)
        found = (await device.walk([root], 4))[root]
        names = [root + index for index in found]
        got = {name: bind for part in await device.get(names) for name, bind in part.values.items()}
    finally:
        exchange.close()
    assert [got.get(name) for name in names] == [None if bind is None else bind for bind in found.values()]
    return {oid.dotted(name): (bind.tag, bind.value) for name, bind in got.items()}


def netsnmp_says(daemon: Snmpd, *access: str, program: str = "snmpbulkwalk") -> Said:
    """As net-snmp's program prints them."""
    command = [need(program), *access, "-On", "-Oe", "-Ot", "-Ox", "-m", "", daemon.agent, ROOT]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: Said = {}
    for entry in re.split(r"^\.(?=\d+\.\d)", output, flags=re.MULTILINE)[1:]:
        name, _, rest = entry.replace("\n", "").partition(" = ")
        word, _, shown = rest.partition(": ")
        if not shown and rest.isdigit():  # -Ot leaves the word out
            word, shown = "Timeticks", rest
        tag = WORDS[word]
        if tag == ber.OCTET_STRING:
            value: int | bytes = bytes.fromhex(shown)
        elif tag == message.IP_ADDRESS:
            value = ipaddress.ip_address(shown).packed
        else:
            value = oid.parse(shown) if tag == ber.OBJECT_IDENTIFIER else int(shown)
        found[name] = tag, value
    return found


def gufo_says(daemon: Snmpd, auth: str = "", priv: str = "", version: str = "v2c") -> dict[str, Any]:
    """By gufo-snmp, which tells no types."""
    how: dict[str, Any] = {"community": daemon.community, "version": getattr(gufo.snmp.SnmpVersion, version)}
    if version == "v3":
        keys = {}
        if auth:
            keys["auth_key"] = getattr(gufo.snmp, GUFO_AUTHS[auth])(snmp_users.AUTH_SECRET.encode())
        if priv:
            keys["priv_key"] = getattr(gufo.snmp, GUFO_PRIVS[priv])(snmp_users.PRIV_SECRET.encode())
            keys["key_expansion"] = gufo.snmp.KeyExpansion.Cisco if priv.endswith("c") else gufo.snmp.KeyExpansion.Blumenthal
        how = {"user": gufo.snmp.User(snmp_users.name_of(auth, priv), **keys), "version": gufo.snmp.SnmpVersion.v3}
    with sync.SnmpSession(daemon.host, daemon.port, timeout=5.0, **how) as session:
        if version == "v3":
            session.refresh()
        return dict(session.getnext(ROOT) if version == "v1" else session.getbulk(ROOT))


def pysnmp_says(daemon: Snmpd, accesses: list[dict[str, str]]) -> list[dict[str, list[Any]]]:
    """By pysnmp, in a process of its own."""
    command = [sys.executable, "-m", "tests.agent.pysnmp_reader", daemon.host, str(daemon.port)]
    questions = json.dumps({"names": list(EXPECTED), "accesses": accesses})
    done = subprocess.run(command, cwd=ROOT_FOLDER, input=questions, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def untyped(said: Said) -> dict[str, Any]:
    """As gufo-snmp has it: addresses and names as text."""
    found: dict[str, Any] = {}
    for name, (tag, value) in said.items():
        if tag == message.IP_ADDRESS:
            found[name] = str(ipaddress.ip_address(value))
        else:
            found[name] = oid.dotted(value) if tag == ber.OBJECT_IDENTIFIER else value
    return found


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_by_community_all_read_the_same(daemon: Snmpd, version: str) -> None:
    expected = {name: (bind.tag, bind.value) for name, bind in EXPECTED.items()}
    access = by_community(daemon.community, message.V1 if version == "1" else message.V2C)
    if version == "1":  # a Counter64 does not exist there (RFC 3584 section 4.2.2.1)
        expected = {name: said for name, said in expected.items() if said[0] != message.COUNTER64}
    ours = await we_say(daemon, access)
    assert ours == expected
    program = "snmpwalk" if version == "1" else "snmpbulkwalk"
    assert await asyncio.to_thread(netsnmp_says, daemon, f"-v{version}", "-c", daemon.community, program=program) == ours
    gufo_said = await asyncio.to_thread(gufo_says, daemon, version=f"v{version}")
    assert gufo_said == untyped(ours)


async def test_as_a_user_of_every_kind_all_read_the_same(daemon: Snmpd) -> None:
    expected = {name: (tag, value) for name, (_, tag, value) in EXPECTED.items()}
    for auth, priv in snmp_users.KINDS:
        assert await we_say(daemon, snmp_users.access(auth, priv)) == expected, (auth, priv)
        theirs = await asyncio.to_thread(netsnmp_says, daemon, *snmp_users.options(auth, priv))
        assert theirs == expected, (auth, priv)
        assert await asyncio.to_thread(gufo_says, daemon, auth, priv, "v3") == untyped(expected), (auth, priv)


async def test_pysnmp_reads_the_same_by_community_and_as_every_user(daemon: Snmpd) -> None:
    accesses = [{"community": daemon.community}, *({"auth": auth, "priv": priv} for auth, priv in snmp_users.KINDS)]
    expected = {name: [tag, _as_json(tag, value)] for name, (_, tag, value) in EXPECTED.items()}
    answers = await asyncio.to_thread(pysnmp_says, daemon, accesses)
    assert len(answers) == len(accesses)
    for asked, said in zip(accesses, answers, strict=True):
        assert said == expected, asked


def _as_json(tag: int, value: object) -> object:
    if isinstance(value, bytes):
        return oid.dotted(value) if tag == ber.OBJECT_IDENTIFIER else value.hex()
    return value


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_users_are_answered_over_ipv6(tmp_path: Path) -> None:
    need("snmpd")
    extra = f"{snmp_users.config()}\npass .{ROOT} {script(tmp_path)}"
    expected = {name: (tag, value) for name, (_, tag, value) in EXPECTED.items()}
    async with snmpd(tmp_path / "edge6", host="::1", extra=extra) as running:
        for auth, priv in (("", ""), ("sha256", ""), ("sha1", "aes128"), ("md5", "des")):
            assert await we_say(running, snmp_users.access(auth, priv)) == expected, (auth, priv)
            assert await asyncio.to_thread(netsnmp_says, running, *snmp_users.options(auth, priv)) == expected


@pytest.mark.parametrize(("program", "pdu"), [("snmptrap", message.TRAP), ("snmpinform", message.INFORM)])
async def test_what_snmptrap_sends_is_what_it_was_told_to_send(program: str, pdu: int) -> None:
    told: list[tuple[str, str, int, int | bytes]] = [
        ("i", "-2147483648", ber.INTEGER, -(2**31)),
        ("u", "4294967295", message.GAUGE32, 2**32 - 1),
        ("c", "4294967295", message.COUNTER32, 2**32 - 1),
        ("t", "128", message.TIME_TICKS, 128),
        ("s", "", ber.OCTET_STRING, b""),
        ("x", "0080FF", ber.OCTET_STRING, b"\x00\x80\xff"),
        ("a", "192.0.2.1", message.IP_ADDRESS, bytes((192, 0, 2, 1))),
        ("o", "1.3.6.1.4.1.4294967295", ber.OBJECT_IDENTIFIER, oid.parse("1.3.6.1.4.1.4294967295")),
        ("F", "1.5", message.OPAQUE, b"\x9f\x78\x04\x3f\xc0\x00\x00"),
    ]
    name = "1.3.6.1.4.1.8072.9999.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        where = f"udp:127.0.0.1:{sock.getsockname()[1]}"
        command = [need(program), "-v2c", "-c", "sesame", "-m", "", "-r", "0", "-t", "1", where, "77", f"{name}.0.1"]
        process = await asyncio.create_subprocess_exec(
            *command, *(part for kind, said, _, _ in told for part in (name, kind, said)),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        data = await asyncio.to_thread(sock.recv, 65_535)
        await process.wait()  # an inform that nobody confirms ends as well
    got = message.decode(data)
    assert (got.version, got.community, got.pdu, got.status, got.blamed) == (message.V2C, b"sesame", pdu, 0, 0)
    uptime, kind, *rest = got.varbinds
    assert (uptime.tag, uptime.value) == (message.TIME_TICKS, 77)
    assert kind.value == oid.parse(f"{name}.0.1")
    assert [(bind.tag, bind.value) for bind in rest] == [(tag, value) for _, _, tag, value in told]
