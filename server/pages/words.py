"""The domain's words as plain English: the only place where statuses, reasons, flags and values become sentences.

Sentences are plain text; templates escape them. Names come from devices and other systems: what could turn the direction of
a line or break it is taken out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from protocols.uplink.batch import REASONS
from server.pages.times import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.status import Cause, Evidence
    from storage.views import LastSample

TONE = {"Up": "up", "Has Issues": "issues", "Down": "down", "No Data": "none", "Not in service": "off", "Unmanaged": "off"}

NO_DATA = {
    "never": "Nothing has been collected yet",
    "stale": "Measurements stopped arriving",
    "agent_offline": "The agent that measures it is silent",
    "unknown": "Nothing was heard that says in which state it is",
    "agent_power": "The agent had no power",
    "buffer_loss": "The agent's buffer overflowed, and measurements were lost",
}
NO_DATA_ACTION = {
    "never": "Check that an agent stands at the site of its elements and that their sensors are in the inventory.",
    "stale": "The agent is there, but this part is no longer measured: check its sensors and the agent's log.",
    "agent_offline": "Check that the agent runs and reaches this server: `lineside-agent check` on its machine says what is wrong.",
    "unknown": "The device reports no state, does not answer, or could not be asked: `lineside-agent check` at its site says which.",
    "agent_power": "Nothing was measured while the agent was off. Nothing needs to be done if it is back.",
    "buffer_loss": "The agent could not deliver for so long that it had to drop measurements. Check its link and its disk.",
}
FAILED = {
    "timeout": "no answer in time",
    "refused": "connection refused",
    "unreachable": "no route to it",
    "no_such_object": "the device does not know the value",
    "bad_answer": "the answer made no sense",
    "authentication": "the credentials were not accepted",
    "local_error": "the agent could not ask",
    "tls": "no trusted encrypted connection",
    "http_status": "the web server reports an error",
    "content": "the answer is not the expected one",
    "dns_error": "the name server gives no answer to the question",
}
# Reasons of those who did answer, but not as they should.
ANSWERED = frozenset({"tls", "http_status", "content", "dns_error"})
# Flags, and the reasons for which something has issues or is Down.
MEANS = {
    "maintenance": "It is in maintenance: work on it was announced",
    "flapping": "It keeps changing: five or more changes within 30 minutes",
    "contradicted": "Something behind it still answers, which contradicts that it is Down",
    "redundancy_unverified": "The redundancy is not verified: a member of the group has no data",
    "redundancy_lost": "The redundancy is lost: the service runs on what is left",
    "redundancy_degraded": "The redundant parts are usable, but have issues themselves",
    "management_lost": "It is reachable, but its management does not answer",
    "sensor_failed": "One of its checks fails",
    "degraded": "A measurement is beyond its limit",
    "response_time_limit": "Its response time is beyond what the product promises",
    "loss_limit": "Its packet loss is beyond what the product promises",
    "jitter_limit": "Its jitter is beyond what the product promises",
    "no_answer": "It does not answer",
    "port_down": "Its port is down",
    "admin_down": "Its port is switched off by configuration",
}
SENSORS = {"ping": "ping", "snmp": "SNMP", "tcp": "TCP", "http": "HTTP", "dns": "DNS", "port": "its port"}
PORT_STATE = ("", "up", "down", "testing", "unknown", "dormant", "not present", "down in a lower layer")
CRITICALITY = {"required": "Required", "degrading": "Degrading", "informational": "For information"}
CRITICALITY_MEANS = {
    "required": "the service is Down without it",
    "degrading": "the service has issues without it",
    "informational": "it does not change the service's status",
}
# metric -> (what it is called, unit); the order is the order in which a page lists them
METRICS = {
    "wifi.sessions": ("sessions", ""),
    "wifi.users": ("users", ""),
    "reachable": ("", ""),
    "rtt": ("round trip", "s"),  # beside the name of its sensor the time alone is clear
    "loss": ("packet loss", "%"),
    "jitter": ("jitter", "s"),
    "response_time": ("response time", "s"),
    "connect_time": ("connect time", "s"),
    "tls_time": ("TLS handshake", "s"),
    "first_byte_time": ("first byte", "s"),
    "certificate.days_left": ("certificate validity", "days"),
    "if.oper_status": ("port", "state"),
    "if.admin_status": ("port configured", "state"),
    "if.in": ("in", "bit/s"),
    "if.out": ("out", "bit/s"),
    "if.in.errors": ("errors in", "1/s"),
    "if.out.errors": ("errors out", "1/s"),
    "if.in.discards": ("discards in", "1/s"),
    "if.out.discards": ("discards out", "1/s"),
    "cpu.load": ("CPU load", "%"),
    "memory.used_percent": ("memory use", "%"),
    "storage.used_percent": ("storage use", "%"),
    "system.uptime": ("running for", "duration"),
}
HEADLINE = (
    *("reachable", "rtt", "loss", "response_time", "connect_time", "if.oper_status", "if.in", "if.out"),
    *("cpu.load", "memory.used_percent"),
)
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
LONGEST_NAME = 120
# C0 and C1 controls become spaces; marks, overrides and isolates of direction, and zero-width spaces go (UAX #9 section 2).
_HIDDEN = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ") | dict.fromkeys(
    [0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
)


def plain(text: str) -> str:
    """A name without control and direction characters, on one line and of a sane length."""
    kept = " ".join(text.translate(_HIDDEN).split())
    return kept if len(kept) <= LONGEST_NAME else kept[: LONGEST_NAME - 1] + "…"


def sensor(name: str) -> str:
    """How a sentence calls a sensor: its kind's usual spelling, or the name it was given."""
    return SENSORS.get(name, plain(name))


