"""The files in which cloud providers publish their networks, in exactly their formats but small."""

from __future__ import annotations

import json

import pytest

from protocols import cloud
from protocols.errors import DecodeError

AWS = {
    "syncToken": "1750000000", "createDate": "2025-06-15-15-06-40",
    "prefixes": [
        {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "AMAZON", "network_border_group": "ap-northeast-2"},
        {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "S3", "network_border_group": "ap-northeast-2"},
    ],
    "ipv6_prefixes": [{"ipv6_prefix": "2600:1ff0::/40", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1"}],
}  # fmt: skip
AZURE = {
    "changeNumber": 300, "cloud": "Public",
    "values": [
        {"name": "ActionGroup", "id": "ActionGroup", "properties": {
            "changeNumber": 40, "region": "", "regionId": 0, "platform": "Azure", "systemService": "ActionGroup",
            "addressPrefixes": ["4.145.74.52/30", "2603:1000:4:402::178/125"], "networkFeatures": ["API"]}},
        {"name": "AzureCloud", "id": "AzureCloud", "properties": {
            "changeNumber": 1, "region": "", "regionId": 0, "platform": "Azure", "systemService": "",
            "addressPrefixes": ["13.64.0.0/16"], "networkFeatures": ["API", "NSG"]}},
    ],
}  # fmt: skip
GOOGLE = {
    "syncToken": "1750000000000", "creationTime": "2025-06-15T08:00:00.0",
    "prefixes": [{"ipv4Prefix": "34.1.208.0/20", "service": "Google Cloud", "scope": "africa-south1"},
                 {"ipv6Prefix": "2600:1900:8000::/44", "service": "Google Cloud", "scope": "africa-south1"}],
}  # fmt: skip
GOOG = {"syncToken": "1", "creationTime": "2025-06-15T08:00:00.0", "prefixes": [{"ipv4Prefix": "8.8.4.0/24"}]}
MICROSOFT = [
    {"id": 1, "serviceArea": "Exchange", "serviceAreaDisplayName": "Exchange Online", "urls": ["outlook.office.com"],
     "ips": ["13.107.6.152/31", "2603:1006::/40"], "tcpPorts": "80,443", "expressRoute": True, "category": "Optimize", "required": True},
    {"id": 11, "serviceArea": "Skype", "ips": ["52.112.0.0/14"], "udpPorts": "3478-3481", "category": "Optimize", "required": True},
    {"id": 27, "serviceArea": "Common", "urls": ["*.hip.live.com"], "tcpPorts": "443", "category": "Default", "required": False},
]  # fmt: skip
SALESFORCE = {
    "createDate": "2025-06-15-15-06-40",
    "prefixes": [{"provider": "aws", "region": "ap-northeast-1", "ip_prefix": ["13.228.64.90/31", "13.228.64.92/31"]}],
}
ORACLE = {
    "last_updated_timestamp": "2025-06-15T15:00:00.000000",
    "regions": [{"region": "eu-stockholm-1", "cidrs": [{"cidr": "129.151.192.0/19", "tags": ["OCI"]}, {"cidr": "134.70.24.0/21", "tags": ["OSN"]}]}],
}  # fmt: skip
CLOUDFLARE = {
    "result": {"ipv4_cidrs": ["173.245.48.0/20"], "ipv6_cidrs": ["2400:cb00::/32"], "etag": "x"}, "success": True, "errors": [], "messages": []
}  # fmt: skip


@pytest.mark.parametrize(
    ("published", "provider", "networks"),
    [
        (AWS, "AWS", ["3.5.140.0/22", "2600:1ff0::/40"]),
        (AZURE, "Azure", ["4.145.74.52/30", "13.64.0.0/16", "2603:1000:4:402::178/125"]),
        (GOOGLE, "Google Cloud", ["34.1.208.0/20", "2600:1900:8000::/44"]),
        (GOOG, "Google", ["8.8.4.0/24"]),
        (MICROSOFT, "Microsoft 365", ["13.107.6.152/31", "52.112.0.0/14", "2603:1006::/40"]),
        (SALESFORCE, "Salesforce", ["13.228.64.90/31", "13.228.64.92/31"]),
        (ORACLE, "Oracle Cloud", ["129.151.192.0/19", "134.70.24.0/21"]),
        (CLOUDFLARE, "Cloudflare", ["173.245.48.0/20", "2400:cb00::/32"]),
    ],
)
def test_what_a_provider_publishes_is_read(published: object, provider: str, networks: list[str]) -> None:
    assert cloud.read(json.dumps(published).encode()) == {provider: networks}


def test_a_plain_list_needs_a_name() -> None:
    text = b"# ours\n192.0.2.0/24\n\n2001:db8::/32  # and this\n198.51.100.7\n"
    assert cloud.read(text, "Us") == {"Us": ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"]}
    with pytest.raises(DecodeError, match="NAME=FILE"):
        cloud.read(text)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"[1]", b'{"prefixes": 5}', b'{"values": [{}]}', b'{"regions": [{"cidrs": [1]}]}', b"\xff\xfe", b"hello",
     b'{"prefixes": [{"ip_prefix": "0.0.0.0/0"}]}', b'{"prefixes": [{"ip_prefix": "300.0.0.0/8"}]}', b"[" * 100_000,
     b'{"result": null}', b'{"prefixes": []}'],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(DecodeError) as refused:
        cloud.read(data, "Us" if data == b"hello" else "")
    assert refused.value.kind == "cloud"
