"""Reads the answers of polls by rote, many at once; what is not as it was is read with care, poll by poll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent import steady
from agent.bank import Answered, Bank, Found, Round
from agent.batcher import Row
from agent.device import Part
from agent.profiles import Entry
from agent.rates import Mark
from agent.steady import Flight
from agent.udp import Reply
from protocols.uplink.batch import Samples


class Told(NamedTuple):
    """What a round of polls said."""

    samples: Samples | None  # of those that were as expected
    rows: list[tuple[Flight, list[Row] | None]]  # of the others, and odd ones; None: it must be asked again
    good: list[Flight]  # those that are done


class Answers(NamedTuple):
    """The round as the bank read it; by flight: the first line, the number of lines, whether all is as expected."""

    asked: Round
    found: Found
    first: NDArray[np.intp]
    lines: NDArray[np.intp]
    good: NDArray[np.bool_]


def read(bank: Bank, flights: Sequence[Flight]) -> Told:
    """Read the answers of `flights`, of which each line has one."""
    answers = _answers(bank, flights)
    good = answers.good & np.fromiter([flight.proven for flight in flights], np.bool_, len(flights))
    which = np.flatnonzero(good)
    rows: list[tuple[Flight, list[Row] | None]] = []
    done: list[Flight] = []
    samples = None
    if len(which):
        rows += _odd(flights, answers, which)
        samples = _samples(bank, flights, answers, which)
        uptime = answers.found.values[answers.first[which], 0].tolist()
        for k, ticks in zip(which.tolist(), uptime, strict=True):
            flights[k].poller.answered(ticks)
            done.append(flights[k])
    others = np.flatnonzero(~good).tolist() if len(which) < len(flights) else []
    expected = {k: _expected(bank, flights[k], answers, k) for k in others if answers.good[k]}
    for k in others:
        if k not in expected:
            flights[k].poller.missed()
        told = _with_care(flights[k])
        rows.append((flights[k], told))
        if told is not None:
            done.append(flights[k])
            if k in expected:
                _prove(flights[k], expected[k], told)
    return Told(samples, rows, done)


def _answers(bank: Bank, flights: Sequence[Flight]) -> Answers:
    lines = [line for flight in flights for line in flight.lines]
    size = len(lines)
    asked = Round(
        np.fromiter([line.slot for line in lines], np.intp, size),
        [line.data for line in lines],
        np.fromiter([line.number for line in lines], np.uint64, size),
        np.fromiter([line.received for line in lines], np.float64, size),
    )
    found = bank.read(asked)
    count = np.fromiter([len(flight.lines) for flight in flights], np.intp, len(flights))
    first = np.cumsum(count) - count
    single = size == len(flights)
    return Answers(asked, found, first, count, found.good if single else np.logical_and.reduceat(found.good, first))


def _samples(bank: Bank, flights: Sequence[Flight], answers: Answers, which: NDArray[np.intp]) -> Samples:
    """The rows of the flights `which` as columns, and those that say that they answered."""
    asked, found, first, count, _ = answers
    lines = None
    if len(which) < len(flights):
        chosen = np.zeros(len(flights), np.bool_)
        chosen[which] = True
        lines = np.flatnonzero(np.repeat(chosen, count))
    ts = np.fromiter([flight.ts for flight in flights], np.int64, len(flights))
    columns = bank.columns(asked, found, lines, np.repeat(ts, count))
    bank.remember(asked, found, lines)
    mine = [flights[k] for k in which.tolist()]
    sent = np.fromiter([flight.lines[0].sent for flight in mine], np.float64, len(mine))
    interval = np.fromiter([flight.interval for flight in mine], np.float32, len(mine))
    begin = first[which]
    return columns.samples(Answered(bank.sensor[asked.slots[begin]], ts[which], asked.received[begin] - sent, interval))


def _odd(flights: Sequence[Flight], answers: Answers, which: NDArray[np.intp]) -> list[tuple[Flight, list[Row] | None]]:
    """The rows of the entries that are not read by numbers."""
    found: list[tuple[Flight, list[Row] | None]] = []
    for k in which.tolist():
        flight = flights[k]
        if flight.odd:
            found.append((flight, _odd_rows(flight, answers, k)))
    return found


def _odd_rows(flight: Flight, answers: Answers, k: int) -> list[Row]:
    rows: list[Row] = []
    at = int(answers.first[k])
    for one in flight.steadies:
        values = answers.found.values[at : at + len(one.lines)].tolist()
        marks = [
            Mark(value[0], line.received, line.boots, value[1] if line.has_engine else None)
            for line, value in zip(one.lines, values, strict=True)
        ]
        at += len(one.lines)
        rows += flight.poller.odd_rows(one, one.said(values, marks), flight.ts)
    return rows


def _with_care(flight: Flight) -> list[Row] | None:
    """The rows of a flight, each value looked at; None if it must be asked again."""
    device = flight.poller.device
    parts: list[Part] = []
    for group, one in enumerate(flight.steadies):
        for line in one.lines:
            reply = Reply(line.number, line.data, line.sent, line.received)
            part = device.part(line.request, reply) if device else None
            if part is None:
                return None
            parts.append(part._replace(group=group))
    return flight.poller.take(parts, flight.ts)


def _expected(bank: Bank, flight: Flight, answers: Answers, k: int) -> list[Row]:
    """What going by rote would say; nothing is remembered."""
    first = int(answers.first[k])
    lines = np.arange(first, first + len(flight.lines))
    columns = bank.columns(answers.asked, answers.found, lines, np.zeros(len(answers.asked.slots), np.int64))
    numbers = zip(*(column.tolist() for column in columns[:6]), strict=True)
    return [
        Row(sensor, columns.metrics[metric], columns.instances[instance], flight.ts, value, seconds)
        for sensor, metric, instance, _, value, seconds in numbers
    ]


def _prove(flight: Flight, expected: list[Row], told: list[Row]) -> None:
    """If both are alike, the device is steady from now on, else not before it is discovered anew."""
    odd = {name for one in flight.steadies for entry in one.odd for name in _names(entry)}
    if not steady.alike(expected, [row for row in told[2:] if (row.metric, row.instance) not in odd]):
        flight.poller.distrust()
    else:
        flight.poller.trust()


def _names(entry: Entry) -> list[tuple[str, str]]:
    cells = (*((entry.speed,) if entry.speed else ()), *entry.cells)
    return [(cell.column.metric, "" if entry.reduce else entry.instance) for cell in cells]
