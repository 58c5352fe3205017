"""When a flow was, whichever elements say so."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.netflow.times import spans
from tests.protocols.netflow import messages
from tests.protocols.netflow.messages import SECONDS, UPTIME, flowset, ipfix, row, template, v5, v5_row, v9
from tests.protocols.netflow.test_decoder import Decoder, fed

S = 1_000_000
EXPORT = SECONDS * S
NTP = (SECONDS + 2_208_988_800) << 32


def span(payload: bytes, boots: int | None = None) -> tuple[int, int]:
    decoded = fed(Decoder(), payload)
    (records,) = decoded.flows
    start, end = spans(records, decoded.heads, None if boots is None else np.array([boots]))
    return int(start[0]) - EXPORT, int(end[0]) - EXPORT


def sent(fields: tuple[tuple[int, int], ...], *values: int) -> bytes:
    return ipfix(flowset(2, template(256, fields)), flowset(256, row(fields, *values)))


@pytest.mark.parametrize(
    ("elements", "values"),
    [
        ((150, 151), (SECONDS - 3, SECONDS - 2)),
        ((152, 153), (1000 * SECONDS - 3000, 1000 * SECONDS - 2000)),
        ((154, 155), (NTP - (3 << 32), NTP - (2 << 32))),
        ((156, 157), (NTP - (3 << 32), NTP - (2 << 32))),
        ((154, 155), (EXPORT - 3 * S, EXPORT - 2 * S)),  # wrong, but some do: no NTP
        ((156, 157), (1000 * (EXPORT - 3 * S), 1000 * (EXPORT - 2 * S))),
        ((158, 159), (3 * S, 2 * S)),
        ((152, 161), (1000 * SECONDS - 3000, 1000)),
        ((153, 162), (1000 * SECONDS - 2000, S)),
        ((152, 323), (1000 * SECONDS - 3000, 1000 * SECONDS - 2000)),
    ],
)
def test_each_element_says_when(elements: tuple[int, int], values: tuple[int, int]) -> None:
    fields = tuple((number, 4 if number in {158, 159, 161, 162, 150, 151} else 8) for number in elements)
    assert span(sent(fields, *values)) == (-3 * S, -2 * S)


def test_a_time_that_is_zero_is_none() -> None:
    fields = ((152, 8), (153, 8), (150, 4), (151, 4))
    assert span(sent(fields, 0, 0, SECONDS - 3, SECONDS - 2)) == (-3 * S, -2 * S)
    assert span(sent(fields, 0, 0, 0, 0)) == (0, 0)


@pytest.mark.parametrize("uptime", [UPTIME, 1_000, 0])  # ms; the flow was before the wrap of 49.7 days, or partly
def test_uptime_counts_back_from_the_export_over_its_wrap(uptime: int) -> None:
    first, last = ((uptime - back) & 0xFFFFFFFF for back in (3_000, 500))
    fields = ((22, 4), (21, 4))
    assert span(v9(flowset(0, template(256, fields)), flowset(256, row(fields, first, last)), uptime=uptime)) == (-3 * S, -S // 2)
    assert span(v5(v5_row(first=first, last=last), uptime=uptime)) == (-3 * S + S // 2, 0)


def test_in_ipfix_uptime_is_from_the_start_of_the_device() -> None:
    fields = ((22, 4), (21, 4))
    up = 50 * 86_400_000  # ms: it has wrapped
    first, last = (up - 3_000) & 0xFFFFFFFF, (up - 2_000) & 0xFFFFFFFF
    assert span(sent((*fields, (160, 8)), first, last, 1000 * SECONDS - up)) == (-3 * S, -2 * S)
    assert span(sent(fields, first, last), boots=EXPORT - 1000 * up) == (-3 * S, -2 * S)
    assert span(sent(fields, first, last)) == (-S, 0)  # nobody says when that was: it ended just now


def test_nothing_said_is_the_time_of_the_export_and_no_flow_ends_before_it_began() -> None:
    assert span(sent(((8, 4),), 1)) == (0, 0)
    assert span(sent(((150, 4), (151, 4)), SECONDS - 2, SECONDS - 3)) == (-3 * S, -3 * S)
    assert messages.SECONDS == SECONDS
