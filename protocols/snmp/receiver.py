"""The receiving end of SNMPv3 notifications (RFC 3414 section 3.2): traps from the sender's engine, informs to our own.

Over time, without I/O: our engine's clock for informs, the senders' clocks and what they sent lately against replays.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import OrderedDict
from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.snmp import ber, message, trap, usm, v3
from protocols.snmp.session import LAST_BOOT, WINDOW
from protocols.snmp.trap import Trap
from protocols.snmp.usm import User
from protocols.snmp.v3 import Envelope, Scoped

ENGINES = 4_096  # senders' engines whose clocks are remembered
RECENT = 1_024  # messages of one engine that are remembered against replays
# Fault -> the counter that a report tells (RFC 3414 section 5)
COUNTERS = {fault: name for name, fault in v3.REPORTS.items()}


class Own(NamedTuple):
    """Our engine: its id is for ever, `boots` grows with each start, and time counts from `started` (seconds, monotonic)."""

    id: bytes
    boots: int
    started: float

    def clock(self, now: float) -> tuple[int, int]:
        """(boots, time) now."""
        return self.boots, max(0, int(now - self.started))


class Heard(NamedTuple):
    """What is to be done: take the `trap`, and send `reply` (for an inform when it is safe; a report at once). Either may be none."""

    trap: Trap | None
    reply: bytes | None = None
    fault: str = ""  # why there is no trap: of v3.REPORTS


class _Sender:
    """The clock of a sender's engine, and the digests of its latest messages."""

    __slots__ = ("at", "boots", "recent", "time")

    def __init__(self) -> None:
        self.boots, self.time, self.at = -1, 0, 0.0
        self.recent: OrderedDict[bytes, None] = OrderedDict()