def amount(value: float, unit: str) -> str:
    """A value with its unit in three significant digits: `84.2 Mbit/s`, `12.3 ms`, `97 %`."""
    if not math.isfinite(value):
        return "no number"
    if unit == "%":
        return f"{value:.0f} %" if value >= 10 or value == int(value) else f"{value:.1f} %"
    if unit == "s":
        return f"{_three(value * 1e3)} ms" if value < 1 else f"{_three(value)} s"
    if unit == "state":
        return PORT_STATE[int(value)] if 0 < value < len(PORT_STATE) else f"state {value:g}"
    if unit == "duration":
        return f"{value / 86_400:,.0f} days" if value >= 2 * 86_400 else f"{value / 3_600:.0f} h"
    for factor, prefix in PREFIXES:
        if abs(value) >= factor:
            return f"{_three(value / factor)} {prefix}{unit}"
    return f"{_three(value)} {unit}".rstrip()


def _three(value: float) -> str:
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def reading(sample: LastSample, *, whose: bool = False) -> str:
    """One line about the newest sample of a series: `ping answers`, `ping 12.3 ms`, `CPU load 7 %`; `whose`: by which sensor."""
    called, unit = METRICS.get(sample.metric, (sample.metric.replace(".", " ").replace("_", " "), ""))
    if sample.metric == "reachable":
        if sample.value >= 1:
            return f"{sensor(sample.sensor)} answers"
        why = REASONS[sample.reason] if 0 <= sample.reason < len(REASONS) else ""
        return f"{sensor(sample.sensor)}: {failed(why)}"
    if sample.metric == "rtt":
        called = sensor(sample.sensor)
    elif whose:
        called = f"{sensor(sample.sensor)} {called}"
    return f"{called} {amount(sample.value, unit)}"


def failed(reason: str) -> str:
    """Why a poll failed, from one of REASONS."""
    return FAILED.get(reason, "no answer")


def observation(evidence: Evidence) -> str:
    """What one observation says, without its time: `ping: no answer in time`."""
    who = sensor(evidence.sensor_name)
    if evidence.metric == "reachable":
        return f"{who} answers" if evidence.value >= 1 else f"{who}: {failed(evidence.reason)}"
    called, unit = METRICS.get(evidence.metric, (evidence.metric, ""))
    instance = f" of {plain(evidence.instance)}" if evidence.instance else ""
    limit = "" if evidence.limit is None else f", the product promises {amount(evidence.limit, unit)}"
    return f"{called}{instance}: {amount(evidence.value, unit)}{limit}"


def why(causes: Sequence[Cause], status: str, reason: str, view: View) -> str:
    """The sentence beside a status in a list: the first cause, and how many more there are; no full stop."""
    if status in {"Not in service", "Up"}:
        return ""
    if not causes:
        return NO_DATA.get(reason, "") if status == "No Data" else ""
    more = len(causes) - 1
    lost = "; the redundancy is lost" if reason == "redundancy_lost" else ""
    return cause(causes[0], view) + (f", and {more} more" if more else "") + lost


