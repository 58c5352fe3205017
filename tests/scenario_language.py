"""The scenario language, read: a story of samples and what must be said about it (docs/status-rules.md has the grammar)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from analytics.network import Group, Placement, Tree
from protocols.uplink.batch import REASON_CODE
from tests import scenario_history
from tests.scenario_story import WHEN, Expectation, Line, Sample, ScenarioError, Story, moment

STATUSES = ("Not in service", "Has Issues", "Unmanaged", "No Data", "Down", "Up")
# What a sensor that only measures is called in a story, and its metric.
METRICS = {
    "cpu": "cpu.load",
    "memory": "memory.used_percent",
    "disk": "storage.used_percent",
    "loss": "loss",
    "rtt": "rtt",
    "connect": "connect_time",
    "jitter": "jitter",
    "response": "response_time",
}
OPER = {"up": 1, "down": 2, "testing": 3, "unknown": 4, "dormant": 5, "notPresent": 6, "lowerLayerDown": 7, "shut": 2}
CRITICALITIES = ("required", "degrading", "informational")


def read(path: Path) -> Story:
    """The story in the file `path`. ScenarioError names file and line."""
    return parse(path.read_text(encoding="utf-8"), path)


def parse(text: str, path: Path) -> Story:
    story = Story(path)
    for line, block in _blocks(text):
        word, _, rest = line.text.partition(" ")
        statement = STATEMENTS.get(word)
        try:
            if statement is None:
                raise ValueError(f"no statement begins with {word!r}: use one of {', '.join(sorted(STATEMENTS))}")
            statement(story, line.number, rest.strip(), block)
        except ScenarioError:
            raise
        except (ValueError, KeyError, IndexError) as error:
            raise ScenarioError(f"{path}:{line.number}: {error}") from None
    if not story.expectations:
        raise ScenarioError(f"{path}:1: a scenario expects something")
    return story


def _blocks(text: str) -> Iterator[tuple[Line, list[Line]]]:
    """Each statement with the indented lines below it; what follows a # at a word's start is for people."""
    head: Line | None = None
    block: list[Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        plain = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        if not plain:
            continue
        if plain[0].isspace():
            block.append(Line(number, plain.strip()))
            continue
        if head is not None:
            yield head, block
        head, block = Line(number, plain), []
    if head is not None:
        yield head, block


def _shows(story: Story, line: int, rest: str, block: list[Line]) -> None:
    story.tags += rest.split() + [tag for row in block for tag in row.text.split()]


class Placed(NamedTuple):
    """One element of a service, and the line that places it there."""

    line: int
    element: str
    criticality: str
    under: tuple[str, ...]
    group: int | None


def _service(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`service NAME  element …`, or one placement or group a line below it."""
    name, *listed = rest.split()
    groups: list[Group] = []
    placed = [each for row in [*(Line(line, each) for each in listed), *block] for each in _placed(story, row, groups)]
    number = {each.element: position for position, each in enumerate(placed, 1)}
    for each in placed:
        for parent in each.under:
            if parent not in number:
                raise ScenarioError(f"{story.path}:{each.line}: {name} has no {parent} for {each.element} to stand under")
    placements = tuple(
        Placement(position, story.element(each.element), each.element, each.criticality, above, each.group)
        for position, each in enumerate(placed, 1)
        for above in [tuple(number[parent] for parent in each.under)]
    )
    story.services[name] = Tree(placements, tuple(groups))
    story.fulfilment.setdefault(name, [(0, "In Service")])


def _placed(story: Story, row: Line, groups: list[Group]) -> list[Placed]:
    """What one row places; a group it names is put into `groups`."""
    found = re.fullmatch(r"group (\S+) (\d+) of (.+?)(?: (required|degrading|informational))?(?: under (.+))?", row.text)
    if found:
        groups.append(Group(len(groups) + 1, found[1], int(found[2]), found[4] or "required"))
        return [Placed(row.number, each, "required", _list(found[5]), len(groups)) for each in found[3].split()]
    found = re.fullmatch(r"(\S+)(?: (required|degrading|informational))?(?: under (.+))?", row.text)
    if not found:
        raise ScenarioError(f"{story.path}:{row.number}: {row.text!r} is no placement: ELEMENT [criticality] [under A, B]")
    return [Placed(row.number, found[1], found[2] or "required", _list(found[3]), None)]


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(re.split(r",\s*|\s+", text)) if text else ()


def _fulfilment(story: Story, line: int, rest: str, block: list[Line]) -> None:
    name, _, points = rest.partition(" ")
    story.fulfilment[name] = list(_points(story, " ".join([points, *(row.text for row in block)])))


def _points(story: Story, text: str) -> Iterator[tuple[int, str]]:
    """`0m Up  3m Has Issues` as instants and words."""
    found = re.findall(rf"(\S*\d[dhms]|{WHEN})\s+(.+?)\s*(?=\s(?:\S*\d[dhms]|{WHEN})\s|$)", text.strip() + " ")
    if not found:
        raise ValueError(f"{text!r} is no list of times and words")
    for when, word in found:
        yield story.when(when), re.sub(r"\s+", " ", word.strip())


def _history(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`history edge1  0m Up  3d Down`: an element's own timeline as given, where samples would only hide the story."""
    name, _, points = rest.partition(" ")
    story.element(name)
    story.histories[name] = list(_points(story, " ".join([points, *(row.text for row in block)])))


def _unmanaged(story: Story, line: int, rest: str, block: list[Line]) -> None:
    story.unmanaged |= {name for name in rest.split() if story.element(name)}


def _sensor(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`sensor edge1.tcp [optional] [condition|reachability] [since 5m|since its first sample]`."""
    target, *words = rest.split()
    element, _, name = target.partition(".")
    sensor = story.sensor(element, name)
    while words:
        word = words.pop(0)
        if word == "optional":
            sensor = sensor._replace(required=False)
        elif word in ("condition", "reachability"):
            sensor = sensor._replace(role=word)
        elif word == "since" and words[:3] == ["its", "first", "sample"]:
            sensor, words = sensor._replace(since=None), words[3:]
        elif word == "since":
            sensor = sensor._replace(since=story.when(words.pop(0)))
        else:
            raise ValueError(f"{word!r} says nothing about a sensor: optional, condition, reachability, since TIME")
    story.sensors[element, name] = sensor


def _threshold(story: Story, line: int, rest: str, block: list[Line]) -> None:
    found = re.fullmatch(r"(\S+) (\S+) raise (\S+)(?: clear (\S+))?", rest)
    if not found:
        raise ValueError("write: threshold ELEMENT METRIC raise X [clear Y]")
    element, metric, raise_at, clear_at = found.groups()
    pair = {"raise": float(raise_at), "clear": float(clear_at) if clear_at else None}
    story.thresholds.setdefault(element, {})[metric] = pair


def _agent(story: Story, line: int, rest: str, block: list[Line]) -> None:
    found = re.fullmatch(r"silent (\S+)\.\.(\S*)", rest)
    if not found:
        raise ValueError("write: agent silent FROM..TO, or FROM.. while it stays silent")
    story.silences.append((story.when(found[1]), story.when(found[2]) if found[2] else None))


def _every(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`every STEP [from TIME] [interval TIME]`: rows of samples, one a step. The interval stated is the step unless given."""
    found = re.fullmatch(r"(\S+)(?: from (\S+))?(?: interval (\S+))?", rest)
    if not found:
        raise ValueError("write: every STEP [from TIME] [interval TIME]")
    step, begin = moment(found[1]), story.when(found[2]) if found[2] else 0
    interval = moment(found[3]) if found[3] else step
    for row in block:
        target, _, cells = row.text.partition(" ")
        try:
            values = list(_cells(cells))
            for position, cell in enumerate(values):
                story.samples += _sampled(story, target, cell, begin + position * step, interval)
            if not values:
                _sampled(story, target, "_", 0, interval)
        except ValueError as error:
            raise ScenarioError(f"{story.path}:{row.number}: {error}") from None
        if not story.now_said:
            story.now = max(story.now, begin + len(values) * step)


def _cells(text: str) -> Iterator[str]:
    """`up*3 (down*2 up)*4` as single cells."""
    stack: list[list[str]] = [[]]
    for token in re.findall(r"\(|\)(?:\*\d+)?|[^\s()]+", text):
        if token == "(":
            stack.append([])
        elif token.startswith(")"):
            group = stack.pop()
            stack[-1] += group * int(token[2:] or 1)
        else:
            cell, _, times = token.partition("*")
            stack[-1] += [cell] * int(times or 1)
    if len(stack) != 1:
        raise ValueError(f"the brackets in {text!r} do not match")
    yield from stack[0]


def _sampled(story: Story, target: str, cell: str, ts: int, interval: int) -> list[Sample]:
    """The samples that one cell of a row stands for; `target` is ELEMENT[.SENSOR][:METRIC[@INSTANCE]]."""
    where, _, measured = target.partition(":")
    element, _, name = where.partition(".")
    sensor = story.sensor(element, name or "ping")
    metric, _, instance = measured.partition("@")
    if cell == "_":
        return []
    key = (element, sensor.name)
    if not metric and sensor.kind == "port":
        if cell not in OPER:
            raise ValueError(f"{cell!r} is no status of a port: {', '.join(OPER)}")
        admin = 2.0 if cell == "shut" else 1.0
        pairs = [("if.admin_status", admin, 0), ("if.oper_status", float(OPER[cell]), 0)]
    elif not metric and (cell == "up" or cell.partition(":")[0] == "down"):
        reason = cell.partition(":")[2] or "timeout"
        if reason not in REASON_CODE:
            raise ValueError(f"{reason!r} is no reason of a failed poll: {', '.join(REASON_CODE)}")
        pairs = [("reachable", float(cell == "up"), 0 if cell == "up" else REASON_CODE[reason])]
    else:
        if not metric and sensor.name not in METRICS:
            raise ValueError(f"{cell!r} is no answer of {sensor.name}: up, down, down:REASON, or say which metric")
        pairs = [(metric or METRICS[sensor.name], float(cell), 0)]
    return [Sample(key, of, instance, ts, value, reason, interval, ts) for of, value, reason in pairs]


def _late(story: Story, line: int, rest: str, block: list[Line]) -> None:
    """`late edge1 5m..9m arrives 12m`: what those sensors measured in [from, to) reaches the server only then."""
    found = re.fullmatch(r"(\S+) (\S+)\.\.(\S+) arrives (\S+)", rest)
    if not found:
        raise ValueError("write: late ELEMENT[.SENSOR] FROM..TO arrives TIME")
    element, _, name = found[1].partition(".")
    first, last, arrives = story.when(found[2]), story.when(found[3]), story.when(found[4])
    for position, sample in enumerate(story.samples):
        if sample.sensor[0] == element and (not name or sample.sensor[1] == name) and first <= sample.ts < last:
            story.samples[position] = sample._replace(arrives=arrives)


def _now(story: Story, line: int, rest: str, block: list[Line]) -> None:
    story.now, story.now_said = story.when(rest), True


def _as_of(story: Story, text: str) -> tuple[str, int | None]:
    body, _, when = text.partition(" as of ")
    return body.strip(), story.when(when.strip()) if when else None


def _expect(story: Story, number: int, rest: str, block: list[Line]) -> None:
    body, as_of = _as_of(story, rest)
    name, _, kind = body.partition(" ")
    points = tuple(_points(story, " ".join(line.text for line in block)))
    for _, word in points:
        if word not in STATUSES:
            raise ValueError(f"{word!r} is no status: {', '.join(STATUSES)}")
    story.expectations.append(Expectation(number, "timeline", name, as_of, raw=kind == "raw", points=points))


def _at(story: Story, number: int, rest: str, block: list[Line]) -> None:
    body, as_of = _as_of(story, rest)
    found = re.fullmatch(rf"(\S+) (\S+) is ({'|'.join(STATUSES)})", body)
    if not found:
        raise ValueError("write: at TIME NAME is STATUS [as of TIME]")
    when = story.when(found[1])
    story.expectations.append(Expectation(number, "state", found[2], as_of, at=when, text=found[3], details=tuple(block)))


def _next(story: Story, number: int, rest: str, block: list[Line]) -> None:
    body, as_of = _as_of(story, rest)
    name, _, when = body.partition(" ")
    story.expectations.append(Expectation(number, "next", name, as_of, text=when.strip()))


def _availability(story: Story, number: int, rest: str, block: list[Line]) -> None:
    body, as_of = _as_of(story, rest)
    name, _, text = body.partition(" ")
    story.expectations.append(Expectation(number, "availability", name, as_of, details=tuple(block), text=text.strip()))


STATEMENTS: dict[str, scenario_history.Statement] = {
    **scenario_history.STATEMENTS,
    "shows": _shows,
    "service": _service,
    "fulfilment": _fulfilment,
    "history": _history,
    "unmanaged": _unmanaged,
    "sensor": _sensor,
    "threshold": _threshold,
    "agent": _agent,
    "every": _every,
    "late": _late,
    "now": _now,
    "expect": _expect,
    "at": _at,
    "next": _next,
    "availability": _availability,
}
