"""Profiles: ours load, and a wrong one is refused with file, line and reason."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ConfigError
from protocols.snmp import oid
from protocols.uplink.plan import Column, Oid, Plan, Profile, Snmp, Target, decode_plan, encode_json
from server.profiles import as_json, load_profiles

GOOD = """
name: ups
scalars:
  - metric: ups.minutes
    oid: 1.3.6.1.2.1.33.1.2.3.0
"""


def refused(folder: Path, **files: str) -> str:
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_profiles(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_ours_load_and_travel_in_a_plan() -> None:
    profiles = load_profiles()
    assert profiles.keys() >= {"system", "if_mib", "host_resources"}
    sensor = Snmp(1, "public", tuple(profiles))
    plan = Plan("1", "", (Target("e", "edge1", "192.0.2.1", (sensor,)),), profiles)
    assert decode_plan(encode_json(plan)) == plan


def columns() -> list[Column]:
    every = load_profiles().values()
    return [column for p in every for column in (*p.scalars, *(c for table in p.tables for c in table.columns))]


def test_a_metric_means_the_same_in_every_profile() -> None:
    meanings: dict[str, set[tuple[str, bool]]] = {}
    for column in columns():
        meanings.setdefault(column.metric, set()).add((column.unit, column.type == "rate"))
    assert {metric: found for metric, found in meanings.items() if len(found) > 1} == {}


def test_what_the_agent_brings_along_is_what_the_server_has() -> None:
    brought = (Path(__file__).parents[2] / "agent" / "profiles.json").read_text(encoding="utf-8")
    assert brought == as_json(load_profiles()), "write it anew: python -m server.profiles > agent/profiles.json"


def test_auto_is_every_profile_that_does_not_say_no(tmp_path: Path) -> None:
    (tmp_path / "ups.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "rare.yaml").write_text(GOOD.replace("ups", "rare") + "auto: false\n", encoding="utf-8")
    known = load_profiles(tmp_path)
    assert "rare" in known
    assert set(known["auto"].extends) == known.keys() - {"auto", "rare"}


def test_a_profile_of_ones_own_wins_over_ours(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(GOOD.replace("name: ups", "name: system"), encoding="utf-8")
    assert load_profiles(tmp_path)["system"].scalars[0].metric == "ups.minutes"


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "ups.yaml").write_text(GOOD, encoding="utf-8")
    assert load_profiles(tmp_path)["ups"].scalars[0].metric == "ups.minutes"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (GOOD.replace("oid:", "oidd:"), "ups.yaml:5: Object contains unknown field `oidd`."),
        (GOOD.replace("1.3.6.1.2.1.33.1.2.3.0", "1.3.x"), "ups.yaml:5: Expected `str` matching regex"),
        (GOOD.replace("1.3.6.1.2.1.33.1.2.3.0", "1.3"), "ups.yaml:5: Expected `str`, got `float`."),
        (GOOD.replace("1.3.6.1.2.1.33.1.2.3.0", "1.40.1"), "ups.yaml:5: Expected `str` matching regex"),
        (GOOD.replace("1.3.6.1.2.1.33.1.2.3.0", "1.3.4294967296"), "ups.yaml:5: Expected `str` matching regex"),
        (GOOD.replace("1.3.6.1.2.1.33.1.2.3.0", '"1.3.6\\n"'), "ups.yaml:5: Expected `str` matching regex"),
        (GOOD + "match: [juniper]\n", "ups.yaml:6: Expected `str` matching regex"),
        (GOOD + "    type: counter\n", "ups.yaml:6: Invalid enum value 'counter'."),
        (GOOD + "    oid: 1.3.6.1\n", "ups.yaml:6: oid stands here twice."),
        (GOOD.replace("    oid:", "   oid:"), "ups.yaml:5: this is not YAML:"),
        (GOOD.replace("name: ups", "name: pdu"), "ups.yaml: the profile is called pdu; its file must be pdu.yaml."),
        (GOOD + "extends: [nobody]\n", "ups.yaml: profile ups extends nobody, which does not exist."),
        (GOOD + "extends: [ups]\n", "ups.yaml: profile ups extends itself."),
        ("", "ups.yaml:1: Expected `object`, got `null`."),
        (GOOD + "tables: [{name: t, columns: [], name_oids: [{form: hex}]}]\n", "ups.yaml:6: Invalid enum value 'hex'."),
    ],
)
def test_a_wrong_profile_is_refused_by_line(tmp_path: Path, content: str, sentence: str) -> None:
    assert refused(tmp_path, ups=content).startswith(sentence)


def test_every_wrong_file_is_named_at_once(tmp_path: Path) -> None:
    message = refused(tmp_path, ups=GOOD.replace("oid:", "oidd:"), pdu="name: 5\n")
    assert [line.partition(":")[0] for line in message.splitlines()] == ["pdu.yaml", "ups.yaml"]


def test_profiles_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    assert "extends itself" in refused(tmp_path, one="name: one\nextends: [two]\n", two="name: two\nextends: [one]\n")


@given(st.from_regex(get_args(Oid)[1].pattern, fullmatch=True))
def test_an_oid_that_the_plan_lets_pass_can_be_encoded(text: str) -> None:
    assert oid.arcs(oid.parse(text)) == tuple(map(int, text.split(".")))


def test_the_shape_is_that_of_the_plan() -> None:
    assert msgspec.convert({"name": "x"}, Profile) == Profile("x")