def cause(item: Cause, view: View) -> str:
    """`edge1 does not answer SNMP (no answer in time) since 14:02`, for any status; no full stop."""
    name = plain(item.name) or "An element"
    first = min(item.evidence, key=lambda e: e.ts, default=None)
    since = f" since {view.clock(first.ts)}" if first else ""
    if item.status == "No Data":
        return f"{name}: {_lower(NO_DATA.get(item.reason, 'Nothing is known of it'))}{since}"
    if item.implied_by:
        return f"{name} is cut off: {plain(item.implied_by)} in front of it is Down{since}"
    before = " and kept changing before" if item.reason == "flapping" and _fails(item) else ""
    return f"{name} {_doing(item)}{since}{before}"


def _fails(item: Cause) -> bool:
    """Whether the observations show that it does not work at this moment."""
    return any(e.value < 1 if e.metric == "reachable" else e.metric == "if.oper_status" and e.value != 1 for e in item.evidence)


def _doing(item: Cause) -> str:
    """What the element does wrong, as its observations show it."""
    silent = [e for e in item.evidence if e.metric == "reachable" and e.value < 1]
    values = [e for e in item.evidence if e.metric != "reachable"]
    if item.reason == "flapping" and not _fails(item):
        return "keeps going up and down"
    if silent:
        who = " and ".join(dict.fromkeys(sensor(e.sensor_name) for e in silent))
        reasons = ", ".join(dict.fromkeys(failed(e.reason) for e in silent))
        lead = "is reachable, but " if item.status != "Down" and item.reason != "flapping" else ""
        if all(e.reason in ANSWERED for e in silent):
            return f"{lead}does not pass its check by {who} ({reasons})"
        return f"{lead}does not answer {who} ({reasons})"
    if values:
        called, unit = METRICS.get(values[0].metric, (values[0].metric, ""))
        instance = f" of {plain(values[0].instance)}" if values[0].instance else ""
        said = amount(values[0].value, unit)
        if values[0].limit is not None:
            return f"is not as sold: {called}{instance} is {said}, the product promises {amount(values[0].limit, unit)}"
        return f"reports its port as {said}" if unit == "state" else f"has issues: {called}{instance} is {said}"
    return "is Down" if item.status == "Down" else f"has issues: {_lower(explain(item.reason))}" if item.reason else "has issues"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def attention(counts: dict[str, int], what: str = "") -> str:
    """One sentence over a list: `1 is Down and 2 have issues.`; with `what` ("service") the first of them says of what."""
    down, issues, none = counts["Down"], counts["Has Issues"], counts["No Data"]
    parts = [
        f"{down:,} {'is' if down == 1 else 'are'} Down" if down else "",
        f"{issues:,} {'has' if issues == 1 else 'have'} issues" if issues else "",
        f"{none:,} {'has' if none == 1 else 'have'} no data" if none else "",
    ]
    said = [part for part in parts if part]
    if what and said:
        n = down or issues or none
        said[0] = said[0].replace(f"{n:,} ", f"{n:,} {what if n == 1 else what + 's'} ", 1)
    if said:
        return (", ".join(said[:-1]) + " and " + said[-1] if len(said) > 1 else said[0]) + "."
    up = counts["Up"]
    return "All that is in service is Up." if up else "Nothing is in service."


def headline(counts: dict[str, int]) -> str:
    """The list's title, readable in a narrow tab: `2 Down · Services`."""
    return f"{counts['Down']:,} Down · Services" if counts["Down"] else "Services"


def sold(down: int | None, up: int | None) -> str:
    """What was sold, down and up: `100 / 20 Mbit/s`; a dash where nothing was."""
    if down is None and up is None:
        return "–"
    each = ["–" if rate is None else amount(rate, "bit/s") for rate in (down, up)]
    units = [text.rpartition(" ")[2] for text in each]
    return f"{each[0].rpartition(' ')[0]} / {each[1]}" if units[0] == units[1] and "–" not in each else " / ".join(each)


def explain(name: str) -> str:
    """A reason or flag that has no sentence of its own, as words."""
    return MEANS.get(name) or name.replace("_", " ").capitalize()
