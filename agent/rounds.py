"""Many SNMP sensors polled in time: steady devices together and by rote, all others each on its own and with care.

A device that does not answer delays no other: whoever is silent to a request by rote is asked again, with care, beside the rest.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from agent import rote
from agent.bank import Bank
from agent.batcher import Clock, Emit
from agent.poller import Poller, phase
from agent.steady import Flight, Line
from agent.udp import Exchange, Letter
from protocols.errors import DecodeError
from protocols.snmp.session import Session
from protocols.uplink.batch import Samples

AGAIN = 30.0  # seconds: the latest next try after a failure
WINDOW = 96  # requests by rote on their way at most: their answers must fit the socket's buffer
NEAR = 32  # of them to one address: a device has a small buffer for questions, and may have many sensors
FULL = 128  # polls that are read at once: what this takes fits the processor's caches
HOLD = 0.02  # seconds that an answer waits at most for others to be read with
TICK = 0.05  # seconds between two looks at who is silent
PACE = 0.01  # seconds between the beginnings of
TOGETHER = 16  # polls with care
_IDLE = 0.2  # seconds between two looks at who is due

Sink = Callable[[Samples], None]


class Rounds:
    """`emit` takes rows, `sink` columns; both get every row once. `clock` in µs."""

    def __init__(self, exchange: Exchange, emit: Emit, sink: Sink, clock: Clock) -> None:
        self.exchange = exchange
        self.emit = emit
        self.sink = sink
        self.clock = clock
        self.bank = Bank()
        self.after: Callable[[Sequence[Poller], bool], None] = self._again  # what follows polls; True = they were answered
        self._loop = asyncio.get_running_loop()
        self._due: list[tuple[float, int, Poller]] = []
        self._count = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: deque[Line] = deque()
        self._flying: dict[float, deque[Flight]] = {}  # by timeout, the oldest first
        self._away = 0  # requests by rote without an answer, as far as they may still come
        self._near: dict[tuple[object, ...], int] = {}  # the same by address
        self._held: dict[tuple[object, ...], deque[Line]] = {}  # by address: what waits until there is room at it
        exchange.on_answers = self._arrived
        self._ready: list[Flight] = []
        self._reading: asyncio.TimerHandle | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._behind: deque[tuple[Poller, int]] = deque()  # polls with care that have not begun, and when they should have (µs)
        self._pacing: asyncio.TimerHandle | None = None
        self._heard = False
        self.failed: asyncio.Future[None] = self._loop.create_future()

    async def run(self, pollers: Sequence[Poller]) -> None:
        """Poll for ever, each sensor on its own grid of times, so that slow answers do not add up."""
        now = self._loop.time()
        for poller in pollers:
            poller.due = now + phase(poller.sensor.number) * poller.sensor.interval
            heapq.heappush(self._due, (poller.due, next(self._count), poller))
        try:
            while True:
                now = self._loop.time()
                due: list[Poller] = []
                while self._due and self._due[0][0] <= now:
                    due.append(heapq.heappop(self._due)[2])
                self.start(due)
                wait = min(_IDLE, self._due[0][0] - self._loop.time()) if self._due else _IDLE
                await asyncio.wait({self.failed}, timeout=max(0.0, wait))
                if self.failed.done():
                    self.failed.result()
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop what is under way."""
        for timer in (self._reading, self._ticking, self._pacing):
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def soon(self, address: str) -> None:
        """Poll the target with this address now, and then again when it would have been its turn."""
        hinted = [entry[2] for entry in self._due if entry[2].target.address == address]
        if not hinted:
            return  # it is being polled
        self._due = [entry for entry in self._due if entry[2] not in hinted]
        heapq.heapify(self._due)
        for poller in hinted:
            poller.due -= poller.sensor.interval  # so that the turn it had stays its next one
        self.start(hinted)

    def start(self, pollers: Iterable[Poller]) -> None:
        """Poll now: by rote if that may do, else with care."""
        ts, queue = self.clock(), self._queue
        for poller in pollers:
            flight = poller.flight or poller.by_rote()
            if flight is None:
                self._behind.append((poller, ts))
                continue
            flight.ts, flight.missing, flight.deadline = ts, len(flight.lines), math.inf
            queue += flight.lines
        self.send()
        if self._behind and self._pacing is None:
            self._pacing = self._loop.call_later(PACE, self._next)

    def _next(self) -> None:
        """Begin some polls with care, and leave the others for later, for each takes its time."""
        for _ in range(min(TOGETHER, len(self._behind))):
            self._spawn(self._carefully(*self._behind.popleft()))
        self._pacing = self._loop.call_later(PACE, self._next) if self._behind else None

    def send(self) -> None:
        """Let go what is waiting, as far as there is room."""
        exchange, queue, near, now = self.exchange, self._queue, self._near, self.exchange.clock()
        never, flying = math.inf, self._flying
        out: list[Line] = []
        for number in exchange.numbers(max(0, min(len(queue), WINDOW - self._away))):
            line = queue.popleft()
            flight, there = line.flight, line.destination
            if flight is None or flight.missing < 0:
                continue
            away = near.get(there, 0)
            if away >= NEAR:
                self._held.setdefault(there, deque()).append(line)
                continue
            near[there] = away + 1
            line.number = number
            session = flight.session
            line.data = line.request.datagram(number) if session is None else session.datagram(line.request, number, now)
            if flight.deadline == never:  # the first of its lines
                if flight.timeout not in flying:
                    flying[flight.timeout] = deque()
                flying[flight.timeout].append(flight)
            flight.deadline = now + flight.timeout
            out.append(line)
        self._away += len(out)
        exchange.post(out)
        if self._ticking is None and (queue or any(self._flying.values())):
            self._ticking = self._loop.call_later(TICK, self._tick)

    def _landed(self, line: Line) -> None:
        """There is room at its address again."""
        there = line.destination
        self._near[there] -= 1
        if self._held and there in self._held:
            self._queue.append(self._held[there].popleft())
            if not self._held[there]:
                del self._held[there]

    def _arrived(self, letters: list[Letter]) -> None:
        ready = self._ready
        self._away -= len(letters)
        self._heard = True
        for line in letters:
            flight: Flight = line.flight  # type: ignore[attr-defined] # only lines are posted
            self._landed(line)  # type: ignore[arg-type]
            flight.missing -= 1
            if not flight.missing:
                ready.append(flight)
        if self._queue and self._away <= WINDOW // 2:
            self.send()
        if len(ready) >= FULL or (ready and self._away <= 0 and not self._queue):
            self._read()
        elif ready and self._reading is None:
            self._reading = self._loop.call_later(HOLD, self._read)

    def _tick(self) -> None:
        """Give up those that are silent, and let those behind them go."""
        self.exchange.catch_up()
        now = self._loop.time()
        for flights in self._flying.values():
            while flights and (flights[0].missing <= 0 or flights[0].deadline <= now):
                flight = flights.popleft()
                if flight.missing > 0:
                    self._give_up(flight)
        if not self._heard:
            self._away = 0
        self._heard = False
        self._ticking = None
        self.send()

    def _give_up(self, flight: Flight) -> None:
        for line in flight.lines:
            if self.exchange.drop(line.number):
                self._away -= 1
                self._landed(line)
        flight.missing = -1
        self.exchange.counters["snmp.rote.silent"] += 1
        flight.poller.leave(list(flight.poller.steady))
        self._spawn(self._carefully(flight.poller, flight.ts))

    def _read(self) -> None:
        """Read what has come."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        flights, self._ready = self._ready, []
        if not (flights := [flight for flight in flights if flight.session is None or self._opened(flight, flight.session)]):
            return
        flights.sort(key=_first_slot)  # so that who is read together is so in the same order each time
        told = rote.read(self.bank, flights)
        for flight, rows in told.rows:
            if rows is None:
                self.ask_again(flight)
            else:
                self.emit(rows, flight.poller.sensor.interval)
        if told.samples is not None:
            self.sink(told.samples)
        self.after([flight.poller for flight in told.good], True)

    def _opened(self, flight: Flight, session: Session) -> bool:
        """Whether every answer is to be believed; the PDUs take their place."""
        try:
            for line in flight.lines:
                pdu = session.pdu(line.number, line.data, line.received)
                if pdu is None:
                    raise DecodeError("not_in_time_window")
                line.data = pdu
        except DecodeError as error:
            self.exchange.counters[f"snmp.v3.{error.kind}"] += 1
            self.ask_again(flight)
            return False
        return True

    def ask_again(self, flight: Flight) -> None:
        """What came by rote is of no use: ask with care."""
        flight.poller.missed()
        flight.poller.leave(list(flight.poller.steady))
        self._spawn(self._carefully(flight.poller, flight.ts))

    async def _carefully(self, poller: Poller, ts: int) -> None:
        rows = await poller.poll(ts)
        self.emit(rows, poller.sensor.interval)
        self.after([poller], rows[0].value != 0)

    def _again(self, pollers: Sequence[Poller], good: bool) -> None:
        now = self._loop.time()
        for poller in pollers:
            if good and poller.curious(now):
                self._spawn(self._rediscover(poller))
            else:
                self._plan(poller, now, good=good)

    def _plan(self, poller: Poller, now: float, *, good: bool) -> None:
        interval = poller.sensor.interval
        if good:
            poller.due += interval * max(1, -(-(now - poller.due) // interval))
        else:
            poller.due = now + min(interval, AGAIN)
        heapq.heappush(self._due, (poller.due, next(self._count), poller))

    async def _rediscover(self, poller: Poller) -> None:
        await poller.rediscover(self._loop.time())
        self._plan(poller, self._loop.time(), good=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.failed.done():
            self.failed.set_exception(error)


def _first_slot(flight: Flight) -> int:
    return flight.lines[0].slot
