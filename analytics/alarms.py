"""The life of an alarm: open, acknowledged, cleared, closed; and what of an event raises or clears one, by rules that are data.

The key is tenant, element or service, condition and instance: a repeat raises the count, never a second alarm. One that comes
again within REOPEN of clearing is the same alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

REOPEN = 10 * 60 * 1_000_000  # µs
OPEN, ACKNOWLEDGED, CLEARED, CLOSED = "open", "acknowledged", "cleared", "closed"
RAISED = frozenset({OPEN, ACKNOWLEDGED})
SUPPRESSED, MAINTENANCE = "suppressed", "maintenance"
# Severity of RFC 5424 -> perceived severity of X.733
_PERCEIVED = ("critical", "critical", "critical", "major", "minor", "warning", "indeterminate", "indeterminate")
# What an element's or a service's status raises -> condition and severity
BY_STATUS = {"Down": ("down", 2), "Has Issues": ("has_issues", 4)}


class Rule(NamedTuple):
    """What one kind of event means. `raises` and `clears` are names or OIDs of events; `clears` may be none.

    `instance`: objects of the event whose value, or with "@" whose index, tells one from another; the first that is there.
    `when`: an object -> the values with which an event of `raises` raises; with another value it clears.
    """

    condition: str
    severity: int
    raises: tuple[str, ...]
    clears: tuple[str, ...] = ()
    instance: tuple[str, ...] = ()
    when: Mapping[str, tuple[str, ...]] = {}


class Key(NamedTuple):
    """What an alarm is about; one of the ids is 0."""

    element_id: int
    service_id: int
    condition: str
    instance: str


class Signal(NamedTuple):
    """That a condition holds (`raised`) or holds no longer, at `ts` (µs)."""

    key: Key
    ts: int
    raised: bool
    severity: int
    detail: str


class Alarm(NamedTuple):
    """See above. Instants in µs; `since` is when it was raised the last time, `id` is 0 while it has not been stored."""

    id: int
    key: Key
    state: str
    severity: int
    raised_at: int
    since: int
    last_seen: int
    cleared_at: int | None
    times: int
    detail: str
    cleared_by: str = ""
    clear_reason: str = ""


class Present(NamedTuple):
    """What an element or a service is now, and since when (µs)."""

    element_id: int
    service_id: int
    status: str
    since: int
    implied: bool  # whether what it depends on is Down: then no alarm of its own is made


def perceived(severity: int, state: str) -> str:
    """The perceived severity of X.733 section 8.1.2.3."""
    return "cleared" if state in (CLEARED, CLOSED) else _PERCEIVED[severity]


def signals(
    element_id: int, ts: int, name: str, oid: str, values: Mapping[str, object], detail: str, rules: Sequence[Rule]
) -> list[Signal]:
    """What an event of an element says. `values`: object.index -> value, as the event has them."""
    found = []
    for rule in rules:
        raises = name in rule.raises or oid in rule.raises
        if not raises and name not in rule.clears and oid not in rule.clears:
            continue
        for wanted, good in rule.when.items():
            value = next((str(value) for key, value in values.items() if key.partition(".")[0] == wanted), "")
            raises = raises and value in good
        key = Key(element_id, 0, rule.condition, _instance(rule, values))
        found.append(Signal(key, ts, raises, rule.severity, detail))
    return found


def _instance(rule: Rule, values: Mapping[str, object]) -> str:
    for wanted in rule.instance:
        for key, value in values.items():
            name, _, index = key.partition(".")
            if name == wanted.removeprefix("@"):
                said = index if wanted.startswith("@") else str(value)
                if said:
                    return said[:255]
    return ""


def step(alarm: Alarm | None, signal: Signal) -> Alarm | None:
    """The alarm after the signal; None = there is none. A new one has the id 0."""
    return _raise(alarm, signal) if signal.raised else _clear(alarm, signal)


def _raise(alarm: Alarm | None, signal: Signal) -> Alarm:
    ts = signal.ts
    if alarm is None or alarm.state == CLOSED or (alarm.cleared_at is not None and ts - alarm.cleared_at > REOPEN):
        return Alarm(0, signal.key, OPEN, signal.severity, ts, ts, ts, None, 1, signal.detail)
    again = alarm._replace(
        times=alarm.times + 1,
        last_seen=max(alarm.last_seen, ts),
        detail=signal.detail if ts >= alarm.last_seen else alarm.detail,
        severity=min(alarm.severity, signal.severity),
    )
    if alarm.cleared_at is None or ts < alarm.cleared_at:  # a repeat, or one that comes late
        return again
    return again._replace(state=OPEN, since=ts, cleared_at=None, cleared_by="", clear_reason="")


def _clear(alarm: Alarm | None, signal: Signal) -> Alarm | None:
    if alarm is None or alarm.state not in RAISED or signal.ts < alarm.since:
        return alarm
    return alarm._replace(state=CLEARED, cleared_at=signal.ts, clear_reason=signal.detail)


def clear_by_hand(alarm: Alarm, ts: int, who: str, reason: str) -> Alarm:
    """The alarm after a person cleared it."""
    if alarm.state not in RAISED:
        return alarm
    return alarm._replace(state=CLEARED, cleared_at=max(ts, alarm.since), cleared_by=who, clear_reason=reason)


def aged(alarm: Alarm, now: int) -> Alarm:
    """A cleared alarm that can no longer come again as the same is closed."""
    over = alarm.state == CLEARED and alarm.cleared_at is not None and now - alarm.cleared_at > REOPEN
    return alarm._replace(state=CLOSED) if over else alarm


def by_status(present: Sequence[Present], known: Mapping[Key, Alarm]) -> list[Signal]:
    """What statuses raise and clear, given the alarms that are known: nothing for what is as it was."""
    found, holds = [], set()
    conditions = {condition for condition, _ in BY_STATUS.values()}
    now = {(each.element_id, each.service_id): each for each in present}
    for each in present:
        if each.status not in BY_STATUS:
            continue
        condition, severity = BY_STATUS[each.status]
        key = Key(each.element_id, each.service_id, condition, "")
        holds.add(key)
        alarm = known.get(key)
        if not each.implied and (alarm is None or alarm.state not in RAISED) and not _same(alarm, each):
            found.append(Signal(key, each.since, raised=True, severity=severity, detail=each.status))
    for key, alarm in known.items():
        if alarm.state in RAISED and key.condition in conditions and key not in holds:
            is_now = now.get((key.element_id, key.service_id))
            ts = max(is_now.since if is_now else alarm.last_seen, alarm.since)
            said = f"the status is {is_now.status}" if is_now else "it is measured no longer"
            found.append(Signal(key, ts, raised=False, severity=alarm.severity, detail=said))
    return found


def _same(alarm: Alarm | None, present: Present) -> bool:
    """Whether the alarm was cleared by hand while the status has not changed since: it is not raised again."""
    return alarm is not None and alarm.cleared_at is not None and bool(alarm.cleared_by) and present.since <= alarm.since
