"""Which networks belong to which cloud provider: the files in which providers publish them, read by their shape.

AWS ip-ranges.json, Azure ServiceTags, Google cloud.json and goog.json, Microsoft 365 endpoints, Salesforce ip-ranges.json,
Oracle public_ip_ranges.json, Cloudflare's API answer, and plain lists of networks with one a line ("#" begins a remark).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from typing import Any

import msgspec

from protocols.errors import DecodeError

MOST = 200_000  # networks of a file
Rows = list[dict[str, Any]]


def read(data: bytes, name: str = "") -> dict[str, list[str]]:
    """Provider -> networks (CIDR, sorted, each once) of a file. `name`: the provider of a plain list; else what its format says.

    Raises DecodeError: cloud.
    """
    try:
        found = _json(data) if data.lstrip()[:1] in (b"{", b"[") else {name: _plain(data)}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError("cloud", f"this is no list of networks that is known here ({error})") from None
    if name:
        found = {name: [network for networks in found.values() for network in networks]}
    if "" in found:
        raise DecodeError("cloud", "a plain list does not say whose networks these are: write NAME=FILE")
    try:
        clean = {provider: _clean(networks) for provider, networks in found.items()}
    except ValueError as error:
        raise DecodeError("cloud", f"{error}") from None
    if not any(clean.values()):
        raise DecodeError("cloud", "there is no network in it")
    return clean


def _clean(networks: Iterable[str]) -> list[str]:
    found = {ip_network(network.strip(), strict=False) for network in networks}
    if len(found) > MOST:
        raise ValueError(f"more than {MOST} networks")
    if any(network.prefixlen < 3 for network in found):
        raise ValueError("a network of more than an eighth of all addresses belongs to no provider")
    return [
        str(network)
        for network in sorted(found, key=lambda network: (network.version, int(network.network_address), network.prefixlen))
    ]


def _plain(data: bytes) -> list[str]:
    lines = (line.partition("#")[0].replace(",", " ") for line in data.decode().splitlines())
    return [word for line in lines for word in line.split()]


def _json(data: bytes) -> dict[str, list[str]]:
    whole = msgspec.json.decode(data)
    for known in _FORMATS:
        found = known(whole)
        if found is not None:
            return found
    raise ValueError("its keys are those of no provider")


def _texts(rows: Rows, *keys: str) -> Iterator[str]:
    """The networks under any of `keys`, whether they are one text or a list of them."""
    for row in rows:
        for key in keys:
            value = row.get(key)
            if isinstance(value, str):
                yield value
            elif value is not None:
                yield from (str(each) for each in value)


def _microsoft_365(whole: Any) -> dict[str, list[str]] | None:
    if not isinstance(whole, list) or not any("serviceArea" in row for row in whole):
        return None
    return {"Microsoft 365": list(_texts(whole, "ips"))}


def _azure(whole: Any) -> dict[str, list[str]] | None:
    if "values" not in whole:
        return None
    return {"Azure": list(_texts([row["properties"] for row in whole["values"]], "addressPrefixes"))}


def _oracle(whole: Any) -> dict[str, list[str]] | None:
    if "regions" not in whole:
        return None
    return {"Oracle Cloud": [row["cidr"] for region in whole["regions"] for row in region["cidrs"]]}


def _cloudflare(whole: Any) -> dict[str, list[str]] | None:
    if "result" not in whole:
        return None
    return {"Cloudflare": list(_texts([whole["result"]], "ipv4_cidrs", "ipv6_cidrs"))}


def _google(whole: Any) -> dict[str, list[str]] | None:
    rows = whole["prefixes"]
    if not any("ipv4Prefix" in row or "ipv6Prefix" in row for row in rows):
        return None
    name = "Google Cloud" if any(row.get("service") == "Google Cloud" for row in rows) else "Google"
    return {name: list(_texts(rows, "ipv4Prefix", "ipv6Prefix"))}


def _salesforce(whole: Any) -> dict[str, list[str]] | None:
    rows = whole["prefixes"]
    if not any("provider" in row for row in rows):
        return None
    return {"Salesforce": list(_texts(rows, "ip_prefix", "ipv6_prefix"))}


def _aws(whole: Any) -> dict[str, list[str]] | None:
    return {"AWS": [*_texts(whole["prefixes"], "ip_prefix"), *_texts(whole.get("ipv6_prefixes", []), "ipv6_prefix")]}


_FORMATS: tuple[Callable[[Any], dict[str, list[str]] | None], ...] = (
    _microsoft_365,
    _azure,
    _oracle,
    _cloudflare,
    _google,
    _salesforce,
    _aws,
)
