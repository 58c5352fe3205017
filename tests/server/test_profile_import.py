"""Modules of snmp_exporter's snmp.yml become profiles, and what cannot is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from protocols.uplink.plan import Column, Label, Table
from server import cli
from server.profiles import load_profiles

SNMP_YML = """
auths:
  public_v2: {version: 2}
modules:
  lines:
    walk: [1.3.6.1.2.1.2.2]
    get: [1.3.6.1.2.1.1.3.0]
    metrics:
      - {name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: ticks, scale: 0.01}
      - {name: sysDescr, oid: 1.3.6.1.2.1.1.1, type: DisplayString, help: text}
      - name: ifInOctets
        oid: 1.3.6.1.2.1.2.2.1.10
        type: counter
        indexes: &index [{labelname: ifIndex, type: gauge}]
        lookups: &names
          - {labels: [ifIndex], labelname: ifAlias, oid: 1.3.6.1.2.1.31.1.1.1.18, type: DisplayString}
          - {labels: [ifIndex], labelname: ifName, oid: 1.3.6.1.2.1.31.1.1.1.1, type: DisplayString}
          - {labels: [], labelname: ifIndex}
      - name: ifOperStatus
        oid: 1.3.6.1.2.1.2.2.1.8
        type: gauge
        indexes: *index
        lookups: *names
        enum_values: {1: up, 2: down}
      - name: temperature
        oid: 1.3.6.1.4.1.99.1.1.1
        type: gauge
        indexes: [{labelname: mac, type: PhysAddress48}, {labelname: slot, type: gauge}]
        lookups: [{labels: [mac], labelname: apName, oid: 1.3.6.1.4.1.99.2.1.1, type: DisplayString}]
      - name: odd
        oid: 1.3.6.1.4.1.99.3.1.1
        type: gauge
        indexes: [{labelname: a, type: DisplayString}, {labelname: b, type: gauge}]
        lookups: [{labels: [b], labelname: bName, oid: 1.3.6.1.4.1.99.4.1.1, type: DisplayString}]
      - {name: clock, oid: 1.3.6.1.2.1.25.1.2, type: DateAndTime}
      - {name: text, oid: 1.3.6.1.4.1.99.9, type: gauge, regex_extracts: {"": [{value: "$1", regex: "(.*)"}]}}
  empty: {walk: []}
"""


def program(*arguments: str) -> int:
    return cli.main(["profile", *arguments], os.environ, (), {}, lambda: 0)


@pytest.fixture
def snmp_yml(tmp_path: Path) -> str:
    path = tmp_path / "snmp.yml"
    path.write_text(SNMP_YML, encoding="utf-8")
    return str(path)


def test_a_module_becomes_a_profile_that_loads(snmp_yml: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program("import", snmp_yml, "--module", "lines") == 0
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "lines.yaml").write_text(capsys.readouterr().out, encoding="utf-8")
    known = load_profiles(folder)
    profile = known["lines"]
    assert "lines" not in known["auto"].extends
    assert profile.scalars == (Column("sysUpTime", "1.3.6.1.2.1.1.3.0", scale=0.01),)
    ports, radios, _ = profile.tables
    assert ports == Table(
        "ifInOctets",
        (
            Column("ifInOctets", "1.3.6.1.2.1.2.2.1.10", "rate", "1/s"),
            Column("ifOperStatus", "1.3.6.1.2.1.2.2.1.8", mapping={1: "up", 2: "down"}),
        ),
        name_oids=("1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.31.1.1.1.18"),
        tags={"ifAlias": "1.3.6.1.2.1.31.1.1.1.18"},
    )
    assert radios.name_oids == (Label(oid="1.3.6.1.4.1.99.2.1.1", arcs=(0, 6)),)
    assert program("check", str(folder)) == 0
    assert capsys.readouterr().out.startswith("1 profiles are right: lines;")


def test_what_is_not_imported_is_said(snmp_yml: str, capsys: pytest.CaptureFixture[str]) -> None:
    program("import", snmp_yml, "--module", "lines")
    assert capsys.readouterr().err.splitlines() == [
        "lineside: not imported: sysDescr: a value of type DisplayString is no number.",
        "lineside: not imported: odd: the lookup of bName is not taken over.",
        "lineside: not imported: clock: a value of type DateAndTime is no number.",
        "lineside: not imported: text: regex_extracts are not taken over.",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "choose one with --module: empty, lines."),
        (["--module", "line"], "there is no module 'line': did you mean 'lines'?"),
        (["--module", "empty"], "module empty: there is nothing in it that a profile can say."),
    ],
)
def test_a_wrong_call_is_answered_in_a_sentence(
    snmp_yml: str, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program("import", snmp_yml, *arguments) == 1
    assert capsys.readouterr().err.endswith(f"{sentence}\n")


@pytest.mark.parametrize("text", ["", "[1]", "a: b: c", "modules: 5"])
def test_what_is_no_snmp_yml_is_refused(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "snmp.yml").write_text(text, encoding="utf-8")
    assert program("import", str(tmp_path / "snmp.yml")) == 1
    assert "this is no" in capsys.readouterr().err


def test_a_folder_with_a_fault_is_refused_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.yaml").write_text("name: x\nscalar: []\n", encoding="utf-8")
    assert program("check", str(tmp_path)) == 1
    assert capsys.readouterr().err == f"lineside: {tmp_path}/x.yaml:2: Object contains unknown field `scalar`.\n"
