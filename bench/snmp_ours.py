"""Our poller as the bench drives it: the agent's own rounds, in an event loop that stands still between them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, Self

from agent.poller import Poller
from agent.rounds import Rounds
from agent.udp import Exchange
from bench.snmp_peers import Fleet
from protocols.snmp import message
from protocols.uplink.batch import Samples
from protocols.uplink.plan import Column, Profile, Snmp, Table, Target

_TIMEOUT = 0.5
PAUSE = 0.03  # seconds between two polls: the devices' clocks count hundredths
_TOGETHER = 50  # devices that are discovered at the same time


def _profile(columns: dict[str, str]) -> Profile:
    counters = tuple(Column(name, column, type="rate", unit="bit/s", scale=8) for name, column in columns.items())
    return Profile("bench", tables=(Table("ports", counters),))


class Ours:
    """All devices of some fleets, each polled once a sweep."""

    def __init__(self, *fleets: Fleet) -> None:
        self.fleets = fleets
        self.columns: list[Samples] = []
        self.counters: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self.pollers: list[Poller] = []
        self._left = 0

    def __enter__(self) -> Self:
        self._run(self._open())
        for first in range(0, len(self.pollers), _TOGETHER):  # in practice they do not all begin in the same moment
            self._poll(self.pollers[first : first + _TOGETHER])
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._shut())
        self._loop.close()

    def sweep(self) -> tuple[float, int]:
        """(CPU-seconds, rates made) of one poll of every device."""
        self.columns.clear()
        begin = time.process_time()
        self._poll(self.pollers)
        spent = time.process_time() - begin
        rates = sum(len(samples.ts) for samples in self.columns) - 2 * len(self.pollers)
        return spent, max(rates, 1)

    def last_answer(self, *, dead: bool) -> float:
        """Seconds from the start of a sweep until the answer of the last device of the first fleet came."""
        live = self.pollers[: len(self.fleets[0].hosts)]
        time.sleep(PAUSE if dead else PAUSE + _TIMEOUT)  # as long as it takes to give up the dead
        begin = time.monotonic()
        self._poll(self.pollers if dead else live)
        return max(line.received for poller in live for one in poller.steady.values() for line in one.lines) - begin

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop.run_until_complete(work)

    async def _open(self) -> None:
        self.exchange = Exchange("snmp", message.request_id, self.counters, message.likely_id)
        self.rounds = Rounds(self.exchange, lambda *_: None, self.columns.append, lambda: time.time_ns() // 1000)
        self.rounds.after = self._after
        self.rounds.failed.add_done_callback(lambda _: self._loop.stop())
        for fleet in self.fleets:
            known = {"bench": _profile(fleet.columns)}
            for host in fleet.hosts:
                number = len(self.pollers) + 1
                # One GET for all of a device, as the rivals do it; loopback carries answers of any size.
                sensor = Snmp(
                    number, profiles=("bench",), port=fleet.port, timeout=_TIMEOUT, retries=0, varbinds=200, **fleet.sensor
                )
                target = Target(host, host, host, (sensor,))
                self.pollers.append(Poller(self.exchange, target, sensor, known, self.rounds.bank))

    async def _shut(self) -> None:
        await self.rounds.close()
        self.exchange.close()

    def _poll(self, pollers: list[Poller]) -> None:
        """As the agent's loop does it: it runs, and what is due is begun."""
        self._left = len(pollers)
        self._loop.call_soon(self.rounds.start, pollers)
        self._loop.run_forever()
        if self.rounds.failed.done():
            self.rounds.failed.result()

    def _after(self, pollers: Sequence[Poller], _good: bool) -> None:
        self._left -= len(pollers)
        if not self._left:
            self._loop.stop()