class Receiver:
    """All senders of one agent; `salt`: a random number of 64 bits."""

    def __init__(self, own: Own, salt: int) -> None:
        self.own = own
        self._senders: OrderedDict[tuple[bytes, bytes], _Sender] = OrderedDict()
        self._salts = itertools.count(salt)
        self._faults: dict[str, int] = dict.fromkeys(COUNTERS, 0)

    def hear(self, data: bytes, user: User, now: float) -> Heard:
        """What the message says that `user` sent; `now` in seconds of a monotonic clock.

        Raises DecodeError for what deserves no report: what v3.decode and trap.decode_pdu raise, unknown_user, wrong_digest,
        unsupported_level, decryption_error, late, replayed, engine, context.
        """
        envelope = v3.decode(data)
        if envelope.engine != self.own.id:
            if envelope.flags & v3.REPORTABLE:  # an inform, or the question who we are
                return self._report(envelope, "unknown_engine", user, now)
            return Heard(self._trap(data, envelope, user, now))
        return self._inform(data, envelope, user, now)

    def _trap(self, data: bytes, envelope: Envelope, user: User, now: float) -> Trap:
        if not envelope.engine:
            raise DecodeError("engine", "a trap names the engine that sends it")
        if fault := _fault(data, envelope, user):
            raise DecodeError(fault, f"the trap is not believed: {fault}")
        if user.auth:
            self._in_time(data, envelope, now)
        found = trap.decode_pdu(_plain(envelope, user).pdu)
        if found.pdu != message.TRAP:
            raise DecodeError("engine", "an inform is sent to our engine, not to another")
        return found

    def _inform(self, data: bytes, envelope: Envelope, user: User, now: float) -> Heard:
        reportable = bool(envelope.flags & v3.REPORTABLE)
        fault = _fault(data, envelope, user)
        if not fault and user.auth and not self._our_time(envelope, now):
            fault = "not_in_time_window"
        part = None
        if not fault:
            try:
                part = _plain(envelope, user)
            except DecodeError:
                if not user.priv:
                    raise
                fault = "decryption_error"
        if part is None:
            if reportable:
                return self._report(envelope, fault, user, now)
            raise DecodeError(fault, f"the inform is not believed: {fault}")
        found = trap.decode_pdu(part.pdu)
        if found.pdu != message.INFORM:
            raise DecodeError("engine", "a trap is sent by its sender's engine, not by ours")
        answer = Scoped(part.engine, part.context, trap.response_pdu(part.pdu))
        return Heard(found, self._sealed(envelope.number, answer, user, now))

    def _our_time(self, envelope: Envelope, now: float) -> bool:
        boots, time = self.own.clock(now)
        return boots < LAST_BOOT and envelope.boots == boots and abs(envelope.time - time) <= WINDOW

    def _in_time(self, data: bytes, envelope: Envelope, now: float) -> None:
        """Demand that an authentic message is neither old nor seen before; learn its engine's clock (section 3.2 step 7 b)."""
        key = (envelope.engine, envelope.user)
        sender = self._senders.pop(key, None) or _Sender()
        self._senders[key] = sender
        if len(self._senders) > ENGINES:
            self._senders.popitem(last=False)
        least = sender.time + int(now - sender.at) - WINDOW
        if envelope.boots >= LAST_BOOT or (envelope.boots, envelope.time) < (sender.boots, least):
            raise DecodeError("late", "the message is older than the time window of 150 s allows")
        if envelope.boots > sender.boots:
            sender.recent.clear()
        mark = hashlib.blake2b(data, digest_size=16).digest()
        if mark in sender.recent:
            raise DecodeError("replayed", "the same message came before")
        sender.recent[mark] = None
        if len(sender.recent) > RECENT:
            sender.recent.popitem(last=False)
        if (envelope.boots, envelope.time) > (sender.boots, sender.time):
            sender.boots, sender.time, sender.at = envelope.boots, envelope.time, now

    def _report(self, envelope: Envelope, fault: str, user: User, now: float) -> Heard:
        """A report of `fault`; only one about time is authentic, for by it the sender learns our clock (section 3.2 step 7 a)."""
        self._faults[fault] = (self._faults[fault] + 1) & 0xFFFF_FFFF
        bind = message.VarBind(COUNTERS[fault], message.COUNTER32, self._faults[fault])
        fields = b"".join(ber.number(ber.INTEGER, number) for number in (0, 0, 0))
        pdu = ber.element(message.REPORT, fields + ber.element(ber.SEQUENCE, message.encode_varbind(bind)))
        part = Scoped(self.own.id, b"", pdu)
        if fault == "not_in_time_window":
            signer = user._replace(priv="", priv_secret=b"")
            return Heard(None, self._sealed(envelope.number, part, signer, now), fault)
        boots, time = self.own.clock(now)
        bare = Envelope(envelope.number, 0, self.own.id, boots, time, envelope.user, b"", 0, b"", v3.encode_scoped(part))
        return Heard(None, v3.encode(bare)[0], fault)

    def _sealed(self, number: int, part: Scoped, user: User, now: float) -> bytes:
        """`part` as our engine sends it: signed and encrypted as far as the user is."""
        clock = self.own.clock(now)
        keys = usm.keys(user, self.own.id)
        body, salt = v3.encode_scoped(part), b""
        if user.priv:
            body, salt = usm.encrypt(user, keys.priv, body, clock, next(self._salts) & 0xFFFF_FFFF_FFFF_FFFF)
        digest = bytes(usm.DIGESTS[user.auth]) if user.auth else b""
        data, at = v3.encode(Envelope(number, user.flags, self.own.id, *clock, user.name, digest, 0, salt, body))
        return data[:at] + usm.digest(user, keys.auth, data) + data[at + len(digest) :] if user.auth else data


def new_engine(noise: bytes) -> bytes:
    """An engine id of RFC 3411 section 5, format 5, around eight random bytes; 32473 is the enterprise of examples (RFC 5612)."""
    return (1 << 31 | 32_473).to_bytes(4, "big") + b"\x05" + noise[:8]


def is_engine(found: bytes) -> bool:
    """Whether RFC 3411 section 5 allows an engine to be called so."""
    return 5 <= len(found) <= 32 and any(found) and any(byte != 0xFF for byte in found)


def _fault(data: bytes, envelope: Envelope, user: User) -> str:
    """Why the message is not from the user, a word of v3.REPORTS; empty if it is."""
    if envelope.user != user.name:
        return "unknown_user"
    if envelope.flags & 3 != user.flags:
        return "unsupported_level"
    if not user.auth:
        return ""
    key = usm.keys(user, envelope.engine).auth
    right = len(envelope.digest) == usm.DIGESTS[user.auth] and usm.is_authentic(user, key, data, envelope.digest_at)
    return "" if right else "wrong_digest"


def _plain(envelope: Envelope, user: User) -> Scoped:
    if not user.priv:
        return v3.scoped(envelope.body, padded=False)
    key = usm.keys(user, envelope.engine).priv
    plain = usm.decrypt(user, key, envelope.body, (envelope.boots, envelope.time), envelope.salt)
    try:
        return v3.scoped(plain, padded=user.priv == "des")
    except DecodeError:
        raise DecodeError(
            "decryption_error", "what the message is decrypted to makes no sense: the privacy password is wrong"
        ) from None
