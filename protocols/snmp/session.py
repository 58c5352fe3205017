"""One user at one SNMPv3 engine over time: discovery, clock, digest and encryption, without I/O (RFC 3414 sections 3 and 4)."""

from __future__ import annotations

from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.snmp import ber, message, usm, v3
from protocols.snmp.request import Request
from protocols.snmp.usm import Keys, User
from protocols.snmp.v3 import Envelope, Scoped
from protocols.wire import Reader

WINDOW = 150  # seconds (RFC 3414 section 2.2.3)
_FORMS = 64  # of requests that are kept
LAST_BOOT = (1 << 31) - 1  # an engine that counted so far must be given new keys
# The faults that a device reports or an answer has, in words for a person.
WORDS = {
    "unknown_user": "the device does not know the SNMPv3 user",
    "wrong_digest": "the device says that the authentication password, or the authentication protocol, is wrong",
    "decryption_error": "the device cannot decrypt what we ask: the privacy password, or the privacy protocol, is wrong",
    "unsupported_level": "the device does not allow this SNMPv3 user the security level: it was made with other protocols",
    "not_in_time_window": "the device's SNMPv3 engine time does not fit: it says that we are outside its time window of 150 s",
    "unknown_engine": "the device gives another SNMPv3 engine id with each answer",
    "unavailable_context": "the device says that the SNMPv3 context is not available now",
    "unknown_context": "the device does not know the SNMPv3 context",
    "digest": "answers come whose digest is wrong: they are forged, or were changed on their way",
    "decryption": "the device's answers cannot be decrypted: the privacy password, or the privacy protocol, is wrong",
    "unauthenticated": "the device answers with less security than it was asked with",
    "silent": "the device says who it is, but is silent to what we encrypt: the privacy password, or the privacy protocol, is wrong",
    "late": "answers come that are outside the time window of 150 s: old ones are replayed",
}
_DISCOVERY = ber.element(message.GET, b"\x02\x01\x00" * 3 + b"\x30\x00")  # the request-id is of no use here


class Engine(NamedTuple):
    """What is known of the authoritative engine; `proven` once an authentic message carried its clock."""

    id: bytes
    boots: int
    time: int  # seconds since it booted,
    at: float  # at that moment of our monotonic clock
    proven: bool

    def clock(self, now: float) -> tuple[int, int]:
        """(boots, time) as the engine should have it now."""
        return self.boots, max(0, self.time + int(now - self.at))


