"""The answering side of SNMPv3 for simulated devices: discovery reports, one user, authenticated and encrypted (RFC 3414)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid, usm, v3
from protocols.snmp.message import Message, VarBind
from protocols.snmp.usm import User
from protocols.snmp.v3 import Envelope, Scoped

WINDOW = 150  # seconds (RFC 3414 section 2.2.3)
_UNKNOWN_ENGINE, _NOT_IN_WINDOW = oid.parse("1.3.6.1.6.3.15.1.1.4.0"), oid.parse("1.3.6.1.6.3.15.1.1.2.0")
_COMMUNITY = ber.number(ber.INTEGER, message.V2C) + ber.element(ber.OCTET_STRING, b"v3")
_salts = itertools.count(1)


class Engine:
    """One engine with one user; `clock` gives (boots, seconds since then), `respond` answers a request without its wrapping."""

    def __init__(
        self, identity: bytes, user: User, clock: Callable[[], tuple[int, int]], respond: Callable[[Message], Message]
    ) -> None:
        self.identity, self.user, self._clock, self._respond = identity, user, clock, respond

    def answer(self, data: bytes) -> bytes | None:
        """The answer to one datagram; None is silence."""
        try:
            asked = v3.decode(data)
            return self._answered(asked, data)
        except DecodeError:
            return None

    def _answered(self, asked: Envelope, data: bytes) -> bytes | None:
        boots, time = self._clock()
        if asked.engine != self.identity:
            return self._report(asked, _UNKNOWN_ENGINE, flags=0)
        secrets = usm.keys(self.user, self.identity)
        flags = self.user.flags
        if asked.user != self.user.name or asked.flags & 3 != flags:
            return None
        if flags and not usm.is_authentic(self.user, secrets.auth, data, asked.digest_at):
            return None
        if flags and (asked.boots != boots or abs(asked.time - time) > WINDOW):
            return self._report(asked, _NOT_IN_WINDOW, flags=flags & v3.AUTHENTICATED)
        plain = asked.body
        if flags & v3.ENCRYPTED:
            plain = usm.decrypt(self.user, secrets.priv, asked.body, (asked.boots, asked.time), asked.salt)
        part = v3.scoped(plain, padded=bool(flags & v3.ENCRYPTED))
        request = message.decode(ber.element(ber.SEQUENCE, _COMMUNITY + part.pdu))
        return self._send(asked, _pdu(self._respond(request)), part.context, flags)

    def _report(self, asked: Envelope, what: bytes, *, flags: int) -> bytes:
        said = Message(message.V2C, b"v3", message.REPORT, 0, 0, 0, (VarBind(what, message.COUNTER32, 1),))
        return self._send(asked, _pdu(said), b"", flags)

    def _send(self, asked: Envelope, pdu: bytes, context: bytes, flags: int) -> bytes:
        boots, time = self._clock()
        secrets = usm.keys(self.user, self.identity)
        body, salt = v3.encode_scoped(Scoped(self.identity, context, pdu)), b""
        if flags & v3.ENCRYPTED:
            body, salt = usm.encrypt(self.user, secrets.priv, body, (boots, time), next(_salts))
        blank = bytes(usm.DIGESTS[self.user.auth]) if flags & v3.AUTHENTICATED else b""
        name = self.user.name if flags else b""
        data, at = v3.encode(Envelope(asked.number, flags, self.identity, boots, time, name, blank, 0, salt, body))
        if blank:
            data = data[:at] + usm.digest(self.user, secrets.auth, data) + data[at + len(blank) :]
        return data


def _pdu(said: Message) -> bytes:
    """The PDU alone, out of a message of v2c."""
    whole = message.encode(said._replace(version=message.V2C, community=b"v3"))
    return whole[whole.index(_COMMUNITY) + len(_COMMUNITY) :]
