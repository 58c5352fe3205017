"""One user at one SNMPv3 engine over time: discovery, clock, digest and encryption, without I/O (RFC 3414 sections 3 and 4)."""

from __future__ import annotations

from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.snmp import ber, forms, message, usm, v3
from protocols.snmp.forms import Form, Read
from protocols.snmp.keyed import Cfb, Mac
from protocols.snmp.request import Request
from protocols.snmp.usm import Keys, User
from protocols.snmp.v3 import Envelope, Scoped
from protocols.wire import Reader

WINDOW = 150  # seconds (RFC 3414 section 2.2.3)
_FORMS = 64  # of requests, and of answers, that are kept
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


class Own(NamedTuple):
    """What the user has at one engine."""

    engine: bytes
    keys: Keys
    mac: Mac | None
    cipher: Cfb | None


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
        self._forms: dict[int, tuple[Request, Form]] = {}
        self._reads: dict[int, Read] = {}  # by size: how answers were laid out that were read with care
        self._own: Own | None = None

    def datagram(self, request: Request, number: int, now: float) -> bytes:
        """`request` as message `number` (msgID and request-id), or the question who the engine is."""
        engine = self.engine
        if engine is None:
            empty = Scoped(b"", b"", _DISCOVERY)
            return v3.encode(Envelope(number, v3.REPORTABLE, b"", 0, 0, b"", b"", 0, b"", v3.encode_scoped(empty)))[0]
        own = self._at(engine.id)
        clock = engine.clock(now)
        asked, form = self._forms.get(id(request), (None, None))
        if form is None or asked is not request or (form.boots, form.width) != (clock[0], forms.time_width(clock[1])):
            form = self._form(request, own, clock)
        mid = number.to_bytes(4, "big")
        body, salt = form.scoped[0] + mid + form.scoped[1], b""
        if self.user.priv:
            self._salt = (self._salt + 1) & 0xFFFF_FFFF_FFFF_FFFF
            body, salt = usm.encrypt(self.user, own.keys.priv, body, clock, self._salt, own.cipher)
        head = form.before + mid + form.middle + clock[1].to_bytes(form.width, "big") + form.after
        tail = form.behind + salt + form.last + body
        return head + tail if own.mac is None else head + own.mac.of(head + own.mac.zeros + tail) + tail

    def _at(self, engine: bytes) -> Own:
        """What the user has at `engine`, made once."""
        own = self._own
        if own is None or own.engine != engine:
            user, keys = self.user, usm.keys(self.user, engine)
            self._forms.clear()
            self._reads.clear()
            cipher = Cfb(keys.priv) if user.priv and user.priv != "des" else None
            self._own = own = Own(engine, keys, usm.mac(user.auth, keys.auth) if user.auth else None, cipher)
        return own

    def _form(self, request: Request, own: Own, clock: tuple[int, int]) -> Form:
        """The form of all messages with `request`, until the engine's clock takes more bytes or it boots."""
        user, number = self.user, 1 << 30
        whole = v3.encode_scoped(Scoped(own.engine, self.context, request.datagram(number)))
        at = len(whole) - len(request.tail)
        body, salt = usm.encrypt(user, own.keys.priv, whole, clock, 0, own.cipher) if user.priv else (whole, b"")
        digest = bytes(usm.DIGESTS[user.auth]) if user.auth else b""
        said = Envelope(number, v3.REPORTABLE | user.flags, own.engine, *clock, user.name, digest, 0, salt, body)
        form = forms.form(said, (whole[: at - 4], whole[at:]))
        if len(self._forms) >= _FORMS:
            self._forms.clear()
        self._forms[id(request)] = (request, form)
        return form

    def pdu(self, number: int, data: bytes, now: float) -> bytes | None:
        """The response PDU in `data`, proven and decrypted; None = something was learnt about the engine: ask again.

        Raises DecodeError: a key of WORDS, and what v3.decode raises.
        """
        read = self._reads.get(len(data))
        if read is not None and (found := self._usual(read, number, data, now)) is not None:
            return found
        envelope = v3.decode(data)
        if envelope.number != number:
            raise DecodeError("request_id", "the answer belongs to another request")
        if not envelope.flags & v3.AUTHENTICATED and (self.user.auth or self.engine is None):
            self._unproven(envelope, now)
            return None
        engine = self._prove(envelope, data, now)
        plain = self._plain(envelope)
        part = self._scoped(plain, envelope)
        if part.pdu[:1] == bytes((message.REPORT,)):
            self._reported(part, envelope, engine)
            return None
        if envelope.flags & 3 != self.user.flags:
            raise DecodeError("unauthenticated", WORDS["unauthenticated"])
        if part.engine != engine.id or part.context != self.context:
            raise DecodeError("context", "the answer is about another SNMPv3 context")
        self._learn(data, envelope, plain, part)
        return part.pdu

    def _learn(self, data: bytes, envelope: Envelope, plain: bytes, part: Scoped) -> None:
        at = plain.find(part.pdu)
        if self.user.auth and (read := forms.read_of(data, envelope, (plain[:at], at + len(part.pdu)))):
            if len(self._reads) >= _FORMS:
                self._reads.clear()
            self._reads[len(data)] = read

    def _usual(self, read: Read, number: int, data: bytes, now: float) -> bytes | None:
        """As `pdu`, of an answer that is laid out like one that was believed; None if it is not, or tells no values."""
        own, engine = self._own, self.engine
        if own is None or own.mac is None or engine is None or own.engine != engine.id:
            return None
        time = int.from_bytes(data[read.time_at : read.time_end], "big", signed=True)
        if time < 0 or not forms.is_like(data, read, number.to_bytes(4, "big")):
            return None
        if not own.mac.proves(data, read.digest_at):
            raise DecodeError("digest", WORDS["digest"])
        self._move(engine, read.boots, time, now)
        plain = data[read.body_at :]
        if self.user.priv:
            field = data[read.digest_end + 2 : read.salt_end]
            plain = usm.decrypt(self.user, own.keys.priv, plain, (read.boots, time), field, own.cipher)
        if not plain.startswith(read.head):
            return None
        pdu = plain[len(read.head) : read.pdu_end]
        return pdu if pdu[0] == message.RESPONSE else None

    def _prove(self, envelope: Envelope, data: bytes, now: float) -> Engine:
        """The engine, its clock moved on, after the digest and the time of `envelope` were found good."""
        engine = self.engine
        if engine is None or envelope.engine != engine.id or envelope.user != self.user.name:
            raise DecodeError("engine", "the answer is from another SNMPv3 engine or for another user")
        mac = self._at(engine.id).mac
        if mac is None:
            return engine
        if len(envelope.digest) != mac.size or not mac.proves(data, envelope.digest_at):
            raise DecodeError("digest", WORDS["digest"])
        return self._move(engine, envelope.boots, envelope.time, now)

    def _move(self, engine: Engine, boots: int, time: int, now: float) -> Engine:
        """The engine after an authentic message of that time. Raises DecodeError: late."""
        last, least = engine.clock(now)
        if engine.proven and (last == LAST_BOOT or boots < last or (boots == last and time < least - WINDOW)):
            raise DecodeError("late", WORDS["late"])
        # RFC 3414 section 3.2 step 7 b: only what is newer than all before moves our idea of its clock.
        if not engine.proven or (boots, time) > (engine.boots, engine.time):
            self.engine = engine = Engine(engine.id, boots, time, now, proven=True)
        return engine

    def _plain(self, envelope: Envelope) -> bytes:
        """The scoped PDU in `envelope`, decrypted."""
        if not envelope.flags & v3.ENCRYPTED:
            return envelope.body
        if not self.user.priv:
            raise DecodeError("decryption", "the answer is encrypted, the question was not")
        own = self._at(envelope.engine)
        return usm.decrypt(self.user, own.keys.priv, envelope.body, (envelope.boots, envelope.time), envelope.salt, own.cipher)

    def _scoped(self, plain: bytes, envelope: Envelope) -> Scoped:
        if not envelope.flags & v3.ENCRYPTED:
            return v3.scoped(plain, padded=False)
        try:
            return v3.scoped(plain, padded=self.user.priv == "des")
        except DecodeError:
            raise DecodeError("decryption", WORDS["decryption"]) from None

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