class Session:
    """`datagram` is what to send for a request, `pdu` what an answer to it brings. `salt`: a random number of 64 bits.

    `engine` is None until the device has told who it is.
    """

    def __init__(self, user: User, context: bytes, salt: int) -> None:
        usm.check_user(user)
        self.user = user
        self.context = context
        self.engine: Engine | None = None
        self._salt = salt
        self._forms: dict[tuple[object, ...], v3.Form] = {}
        self._scoped_forms: dict[tuple[bytes, int], tuple[Request, tuple[bytes, bytes]]] = {}
        self._own: tuple[bytes, Keys] | None = None
        self._head = b""  # of the last scoped PDU, and its size
        self._size = 0
        self._read: v3.Read | None = None  # how an answer was laid out that was read with care

    def datagram(self, request: Request, number: int, now: float) -> bytes:
        """`request` as message `number` (msgID and request-id), or the question who the engine is."""
        if self.engine is None:
            empty = Scoped(b"", b"", _DISCOVERY)
            return v3.encode(Envelope(number, v3.REPORTABLE, b"", 0, 0, b"", b"", 0, b"", v3.encode_scoped(empty)))[0]
        user, engine = self.user, self.engine
        clock = engine.clock(now)
        keys = self._keys(engine.id)
        scoped = self._scoped_form(request)
        body, salt = scoped[0] + number.to_bytes(4, "big") + scoped[1], b""
        if user.priv:
            self._salt = (self._salt + 1) & 0xFFFF_FFFF_FFFF_FFFF
            body, salt = usm.encrypt(user, keys.priv, body, clock, self._salt)
        size = usm.DIGESTS[user.auth] if user.auth else 0
        envelope = Envelope(number, v3.REPORTABLE | user.flags, engine.id, *clock, user.name, bytes(size), 0, salt, body)
        data, at = v3.fill(envelope, self._forms)
        if user.auth:
            data = data[:at] + usm.digest(user, keys.auth, data) + data[at + size :]
        return data

    def _keys(self, engine: bytes) -> Keys:
        """The user's keys at `engine`; looking them up among those of all costs as much as a digest."""
        if self._own is None or self._own[0] != engine:
            self._own = (engine, usm.keys(self.user, engine))
        return self._own[1]

    def _scoped_form(self, request: Request) -> tuple[bytes, bytes]:
        """The scoped PDU of `request` around its request-id, made once for each engine."""
        engine = self.engine.id if self.engine else b""
        key = (engine, id(request))
        found = self._scoped_forms.get(key)
        if found is None or found[0] is not request:
            whole = v3.encode_scoped(Scoped(engine, self.context, request.datagram(0)))
            at = len(whole) - len(request.tail)
            if len(self._scoped_forms) >= _FORMS:
                self._scoped_forms.clear()
            found = self._scoped_forms[key] = (request, (whole[: at - 4], whole[at:]))
        return found[1]

    def pdu(self, number: int, data: bytes, now: float) -> bytes | None:
        """The response PDU in `data`, proven and decrypted; None = something was learnt about the engine: ask again.

        Raises DecodeError: a key of WORDS, and what v3.decode raises.
        """
        envelope = v3.decode_like(data, self._read)
        if envelope is None:
            envelope = v3.decode(data)
            self._read = v3.read_of(data, envelope)
        if envelope.number != number:
            raise DecodeError("request_id", "the answer belongs to another request")
        if not envelope.flags & v3.AUTHENTICATED and (self.user.auth or self.engine is None):
            self._unproven(envelope, now)
            return None
        engine = self._prove(envelope, data, now)
        part = self._scoped(envelope)
        if part.pdu[:1] == bytes((message.REPORT,)):
            self._reported(part, envelope, engine)
            return None
        if envelope.flags & 3 != self.user.flags:
            raise DecodeError("unauthenticated", WORDS["unauthenticated"])
        if part.engine != engine.id or part.context != self.context:
            raise DecodeError("context", "the answer is about another SNMPv3 context")
        return part.pdu

    def _prove(self, envelope: Envelope, data: bytes, now: float) -> Engine:
        """The engine, its clock moved on, after the digest and the time of `envelope` were found good."""
        engine = self.engine
        if engine is None or envelope.engine != engine.id or envelope.user != self.user.name:
            raise DecodeError("engine", "the answer is from another SNMPv3 engine or for another user")
        if not self.user.auth:
            return engine
        if len(envelope.digest) != usm.DIGESTS[self.user.auth] or not usm.is_authentic(
            self.user, self._keys(engine.id).auth, data, envelope.digest_at
        ):
            raise DecodeError("digest", WORDS["digest"])
        boots, time = engine.clock(now)
        if engine.proven and (
            boots == LAST_BOOT or envelope.boots < boots or (envelope.boots == boots and envelope.time < time - WINDOW)
        ):
            raise DecodeError("late", WORDS["late"])
        # RFC 3414 section 3.2 step 7 b: only what is newer than all before moves our idea of its clock.
        if not engine.proven or (envelope.boots, envelope.time) > (engine.boots, engine.time):
            self.engine = engine = Engine(engine.id, envelope.boots, envelope.time, now, proven=True)
        return engine

    def _scoped(self, envelope: Envelope) -> Scoped:
        if not envelope.flags & v3.ENCRYPTED:
            return v3.scoped(envelope.body, padded=False)
        if not self.user.priv:
            raise DecodeError("decryption", "the answer is encrypted, the question was not")
        key = self._keys(envelope.engine).priv
        plain = usm.decrypt(self.user, key, envelope.body, (envelope.boots, envelope.time), envelope.salt)
        if len(plain) == self._size and plain.startswith(self._head) and self.engine and self.user.priv != "des":
            return Scoped(self.engine.id, self.context, plain[len(self._head) :])
        try:
            part = v3.scoped(plain, padded=self.user.priv == "des")
        except DecodeError:
            raise DecodeError("decryption", WORDS["decryption"]) from None
        if self.engine and (part.engine, part.context) == (self.engine.id, self.context):
            self._head, self._size = plain[: len(plain) - len(part.pdu)], len(plain)
        return part

    def _reported(self, part: Scoped, envelope: Envelope, engine: Engine) -> None:
        """A report that is proven as far as the user is. Raises DecodeError: the fault it tells."""
        kind = _report(part)
        if kind == "not_in_time_window" and self.user.auth:
            # Authentic, so _prove has taken its clock; if it did not help before, it will not now.
            told = (envelope.boots, envelope.time)
            if (engine.boots, engine.time) == told:
                return
        raise DecodeError(kind, WORDS[kind])

    def _unproven(self, envelope: Envelope, now: float) -> None:
        """A message without a digest: only a report may come so, and only for what it teaches who the engine is."""
        if envelope.flags & v3.ENCRYPTED:
            raise DecodeError("unauthenticated", WORDS["unauthenticated"])
        part = v3.scoped(envelope.body, padded=False)
        if part.pdu[:1] != bytes((message.REPORT,)):
            raise DecodeError("unauthenticated", WORDS["unauthenticated"])
        kind = _report(part)
        if kind != "unknown_engine":
            raise DecodeError(kind, WORDS[kind])
        if not envelope.engine:
            raise DecodeError("engine", "the device does not say its SNMPv3 engine id")
        if self.engine is None or self.engine.id != envelope.engine:
            # Its clock is a guess to begin with: the first authentic message puts it right.
            self.engine = Engine(envelope.engine, envelope.boots, envelope.time, now, proven=False)


def _report(part: Scoped) -> str:
    """What fault the report tells."""
    reader = Reader(part.pdu)
    end = ber.enter(reader, message.REPORT)
    for _ in range(3):
        ber.integer(reader)
    binds = message.varbinds(reader)
    ber.leave(reader, end)
    kind = v3.REPORTS.get(binds[0].oid) if binds else None
    if kind is None:
        raise DecodeError("report", "the device reports a fault that nobody knows")
    return kind
