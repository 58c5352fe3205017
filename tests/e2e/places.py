"""Every page that is looked at in the browser, in both themes: a page is added here by one line.

name: (address, with which content: data, empty or both). Names of pages that are not there say `unknown`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Content = Literal["data", "empty"]


class Look(NamedTuple):
    """A page to look at; `narrow` ones are looked at on a telephone too."""

    address: str
    content: tuple[Content, ...] = ("data",)
    narrow: bool = False


BOTH: tuple[Content, ...] = ("data", "empty")
PLACES = {
    "overview": Look("/", BOTH, narrow=True),
    "accounts": Look("/accounts", BOTH, narrow=True),
    "accounts-filtered": Look("/accounts?status=Has+Issues&q=ada"),
    "accounts-no-match": Look("/accounts?q=nothing+like+it"),
    "account": Look("/accounts/A-1", narrow=True),
    "account-90-days": Look("/accounts/A-1?range=90d"),
    "account-no-data": Look("/accounts/A-3", narrow=True),
    "account-unknown": Look("/accounts/nope", BOTH),
    "services": Look("/services", BOTH, narrow=True),
    "services-filtered": Look("/services?status=Has+Issues&q=blue"),
    "services-with-cases": Look("/services?view=cases"),
    "services-in-view-none": Look("/services?view=cases-over-1-day&q=bluefin"),
    "services-no-match": Look("/services?q=nothing+like+it"),
    "service-down": Look("/services/SP-IN-60-0001"),
    "service-has-issues": Look("/services/SP-DL-20-0007", narrow=True),
    "service-degraded": Look("/services/SP-CS-0003"),
    "service-no-data": Look("/services/S%2F4%20odd%3F%23%25", narrow=True),
    "service-up": Look("/services/SP-IN-60-0002"),
    "service-not-in-service": Look("/services/SP-IN-60-0009"),
    "service-90-days": Look("/services/SP-IN-60-0001?range=90d", narrow=True),
    "flows": Look("/services/SP-IN-60-0001/flows?by=provider&range=7d", narrow=True),
    "flows-none": Look("/services/SP-IN-60-0002/flows", narrow=True),
    "element-down": Look("/elements/E-edge1", narrow=True),
    "element-port": Look("/elements/E-port?range=7d", narrow=True),
    "element-no-data": Look("/elements/E-%3Cscript%3Ealert%281%29%3C%2F"),
    "element-unknown": Look("/elements/nope", BOTH),
    "alarms": Look("/alarms", BOTH, narrow=True),
    "events": Look("/events", BOTH, narrow=True),
    "events-no-match": Look("/events?q=nothing+like+it"),
    "sessions": Look("/sessions", BOTH, narrow=True),
    "agents": Look("/agents", BOTH, narrow=True),
    "maintenance": Look("/maintenance", BOTH, narrow=True),
    "maintenance-quiet": Look("/maintenance?month=2031-01", narrow=True),
    "window": Look("/maintenance/W-1", narrow=True),
    "window-unknown": Look("/maintenance/nope", BOTH),
    "service-unknown": Look("/services/nope", BOTH),
}
