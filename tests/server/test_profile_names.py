"""`lineside profile names` tells the OIDs in a MIB file."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from agent import names as trap_names
from protocols.snmp import ber, oid
from protocols.snmp.message import TRAP, VarBind
from protocols.snmp.trap import Trap
from server import cli
from tests.peers import missing

MIB = """ACME-MIB DEFINITIONS ::= BEGIN
IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, enterprises, Integer32 FROM SNMPv2-SMI
    DisplayString FROM SNMPv2-TC;
acme MODULE-IDENTITY LAST-UPDATED "202601010000Z" ORGANIZATION "x" CONTACT-INFO "x" DESCRIPTION "x" ::= { enterprises 99999 }
level OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { acme 1 }
pumps OBJECT-TYPE SYNTAX SEQUENCE OF Pump MAX-ACCESS not-accessible STATUS current DESCRIPTION "x" ::= { acme 2 }
pump OBJECT-TYPE SYNTAX Pump MAX-ACCESS not-accessible STATUS current DESCRIPTION "x" INDEX { pumpName } ::= { pumps 1 }
Pump ::= SEQUENCE { pumpName DisplayString }
pumpName OBJECT-TYPE SYNTAX DisplayString MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { pump 1 }
empty NOTIFICATION-TYPE OBJECTS { level } STATUS current DESCRIPTION "x" ::= { acme 10 }
END
"""


def names(path: Path, *arguments: str) -> int:
    return cli.main(["profile", "names", str(path), *arguments], os.environ, (), {}, lambda: 0)


@pytest.fixture(autouse=True)
def pysmi() -> None:
    if importlib.util.find_spec("pysmi") is None:
        missing("pysmi is not installed: pip install pysmi")


@pytest.mark.filterwarnings("ignore")  # of the libraries that pysmi brings along
def test_objects_are_named_in_the_order_of_their_oids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ACME-MIB.txt").write_text(MIB, encoding="utf-8")
    assert names(tmp_path / "ACME-MIB.txt") == 0
    assert capsys.readouterr().out.splitlines() == [
        "1.3.6.1.4.1.99999 acme moduleidentity",
        "1.3.6.1.4.1.99999.1 level scalar",
        "1.3.6.1.4.1.99999.2 pumps table",
        "1.3.6.1.4.1.99999.2.1 pump row",
        "1.3.6.1.4.1.99999.2.1.1 pumpName column",
        "1.3.6.1.4.1.99999.10 empty notificationtype",
    ]


def test_what_a_mib_imports_is_sought_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ACME-MIB.txt").write_text(MIB, encoding="utf-8")
    more = tmp_path / "more"
    more.mkdir()
    (more / "PUMP-MIB.txt").write_text(
        "PUMP-MIB DEFINITIONS ::= BEGIN\nIMPORTS acme FROM ACME-MIB;\nmotor OBJECT IDENTIFIER ::= { acme 9 }\nEND\n",
        encoding="utf-8",
    )
    assert names(more / "PUMP-MIB.txt") == 1
    assert "needs the modules ACME-MIB" in capsys.readouterr().err
    assert names(more / "PUMP-MIB.txt", "--mibs", str(tmp_path)) == 0
    assert capsys.readouterr().out == "1.3.6.1.4.1.99999.9 motor objectidentity\n"


def test_what_is_no_mib_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.txt").write_text("hello", encoding="utf-8")
    assert names(tmp_path / "x.txt") == 1
    assert "the module x cannot be read" in capsys.readouterr().err
    assert names(tmp_path / "y.txt") == 1
    assert "there is no such file" in capsys.readouterr().err


def test_without_pysmi_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pysmi.codegen", None)
    assert names(tmp_path / "x.txt") == 1
    assert "pip install pysmi" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_mib_becomes_names_of_traps_for_agents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ACME-MIB.txt").write_text(MIB, encoding="utf-8")
    assert names(tmp_path / "ACME-MIB.txt", "--traps") == 0
    file = tmp_path / "names.json"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    level = VarBind(oid.parse("1.3.6.1.4.1.99999.1.0"), ber.INTEGER, 7)
    found = trap_names.load(file).trap(Trap(TRAP, 1, oid.parse("1.3.6.1.4.1.99999.10"), 0, (level,)))
    assert (found.name, found.detail) == ("empty", '{"level.0":7}')
