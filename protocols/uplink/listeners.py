"""What an agent hears rather than asks: sensors of an element whose device sends by itself, matched by the sender's address."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=255)]
Number = Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]
Network = Annotated[str, Meta(max_length=49)]  # CIDR, IPv4 or IPv6


class Flow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="flow"):
    """NetFlow v5 and v9, IPFIX and sFlow v5 of an exporter: the target's address, or one of `senders`."""

    number: Number
    interval: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    senders: tuple[Network, ...] = ()
    sampling: Annotated[int, Meta(ge=0, le=1 << 24)] = 0  # 1 in N where the exporter does not say; 0 = not sampled
    inside: tuple[Network, ...] = ()  # the customer's own networks: what is remote is the other end


class Trap(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="trap"):
    """SNMP traps and informs: v1 and v2c with `community` (empty = any), v3 only as `user`."""

    number: Number
    interval: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    senders: tuple[Network, ...] = ()
    community: Text = ""
    user: Text = ""
    auth: Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = ""
    auth_secret: Text = ""
    priv: Literal["", "des", "aes128", "aes192", "aes256", "aes192c", "aes256c"] = ""
    priv_secret: Text = ""


class Syslog(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="syslog"):
    """Syslog lines, RFC 5424 and 3164, over UDP and TCP."""

    number: Number
    interval: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    senders: tuple[Network, ...] = ()


class Radius(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="radius"):
    """RADIUS accounting (RFC 2866) of a NAS: the target's address, or clients within `senders`."""

    number: Number
    secret: Annotated[str, Meta(min_length=1, max_length=255)]
    interval: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    senders: tuple[Network, ...] = ()
