"""Several echo requests at each poll: loss, jitter and the median, computed and measured over a network that loses by plan."""

from __future__ import annotations

from collections import Counter

import pytest

from agent.check import ANSWERS
from agent.collectors import ping
from agent.collectors.ping import Burst, summary
from agent.echo import Outcome, Pinger
from agent.resolve import Name
from protocols.uplink.plan import Ping, Plan, Target
from tests.agent.test_ping import in_namespace, may_ping

LOST = Outcome("timeout")


def answered(*times: float) -> list[Outcome]:
    return [Outcome("", seconds) for seconds in times]


def test_the_figures_of_a_burst() -> None:
    found = summary([*answered(0.010, 0.030), LOST, *answered(0.020, 0.020)])
    assert found == Burst("", 0.020, pytest.approx(20.0), pytest.approx((0.020 + 0.010 + 0) / 3))
    assert summary(answered(0.5)) == Burst("", 0.5, 0.0, None)
    assert summary([LOST, *answered(0.5), LOST]) == Burst("", 0.5, pytest.approx(200 / 3), None)


def test_a_burst_without_an_answer_has_the_reason_of_its_last_request() -> None:
    assert summary([LOST, LOST, Outcome("unreachable")]) == Burst("unreachable", loss=100.0)
    assert summary([]).reason == "local_error"


# host -> (reachable, rtt, loss, jitter), in s and %
FIGURES: dict[str, tuple[float, float | None, float, float | None]] = {
    "192.0.2.11": (1.0, 0.010, 0.0, 0.0),
    "192.0.2.12": (1.0, 0.020, 20.0, 0.020),
    "192.0.2.13": (0.0, None, 100.0, None),
    "192.0.2.14": (1.0, 0.010, 90.0, None),
    "192.0.2.15": (1.0, 0.045, 0.0, 0.070),
}


@pytest.mark.parametrize("mode", ["idle", "busy"])
def test_a_network_that_loses_and_delays_is_measured_as_it_is_however_busy_the_agent(mode: str) -> None:
    # the machine adds what it likes, and takes nothing away: of three measurements the smallest time counts
    runs = [in_namespace(mode, "lossy_site") for _ in range(3)]
    for host, (reachable, rtt, loss, jitter) in FIGURES.items():
        for found in runs:
            assert set(found) == set(FIGURES)
            assert found[host]["reachable"] == reachable, host
            assert found[host]["loss"] == pytest.approx(loss), host
            assert ("rtt" in found[host], "jitter" in found[host]) == (rtt is not None, jitter is not None), host
        for metric, wanted in (("rtt", rtt), ("jitter", jitter)):
            assert wanted is None or min(run[host][metric] for run in runs) == pytest.approx(wanted, abs=0.004), (host, metric)


def test_a_single_request_shows_neither_loss_nor_jitter() -> None:
    found = in_namespace("single", "lossy_site")
    assert {host: set(rows) for host, rows in found.items()} == {
        host: {"reachable"} if host in {"192.0.2.13", "192.0.2.14"} else {"reachable", "rtt"} for host in FIGURES
    }


async def test_a_burst_on_the_loopback_loses_nothing() -> None:
    pinger = Pinger(Counter())
    sensor = Ping(1, count=20, spacing=0.02)
    found = await ping.burst(pinger, Name("127.0.0.1"), sensor)
    pinger.close()
    assert (found.reason, found.loss) == ("", 0.0)
    assert found.jitter is not None
    assert 0 <= found.jitter < 0.05
    sentence = await ping.check(Target("e", "edge1", "127.0.0.1", (sensor,)), sensor, Plan("r"))
    assert ANSWERS.search(sentence)
    assert "ms, 0 % of 20 requests lost, jitter " in sentence


@pytest.fixture(autouse=True, scope="module")
def _allowed() -> None:
    may_ping()
