"""The demo's inventory: customers.yaml with the elements of devices.yaml, as it is on a day, in the shape `inventory apply` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.fakes.devices import Device

HERE = Path(__file__).parent
# What a device of a kind costs the provider a month, in the currency of its site.
COSTS = {
    "router": "18.50",
    "switch": "24.00",
    "firewall": "39.00",
    "controller": "46.00",
    "access point": "6.00",
    "server": "58.00",
    "ups": "11.00",
    "cable modem": "4.50",
    "voice gateway": "9.00",
}
CURRENCY = {"hamburg": "EUR", "newark": "USD"}
INTERVAL, INTERVAL_OF_VICTIMS = "15s", "5s"
# An element's own thresholds: callers notice a delay long before a web page's visitors would.
THRESHOLDS = {"voice gateway": {"response_time": {"raise": 0.2, "clear": 0.15}}}


def compose(devices: Sequence[Device], ports: Mapping[str, int], victims: Sequence[str], day: int) -> str:
    """The inventory `day` days from the demo's birth on, as YAML; secrets are named, not told."""
    document = yaml.safe_load((HERE / "customers.yaml").read_text(encoding="utf-8"))
    prices = {each["id"]: each for each in document["price_book_entries"]}
    there = [device for device in devices if device.from_day <= day]
    document["elements"] = [element for device in there for element in _elements(device, ports[device.name], victims)]
    document["services"] = [
        _service(each, prices[each["price_book_entry"]]) for each in document["services"] if each.get("from_day", day) <= day
    ]
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


def _elements(device: Device, port: int, victims: Sequence[str]) -> list[dict[str, Any]]:
    interval = INTERVAL_OF_VICTIMS if device.name in victims else INTERVAL
    sensor: dict[str, Any] = {"kind": "snmp", "port": port, "interval": interval, "timeout": "800ms", "retries": 1}
    if device.v3:
        sensor |= {"version": "3", "user": "lineside", "auth": "sha256", "auth_secret": "env:LINESIDE_DEMO_AUTH"}
        sensor |= {"priv": "aes128", "priv_secret": "env:LINESIDE_DEMO_PRIV"}
    else:
        sensor["community"] = "env:LINESIDE_DEMO_COMMUNITY"
    sensors = [sensor]
    if device.kind == "voice gateway":
        url = f"http://{device.address}:{port}/status"
        sensors.append({"kind": "http", "name": "sip portal", "url": url, "interval": interval, "expect": "registered"})
    whole: dict[str, Any] = {
        "id": device.name,
        "name": device.name,
        "kind": device.kind,
        "site": device.site,
        "address": device.address,
        "cost": f"{COSTS[device.kind]} {CURRENCY[device.site]}",
        "sensors": sensors,
    }
    if device.kind in THRESHOLDS:
        whole["thresholds"] = THRESHOLDS[device.kind]
    lines = [
        {
            "id": f"{device.name}.{line.name}",
            "name": f"{device.name} {line.name}",
            "kind": "port",
            "device": device.name,
            "port": line.name,
        }
        for line in device.lines
    ]
    return [whole, *lines]


def _service(raw: Mapping[str, Any], price: Mapping[str, Any]) -> dict[str, Any]:
    """A service as the inventory writes it; `along` is its path, each element behind the one before."""
    service = {name: value for name, value in raw.items() if name not in {"from_day", "along", "degrading", "one_of", "meter"}}
    service |= {"product": price["product"], "mrr": price["mrc"]}
    placed: list[dict[str, Any]] = []
    for element in raw.get("along", ()):
        placed.append({"element": element} | ({"parent": placed[-1]["element"]} if placed else {}))
    last = placed[-1]["element"] if placed else None
    if "one_of" in raw:
        group = raw["one_of"]
        service["groups"] = [{"name": group["name"], "k": 1}]
        placed += [{"element": each, "parent": last, "group": group["name"]} for each in group["elements"]]
    placed += [{"element": each, "criticality": "degrading"} for each in raw.get("degrading", ())]
    for each in placed:
        if each["element"] == raw.get("meter"):
            each["meter"] = _meter(each["element"])
    return service | {"elements": placed}


def _meter(element: str) -> dict[str, str]:
    """What goes out of a port to the customer is its download; what a server or modem takes in comes from the network."""
    network = element.endswith((".eth0", ".cable0", ".wan1"))
    return {"metric": "if.in", "facing": "network"} if network else {"metric": "if.out", "facing": "customer"}
