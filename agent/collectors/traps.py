"""Hears SNMP traps and informs of v1, v2c and v3 and records them as events; informs are answered once they are on disk."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent import engine, names, senders
from agent.batcher import Clock, Sink
from agent.happenings import BURST, KIND, RATE, TELL, TOTAL, Happening, Recorder, tell_suppressed
from agent.hearing import Buckets, Came, Ear, bind
from agent.hints import Hints
from agent.names import Names
from agent.plans import Run
from agent.senders import Owner, Senders
from protocols.errors import ConfigError, DecodeError
from protocols.snmp import message, trap, usm, v3
from protocols.snmp.receiver import Receiver
from protocols.snmp.trap import Trap
from protocols.snmp.usm import User
from protocols.uplink import listeners
from protocols.uplink.plan import Plan, Target

REPEATED = 60.0  # seconds in which an inform that comes again is the same one
MOST_INFORMS = 10_000

Mine = Owner[listeners.Trap]
_Key = tuple[str, int, int, bytes]


class Place(NamedTuple):
    """Where to listen, where our engine is kept, and who is told of what was heard."""

    port: int
    folder: Path
    hints: Hints
    tell: float = TELL
    opened: Callable[[int], object] = str  # is told the port


def collector(place: Place) -> Run:
    """The collector at `place`."""
    return partial(_run, place)


async def _run(place: Place, targets: Sequence[Target], plan: Plan, sink: Sink, clock: Clock, counters: Counter[str]) -> None:
    """Hear every trap sensor of `targets` until cancelled. Raises ConfigError: the port, the names, the state folder."""
    del plan
    if not place.port:
        raise ConfigError("traps are not heard: trap_port is 0 in the settings of this agent.")
    known = names.load(place.folder / "names.json")
    receiver = Receiver(engine.started(place.folder), secrets.randbits(64))
    listener = Listener(await senders.of(targets, listeners.Trap, counters), receiver, known, Recorder(sink), clock, counters)
    listener.hints = place.hints
    ear = Ear("trap", bind(place.port, "SNMP traps"), listener.take, counters)
    place.opened(ear.port)
    try:
        while True:
            await asyncio.sleep(place.tell)
            listener.tell()
    finally:
        ear.close()
        listener.tell()
        await listener.recorder.close()


class Listener:
    """What is done with one datagram. Counts by what happened to it, under `trap.`."""

    def __init__(
        self,
        known: Senders[listeners.Trap],
        receiver: Receiver,
        called: Names,
        recorder: Recorder,
        clock: Clock,
        counters: Counter[str],
    ) -> None:
        self.recorder = recorder
        self.buckets = Buckets(RATE, BURST, TOTAL)
        self.hints = Hints()
        self._senders, self._receiver, self._names = known, receiver, called
        self._clock, self._counters = clock, counters
        self._users: dict[int, User] = {}
        self._informs: OrderedDict[_Key, tuple[float, bool]] = OrderedDict()  # when it came, and whether it is on disk

    def take(self, data: bytes, came: Came, now: float) -> None:
        """One datagram."""
        owners = self._senders.find(came.host)
        if not owners:
            self._counters["trap.unknown_sender"] += 1
            return
        if not self.buckets.admit(came.host, now):
            self._counters["trap.suppressed"] += 1
            return
        try:
            if trap.version(data) == v3.V3:
                self._v3(data, owners, came, now)
            else:
                self._by_community(data, owners, came, now)
        except DecodeError as error:
            self._counters[f"trap.refused.{error.kind}"] += 1
        except ConfigError:  # a user of the plan that cannot be
            self._counters["trap.refused.user"] += 1

    def _by_community(self, data: bytes, owners: tuple[Mine, ...], came: Came, now: float) -> None:
        found = trap.decode(data)
        for owner in owners:
            sensor = owner.sensor
            if not sensor.user and (not sensor.community or sensor.community.encode() == found.community):
                reply = trap.response(data, found) if found.trap.pdu == message.INFORM else None
                self._record(found.trap, owner, came, now, reply)
                return
        raise DecodeError("community")

    def _v3(self, data: bytes, owners: tuple[Mine, ...], came: Came, now: float) -> None:
        said = v3.decode(data).user
        named = [owner for owner in owners if owner.sensor.user]
        if not named:
            raise DecodeError("unknown_user")
        # who is not known yet asks with no user at all who our engine is
        owner = next((owner for owner in named if owner.sensor.user.encode() == said), named[0])
        heard = self._receiver.hear(data, self._user(owner.sensor), now)
        if heard.trap is None:
            self._counters[f"trap.reported.{heard.fault}"] += 1
            self._send(heard.reply, came)
        else:
            self._record(heard.trap, owner, came, now, heard.reply)

    def _user(self, sensor: listeners.Trap) -> User:
        user = self._users.get(sensor.number)
        if user is None:
            secret = (sensor.auth, sensor.auth_secret.encode(), sensor.priv, sensor.priv_secret.encode())
            user = User(sensor.user.encode(), *secret)
            usm.check_user(user)
            self._users[sensor.number] = user
        return user

    def _record(self, found: Trap, owner: Mine, came: Came, now: float, reply: bytes | None) -> None:
        answer = None
        if reply is not None:
            key = (came.host, came.port, found.request_id, found.oid)
            if self._repeated(key, now):
                self._counters["trap.repeated"] += 1
                if self._informs[key][1]:
                    self._send(reply, came)
                return
            self._informs[key] = (now, False)
            answer = partial(self._answer, key, reply, came)
        named = self._names.trap(found)
        kind = KIND["inform" if reply is not None else "trap"]
        row = (owner.sensor.number, self._clock(), kind, named.severity, came.host, named.oid, named.name, named.detail)
        self.recorder.add(Happening(*row), answer)
        self._counters["trap.heard"] += 1
        self.hints.give(owner.target.address)

    def _repeated(self, key: _Key, now: float) -> bool:
        """Whether this inform came before; the old ones are forgotten."""
        while self._informs:
            first = next(iter(self._informs))
            if now - self._informs[first][0] < REPEATED and len(self._informs) < MOST_INFORMS:
                break
            del self._informs[first]
        return key in self._informs

    def _answer(self, key: _Key, reply: bytes, came: Came, durable: bool) -> None:
        if not durable:  # the sender sends it again, and then it is new
            self._informs.pop(key, None)
            self._counters["trap.not_kept"] += 1
            return
        if key in self._informs:
            self._informs[key] = (self._informs[key][0], True)
        self._send(reply, came)

    def _send(self, reply: bytes | None, came: Came) -> None:
        if reply is None:
            return
        try:
            came.socket.sendto(reply, came.where)
        except OSError:  # the sender asks again
            self._counters["trap.send_failed"] += 1

    def tell(self) -> None:
        """Record how many of each sender were suppressed since the last call."""
        tell_suppressed(self.buckets, self._senders, self.recorder, self._clock(), "traps")


async def check(target: Target, sensor: listeners.Trap, plan: Plan) -> str:
    """What traps are taken, in one sentence; whether the port is free only the running agent can say."""
    del plan
    by = f"SNMPv3 as the user {sensor.user}" if sensor.user else "SNMPv1 and v2c"
    return f"{target.name} ({target.address}) may send traps and informs by {by}."
