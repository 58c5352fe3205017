"""Texts with a form of their own: time zones, addresses, currencies. Each says in words what it wants."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from protocols import dns
from server import instants

_LABEL = re.compile(r"^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$")
_ONLY_DIGITS = re.compile(r"^[0-9.]+$")


def _anything(_text: str) -> bool:
    return True


def _nothing() -> Iterable[str]:
    return ()


class Format(NamedTuple):
    """`accepts` decides about a text whose length and pattern fit already; `known` are the names to suggest from."""

    words: str
    accepts: Callable[[str], bool] = _anything
    known: Callable[[], Iterable[str]] = _nothing


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address or a host name (RFC 1123); what looks like a wrong IPv4 address is none."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        return not _ONLY_DIGITS.match(text) and len(text) <= 253 and all(_LABEL.match(label) for label in labels)
    return True


def is_url(text: str) -> bool:
    """Whether `text` is an address of the web as it is sent: ASCII, with a host, without a user, a blank or a fragment."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = text.isascii() and not any(letter.isspace() for letter in text)
    return (
        plain
        and parts.scheme in {"http", "https"}
        and is_address(host)
        and port != 0
        and "@" not in parts.netloc
        and "#" not in text
    )


def is_network(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address or network (CIDR) without host bits."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_query(text: str) -> bool:
    """Whether `text` is a name that DNS can be asked for."""
    try:
        dns.question(text, "A")
    except ValueError:
        return False
    return True


PLAIN = Format("a text")
FORMATS = {
    "timezone": Format("an IANA time zone such as Europe/Berlin", lambda text: text in _zones(), _zones),
    "address": Format("an IP address or a host name", is_address),
    "country": Format("an ISO 3166 country such as DE"),
    "currency": Format("an ISO 4217 currency such as EUR"),
    "email": Format("an e-mail address"),
    "url": Format("an address such as https://www.example.net/health", is_url),
    "query": Format("a DNS name such as www.example.net", is_query),
    "network": Format("an IP address or a network such as 192.0.2.0/24", is_network),
    "sensor": Format("a text without '/'"),
    "amount": Format("an amount with at most 4 decimals"),
    "instant": Format("an instant with its offset such as 2025-03-31T08:00:00Z", lambda text: instants.parse(text) is not None),
}
