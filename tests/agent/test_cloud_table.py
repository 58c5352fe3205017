"""The table of cloud providers that ships, and `lineside-agent cloud refresh`."""

from __future__ import annotations

import datetime as dt
import json
from ipaddress import ip_network
from pathlib import Path

import pytest

from agent.app import main
from agent.flows import cloud
from protocols.errors import ConfigError
from tests.protocols.test_cloud import AWS, MICROSOFT


def test_the_shipped_table_is_dated_and_its_networks_are_ones() -> None:
    clouds = cloud.load(None)
    assert dt.date.fromisoformat(clouds.date) > dt.date(2025, 1, 1)
    wanted = {"AWS", "Azure", "Google Cloud", "Microsoft 365", "Salesforce", "Oracle Cloud", "Cloudflare"}
    assert wanted <= clouds.providers.keys()
    for provider in clouds.providers.values():
        assert all(ip_network(network).prefixlen >= 8 for network in provider.networks)
        assert provider.networks or provider.numbers
    numbers = [number for provider in clouds.providers.values() for number in provider.numbers]
    assert len(numbers) == len(set(numbers))


def test_the_age_is_shown_and_an_old_table_says_what_to_do() -> None:
    clouds = cloud.load(None)
    known = dt.date.fromisoformat(clouds.date)
    assert "(3 days ago)" in cloud.told(clouds, known + dt.timedelta(3))
    assert "cloud refresh --from FILE" in cloud.told(clouds, known + dt.timedelta(500))


def test_refresh_replaces_what_the_files_tell_and_keeps_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ip-ranges.json").write_text(json.dumps(AWS))
    (tmp_path / "m365.json").write_text(json.dumps(MICROSOFT))
    (tmp_path / "ours.txt").write_text("192.0.2.0/24\n")
    (tmp_path / "agent.toml").write_text(f'state = "{tmp_path / "state"}"\n')
    files = [str(tmp_path / "ip-ranges.json"), str(tmp_path / "m365.json"), f"Us={tmp_path / 'ours.txt'}"]
    assert main(["--config", str(tmp_path / "agent.toml"), "cloud", "refresh", "--from", *files]) == 0
    out = capsys.readouterr().out
    assert "AWS: 2 networks" in out
    before, after = cloud.load(None), cloud.load(tmp_path / "state")
    assert after.providers["AWS"].networks == ("3.5.140.0/22", "2600:1ff0::/40")
    assert after.providers["AWS"].numbers == before.providers["AWS"].numbers
    assert after.providers["Us"].networks == ("192.0.2.0/24",)
    assert after.providers["Azure"] == before.providers["Azure"]
    assert after.date == before.date  # that of the oldest part


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{}")
    for name in ("odd.json", "none.json"):
        with pytest.raises(ConfigError, match=name):
            cloud.refreshed(cloud.load(None), [str(tmp_path / name)], dt.date(2026, 1, 1))
    (tmp_path / cloud.NAME).write_text("{")
    with pytest.raises(ConfigError, match="cloud refresh"):
        cloud.load(tmp_path)
