"""A GET by pysnmp in a process of its own, for it leaves sockets open: python -m tests.agent.pysnmp_reader HOST PORT < questions.

Questions: {"names": […], "accesses": [{"community": …} | {"auth": …, "priv": …}]}. For each access a line: {name: [tag, value]}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from typing import Any

with warnings.catch_warnings():  # it uses names of pysmi that pysmi has given up
    warnings.simplefilter("ignore", DeprecationWarning)
    from pysnmp.hlapi.v3arch import asyncio as pysnmp

from tests.fakes import snmp_users

AUTHS = {
    "": pysnmp.USM_AUTH_NONE,
    "md5": pysnmp.USM_AUTH_HMAC96_MD5,
    "sha1": pysnmp.USM_AUTH_HMAC96_SHA,
    "sha224": pysnmp.USM_AUTH_HMAC128_SHA224,
    "sha256": pysnmp.USM_AUTH_HMAC192_SHA256,
    "sha384": pysnmp.USM_AUTH_HMAC256_SHA384,
    "sha512": pysnmp.USM_AUTH_HMAC384_SHA512,
}
PRIVS = {
    "": pysnmp.USM_PRIV_NONE,
    "des": pysnmp.USM_PRIV_CBC56_DES,
    "aes128": pysnmp.USM_PRIV_CFB128_AES,
    "aes192": pysnmp.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "aes256": pysnmp.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "aes192c": pysnmp.USM_PRIV_CFB192_AES,
    "aes256c": pysnmp.USM_PRIV_CFB256_AES,
}


def access(asked: dict[str, str]) -> Any:
    """Who asks, in pysnmp's words."""
    if "community" in asked:
        return pysnmp.CommunityData(asked["community"], mpModel=1)
    auth, priv = asked["auth"], asked["priv"]
    secrets = {"authKey": snmp_users.AUTH_SECRET} if auth else {}
    secrets |= {"privKey": snmp_users.PRIV_SECRET} if priv else {}
    return pysnmp.UsmUserData(snmp_users.name_of(auth, priv), authProtocol=AUTHS[auth], privProtocol=PRIVS[priv], **secrets)


async def said(host: str, port: int, names: list[str], who: Any) -> dict[str, tuple[int, Any]]:
    """Dotted name -> (BER tag, value); octets in hexadecimal, object identifiers dotted."""
    where = await pysnmp.UdpTransportTarget.create((host, port), timeout=5, retries=0)
    asked = [pysnmp.ObjectType(pysnmp.ObjectIdentity(name)) for name in names]
    fault, status, _, binds = await pysnmp.get_cmd(pysnmp.SnmpEngine(), who, where, pysnmp.ContextData(), *asked, lookupMib=False)
    if fault or status:
        raise SystemExit(f"pysnmp: {fault or status}")
    found: dict[str, tuple[int, Any]] = {}
    for name, value in binds:
        (tag,) = value.tagSet.superTags[-1:]
        number = tag.tagClass | tag.tagId
        found[str(name)] = number, str(value) if number == 6 else value.asOctets().hex() if number in {4, 64} else int(value)
    return found


def main() -> None:
    """The command."""
    questions = json.load(sys.stdin)
    for asked in questions["accesses"]:
        print(json.dumps(asyncio.run(said(sys.argv[1], int(sys.argv[2]), questions["names"], access(asked)))))


if __name__ == "__main__":
    main()
