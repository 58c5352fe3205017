"""Every fault of an inventory file is a sentence with its line, and all of them are said at once."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.inventory import nodes, shape
from server.inventory.document import LISTS, Document, Money
from server.inventory.intent import Current, decide
from server.inventory.nodes import UnreadableError, from_json, from_yaml
from server.inventory.reader import read, resolver
from tests.server.inventories import COMMUNITY, DEMO, SMALL, body, demo, reading

NOTHING_STORED = {name: {} for name in LISTS}


def faults(text, stored=None):
    """The faults without the file's name."""
    return [fault.removeprefix("inventory.yaml:") for fault in reading(text, stored).faults]


ONE_FAULT = {
    "sites: [{id: a, name: A, adress: x}]": "1: unknown key 'adress' in a site",
    "elements:\n- id: a\n  name: A\n  adress: 192.0.2.1\n": "4: unknown key 'adress' in an element: did you mean 'address'?",
    "acounts: []": "1: unknown key 'acounts' at the top of the inventory: did you mean 'accounts'?",
    "accounts: x": "1: 'accounts' is a list of accounts, not 'x'",
    "- a\n- b": "1: an inventory is a mapping of lists such as account_managers, accounts, locations, not a list",
    "prune: maybe": "1: 'prune' is true or false, not 'maybe'",
    "sites: [{id: a}]": "1: a site needs the key 'name'",
    "sites: [{id: '', name: A}]": "1: 'id' is a text of 1 to 255 characters, not ''",
    'sites: [{id: a, name: "A\\tB"}]': "1: 'name' is a text of one line, without control characters, not 'A\\tB'",
    "sites:\n- id: a\n  name: A\n- id: a\n  name: B\n": "4: a site with the id 'a' stands here already",
    "sites:\n- id: a\n  name: A\n  name: B\n": "4: the key 'name' stands here a second time (first on line 3)",
    "sites: [{id: a, name: [A]}]": "1: 'name' is a text, not a list",
    "sites: [{id: a, name: A, timezone: Europe/Berln}]": (
        "1: 'timezone' is an IANA time zone such as Europe/Berlin, not 'Europe/Berln': did you mean 'Europe/Berlin'?"
    ),
    "sites: [{id: a, name: A, country: Germany}]": "1: 'country' is an ISO 3166 country such as DE, not 'Germany'",
    "account_managers: [{id: a, name: A, email: hanna}]": "1: 'email' is an e-mail address, not 'hanna'",
    "elements: [{id: a, name: A, address: 10.0.0.300}]": "1: 'address' is an IP address or a host name, not '10.0.0.300'",
    "elements: [{id: a, name: A, address: 'a b'}]": "1: 'address' is an IP address or a host name, not 'a b'",
    "elements: [{id: a, name: A, cost: 12.50}]": (
        "1: 'cost' is an amount and its currency, such as 49.90 EUR, not '12.50'"
    ),
    "elements: [{id: a, name: A, cost: {amount: 1.23456, currency: EUR}}]": (
        "1: 'amount' is an amount with at most 4 decimals, not '1.23456'"
    ),
    "products: [{id: a, name: A, down_bps: 100 MB/s}]": (
        "1: 'down_bps' is a whole number in bit/s from 1 to 9007199254740992 (or written like 100 Mbit/s), not '100 MB/s'"
    ),
    "products: [{id: a, name: A, vcpu: 2.5}]": "1: 'vcpu' is a whole number from 1 to 1000000000, not '2.5'",
    "products: [{id: a, name: A, sla_percent: 101 %}]": (
        "1: 'sla_percent' is a number in % from 0 to 100 (or written like 99.9 %), not '101 %'"
    ),
    "products: [{id: a, name: A, down_bps: 2 Mbit/s, down_burst_bps: 1 Mbit/s}]": "1: 'down_burst_bps' is less than 'down_bps'",
    "products: [{id: a, name: A, maintenance_policy: excluded}]": (
        "1: 'maintenance_policy' is one of exclude, honor_up, ignore, not 'excluded': did you mean 'exclude'?"
    ),
    "services: [{id: a, name: A, account: b, product: c, fulfilment_status: in service}]": (
        "1: 'fulfilment_status' is one of Canceled By User, Canceled For Non-Pay, Expired, In Service, New, Order Canceled, "
        "Suspended For Non-Pay, not 'in service': did you mean 'In Service'?"
    ),
    "services: [{id: a, name: A, account: b, product: c, service_start: 31.3.2025}]": (
        "1: 'service_start' is a date such as 2025-03-31, not '31.3.2025'"
    ),
    "services: [{id: a, name: A, account: b, product: c, service_start: 2025-02-30}]": (
        "1: 'service_start' is a date such as 2025-03-31, not '2025-02-30'"
    ),
    "services: [{id: a, name: A, account: b, product: c, service_start: 2025-02-03, term_end: 2025-02-02}]": (
        "1: 'term_end' 2025-02-02 is before 'service_start' 2025-02-03"
    ),
    "services: [{id: a, name: A, account: b, product: c, mrr: 1 EUR, commission: 1 USD}]": (
        "1: 'commission' is in USD, but the service's 'mrr' is in EUR"
    ),
    "services: [{id: a, name: A, account: b, product: c, replaced_with: a}]": "1: services are replaced in a circle: a -> a",
    "services: [{id: a, name: A, account: b, product: c}, {id: d, name: A, account: b, product: c}]": (
        "1: service 'a' has the name 'A' already; names of services are unique"
    ),
    "services: [{id: a, name: A, account: b, product: c, elements: [{element: e, role: r}]}]": (
        "1: 'r' is a role of no template: give the service a 'template'"
    ),
    "locations: [{id: a, name: A, account: b, latitude: 1}]": "1: location 'a' needs both 'latitude' and 'longitude', or neither",
    "locations: [{id: a, name: A, account: b, latitude: 91, longitude: 0}]": "1: 'latitude' is a number from -90 to 90, not '91'",
}  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), ONE_FAULT.items(), ids=range(len(ONE_FAULT)))
def test_a_fault_is_a_sentence_with_its_line(text, fault):
    assert faults(text) == [fault]


ELEMENTS = {
    "{id: a, name: A, port: ge1}": "port 'ge1' needs a 'device': the element whose port it is",
    "{id: a, name: A, device: b}": "element 'a' names a 'device' but not the 'port' (its ifName)",
    "{id: a, name: A, device: a, port: ge1}": "element 'a' cannot be its own device",
    "{id: a, name: A, address: 192.0.2.1}": "element 'a' needs a 'site': the agent there polls it",
    "{id: a, name: A, sensors: [{kind: ping}]}": "element 'a' has sensors but no 'address' to ask; element 'a' needs a 'site': the "
    "agent there polls it",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: pong}]}": "'kind' is one of dns, flow, http, ping, port, radius, snmp, syslog, tcp, trap, not 'pong': did you "
    "mean 'ping'?",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: tcp}]}": "a tcp sensor needs the 'port' it shall connect to",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: ping, port: 80}]}": "a ping sensor has no 'port'; only tcp, dns or snmp has",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: ping, interval: 0.5s}]}": "'interval' is a number in s from 1 to 86400 "
    "(or written like 60s, 5m or 1h), not '0.5s'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: ping, count: 50, spacing: 1s}]}": "",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: ping, count: 50, spacing: 1s, interval: 30}]}": "the requests of one "
    "poll take up to 50 s, longer than the interval of 30 s",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: ping, timeout: 50ms, count: 100, spacing: 20ms}]}": "",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http}]}": "",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http, url: 'https://[::1]:8443/a?b=c', status: [200, 204]}]}": "",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http, url: www.example.net}]}": "'url' is an address such as "
    "https://www.example.net/health, not 'www.example.net'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http, url: 'http://u:p@x/'}]}": "'url' is an address such as "
    "https://www.example.net/health, not 'http://u:p@x/'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http, url: 'http://x:99999/'}]}": "'url' is an address such as "
    "https://www.example.net/health, not 'http://x:99999/'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http, status: 99}]}": "'status' is a whole number from 100 to 599, not "
    "'99'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http, method: HEAD, expect: ok}]}": "an answer to HEAD has no text to "
    "look into: leave out 'expect', or use GET",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: http, port: 80}]}": "an http sensor has no 'port'; only tcp, dns or "
    "snmp has",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: dns, query: example.net, type: aaaa}]}": "'type' is one of A, AAAA, "
    "CNAME, MX, NS, PTR, SOA, SRV, TXT, not 'aaaa'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: dns}]}": "a dns sensor needs the 'query': the name that the server "
    "shall be asked for",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: dns, query: a..b}]}": "'query' is a DNS name such as www.example.net, "
    "not 'a..b'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: tcp, port: 1, url: 'http://x/'}]}": "a tcp sensor has no 'url'; only "
    "http has",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: ping}, {kind: ping}]}": "element 'a' has two sensors 'ping': give each "
    "a 'name' of its own",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: ping, name: a/b}]}": "'name' is a text without '/', not 'a/b'",
    "{id: a, name: A, sensors: [{kind: port}]}": "element 'a' has a sensor of kind port but is no port of a device",
    "{id: a, name: A, thresholds: {cpu.load: {raise: 90, clear: 90}}}": "the threshold of 'cpu.load' is raised and cleared at the "
    "same value: it would flap",
    "{id: a, name: A, thresholds: {cpu.load: 90}}": "'cpu.load' is a threshold, not '90'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp}]}": "an snmp sensor needs its 'community', as env:NAME or "
    "file:PATH",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, community: public}]}": "'community' is a secret and does not "
    "belong in this file: write env:NAME or file:PATH",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3, user: joe}]}": "",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 1, community: env:COMMUNITY}]}": "",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3, user: joe, auth: sha1, auth_secret: env:COMMUNITY, priv: aes128, priv_secret: env:COMMUNITY}]}": "",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3}]}": "SNMPv3 needs its 'user'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3, user: joe, auth: sha1}]}": "an snmp sensor needs its 'auth_secret', as env:NAME or file:PATH",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3, user: joe, auth: sha1, auth_secret: hush-hush}]}": "'auth_secret' is a secret and does not belong in this file: write env:NAME or file:PATH",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3, user: joe, community: env:COMMUNITY}]}": "SNMPv3 has no community: leave it out",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3, user: joe, priv: des, priv_secret: env:COMMUNITY}]}": "SNMPv3 has no privacy without authentication: give 'auth' and 'auth_secret' too",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, version: 3, user: joe, auth_secret: env:COMMUNITY}]}": "'auth_secret' needs its protocol: 'auth'",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, community: env:COMMUNITY, user: joe}]}": "'user' belongs to SNMPv3: write version: 3, or leave it out",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, community: env:NOPE}]}": "'community' is env:NOPE, but the "
    "environment variable NOPE is not set",
    "{id: a, name: A, site: s, address: x, sensors: [{kind: snmp, community: file:no}]}": "'community' is file:no, but the file "
    "/nonexistent/no cannot be read: No such file or directory",
}  # fmt: skip


@pytest.mark.parametrize(("element", "fault"), ELEMENTS.items(), ids=range(len(ELEMENTS)))
def test_an_element_must_be_reachable_and_its_sensors_complete(element, fault):
    assert "; ".join(text.removeprefix("2: ") for text in faults(f"elements:\n- {element}")) == fault


def test_a_port_is_read_through_a_device_that_is_no_port_and_has_an_snmp_sensor():
    device = "elements:\n- {id: d, name: D, site: s, address: x}\n- {id: p, name: P, device: d, port: ge1}\n"
    assert faults(device) == ["3: port 'ge1' cannot be read: give its device 'd' an snmp sensor"]
    assert faults(SMALL.replace("services:", "  - {id: q, name: Q, device: edge-ge1, port: x}\nservices:")) == [
        "26: 'edge-ge1' is a port itself, not a device"
    ]
    assert faults(SMALL.replace("services:", "  - {id: q, name: Q, device: edge, port: ge1}\nservices:")) == [
        "26: port 'ge1' of 'edge' is element 'edge-ge1' already"
    ]
    assert faults(SMALL.replace("services:", "  - {id: q, name: Q, device: edge, port: ge2, site: x}\nservices:")) == [
        "26: a port stands where its device stands: leave out 'site', or make it 'hq'"
    ]


TREES = {
    "elements: [{element: edge}, {element: edge}]": "service 'S-9' names the element 'edge' twice",
    "elements: [{element: edge, parent: egde}]": "the parent 'egde' of 'edge' is no element of service 'S-9': did you mean 'edge'?",
    "elements: [{element: edge, parent: edge}]": "the parents in service 'S-9' go in a circle: edge -> edge",
    "elements: [{element: edge, parent: [edge-ge1]}, {element: edge-ge1, parent: [edge]}]": (
        "the parents in service 'S-9' go in a circle: edge -> edge-ge1 -> edge"
    ),
    "elements: [{element: edge, group: lines}], groups: [{name: line, k: 0}]": "'k' is a whole number from 1 to 10000, not '0'",
    "elements: [{element: edge, group: lines}], groups: []": "service 'S-9' has no group 'lines'",
    "elements: [{element: edge, group: lines}], groups: [{name: lines, k: 2}]": (
        "group 'lines' of service 'S-9' needs 2 but has 1 member"
    ),
    "elements: [{element: edge, group: l}], groups: [{name: l}, {name: l}]": "service 'S-9' has two groups 'l'",
    "elements: [{element: edge, meter: {metric: if.in}}]": "a meter needs the key 'facing'",
    "elements: [{element: edge, criticality: high}]": "'criticality' is one of degrading, informational, required, not 'high'",
    "add_ons: [{product: net}]": "product 'net' is no add-on: set 'is_add_on: true' on it",
    "add_ons: [{product: extra}, {product: extra}]": "service 'S-9' names the add-on 'extra' twice",
    "add_ons: [{product: extra, start_date: 2025-01-02, end_date: 2025-01-01}]": "the add-on 'extra' ends before it starts",
    "price_book_entry: other": "price book entry 'other' is of product 'extra', not 'net'",
}
EXTRA = """
price_books: [{id: book, name: Book, currency: EUR}]
price_book_entries: [{id: other, price_book: book, product: extra}]
"""


@pytest.mark.parametrize(("tree", "fault"), TREES.items(), ids=range(len(TREES)))
def test_a_service_must_be_a_tree_of_parts_that_were_sold(tree, fault):
    small = SMALL.replace("sites:", "  - {id: extra, name: Extra, is_add_on: true}\nsites:")
    text = f"{small}  - {{id: S-9, name: Nine, account: acme, product: net, {tree}}}\n{EXTRA}"
    assert faults(text, NOTHING_STORED) == [f"37: {fault}"]


def test_an_add_on_is_not_sold_as_a_service_and_prices_are_in_the_books_currency():
    small = SMALL.replace("sites:", "  - {id: extra, name: Extra, is_add_on: true}\nsites:").replace(
        "product: net", "product: extra"
    )
    entries = "price_book_entries: [{id: e, price_book: book, product: extra, mrc: 1 USD, upgrade_path: [{entry: e, price_delta: 1 EUR}]}]"
    assert faults(small + "price_books: [{id: book, name: Book, currency: EUR}]\n" + entries) == [
        "31: product 'extra' is an add-on: it belongs in 'add_ons' of a service",
        "38: 'mrc' is in USD, but price book 'book' is in EUR",
        "38: price book entry 'e' cannot be an upgrade of itself",
    ]


def test_unknown_references_name_the_nearest_that_exists():
    assert faults(SMALL.replace("account: acme", "account: acne").replace("site: hq", "site: qh"), NOTHING_STORED) == [
        "15: there is no site 'qh'",
        "29: there is no account 'acne': did you mean 'acme'?",
    ]


def test_away_from_the_server_a_reference_out_of_the_file_is_left_to_the_server():
    assert faults("services: [{id: a, name: A, account: b, product: c, template: t, elements: [{element: e, role: r}]}]") == []


def test_all_faults_of_a_file_are_said_at_once_in_its_order():
    broken = SMALL.replace("name: Acme", "nam: Acme").replace("100 Mbit/s", "fast").replace("env:COMMUNITY", "env:NOPE")
    assert [fault.split(":")[0] for fault in faults(broken)] == ["3", "4", "8", "20"]


def test_a_file_with_very_many_faults_says_the_first_fifty():
    many = "sites:\n" + "".join(f"- {{id: s{i}, name: S, x{i}: 1}}\n" for i in range(500))
    assert len(faults(many)) == 51
    assert faults(many)[-1] == " and 1 more or not looked for"


UNREADABLE = {
    "sites: [": "2: this is not YAML: while parsing a flow node did not find expected node content",
    "sites: [{id: *b}]": "1: *b is used before &b is complete",
    "sites: &a [*a]": "1: *a is used before &a is complete",
    "sites: !!python/object:os.system {}": "1: tags such as tag:yaml.org,2002:python/object:os.system are not read here",
    "a: 1\n---\nb: 2": "2: a second document (---) starts here; a file holds one",
    "? [a]\n: b": "1: a key is a plain word",
    "a: " + "[" * 20 + "]" * 20: "1: the file is nested more than 16 deep",
    "": "1: the file is empty: nothing was changed",
    "---\n# nothing yet\n": "1: the file is empty: nothing was changed",
    b"a: \xff": "1: this is not YAML: it holds characters that text does not have, or is not UTF-8",
}


@pytest.mark.parametrize(("text", "fault"), UNREADABLE.items(), ids=range(len(UNREADABLE)))
def test_what_is_no_inventory_at_all_is_said_in_a_sentence(text, fault):
    assert faults(text) == [fault]


def test_aliases_work_but_cannot_explode():
    assert reading("sites: [&a {id: a, name: A}, {id: b, name: B}]\nlocations: []\n").faults == []
    assert faults("x: &a {id: a, name: A}\nsites: [*a, *a]") == [
        "1: unknown key 'x' at the top of the inventory",
        "2: a site with the id 'a' stands here already",
    ]
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    assert faults(bomb) == ["7: the file grows to more than 2000000 values: are aliases (*name) repeated too often?"]


def test_a_file_that_is_too_long_is_not_parsed(monkeypatch):
    monkeypatch.setattr(nodes, "MAX_BYTES", 10)
    assert faults("sites: []  # and more") == ["1: the file is longer than 0 MiB"]


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_whatever_the_bytes_are_they_are_read_or_refused(data):
    found = reading(data)
    assert (found.document is None) == bool(found.faults)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LISTS, "id", "name", "sensors", "elements", "mrr"]), inner, max_size=4)
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_whatever_the_json_is_it_is_read_or_refused(value):
    found = []
    shape.read(from_json(msgspec.json.encode(value)), found)
    if not isinstance(value, dict):
        assert found or value is None


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"{" * 9, b'{"a":' + b"[" * 20 + b"]" * 20 + b"}"])
def test_a_body_that_is_no_json_is_refused(body):
    with pytest.raises(UnreadableError):
        from_json(body)


def test_json_says_numbers_and_money_plainly_and_nothing_else():
    found = []
    text = b'{"products": [{"id": "a", "name": "A", "down_bps": "100 Mbit/s"}, {"id": 1, "name": "B", "is_add_on": "yes"}]}'
    shape.read(from_json(text), found)
    assert [fault.message.split(",")[0] for fault in found] == [
        "'down_bps' is a whole number in bit/s from 1 to 9007199254740992",
        "'id' is a text",
        "'is_add_on' is true or false",
    ]


def test_the_demos_inventory_has_no_faults_even_where_nothing_else_exists():
    found = reading(demo(), NOTHING_STORED)
    assert found.faults == []
    document = found.document
    assert len(document.accounts) == 3
    assert len({account.timezone for account in document.accounts}) == 2
    assert len(document.services) == 5
    assert len({service.product for service in document.services}) == 3
    assert DEMO.read_text().count("$") == 4


def test_a_read_document_survives_json():
    document = reading(demo()).document
    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document


def test_readable_quantities_become_numbers():
    document = reading("""
products:
  - {id: 1001, name: No, down_bps: 1.5 Gbit/s, storage_bytes: 2 TiB, response_time_ms: 0.2 s, sla_percent: 99.95%, lead_time_days: 3 d}
locations: [{id: l, account: a, name: NO, country: NO, postal_code: 01067}]
services: [{id: s, name: S, account: a, product: 1001, mrr: 49.9 EUR, service_start: 2025-03-31, month_to_month: yes}]
elements: [{id: e, name: E, site: s, address: 2001:db8::1, sensors: [{kind: tcp, port: 443, interval: 1h, timeout: 500ms}]}]
""").document
    (product,), (location,), (service,), (element,) = document.products, document.locations, document.services, document.elements
    assert (product.id, product.name, product.down_bps, product.storage_bytes) == ("1001", "No", 1_500_000_000, 2 << 40)
    assert (product.response_time_ms, product.sla_percent, product.lead_time_days) == (200.0, 99.95, 3)
    assert (location.name, location.country, location.postal_code) == ("NO", "NO", "01067")
    assert (service.mrr, service.service_start) == (Money("49.9", "EUR"), dt.date(2025, 3, 31))
    assert service.month_to_month is True
    assert (element.sensors[0].interval, element.sensors[0].timeout) == (3600.0, 0.5)


def test_what_is_left_out_gets_what_people_expect():
    text = body("""
elements:
  - {id: a, name: A, site: s, address: a.example}
  - {id: b, name: B, site: s, address: b.example, sensors: []}
  - {id: c, name: C, site: s, address: c.example, sensors: [{kind: snmp, community: env:COMMUNITY, interval: 30s}]}
  - {id: d, name: D, device: c, port: ge1}
  - {id: e, name: E, address: e.example, managed: false}
sites: [{id: s, name: S}]
""")
    empty = Current(NOTHING_STORED, NOTHING_STORED, {})
    intent = decide(from_json(text), empty, ())
    assert intent.faults == []
    elements = intent.saves["elements"]
    kinds = {element.id: [(sensor.kind, sensor.name, sensor.interval) for sensor in element.sensors] for element in elements}
    assert kinds == {"a": [("ping", "ping", 60)], "b": [], "c": [("snmp", "snmp", 30)], "d": [("port", "port", 30)], "e": []}
    snmp = elements[2].sensors[0]
    assert (snmp.community, snmp.port, snmp.version, snmp.profiles) == (
        COMMUNITY,
        161,
        "2c",
        ("auto",),
    )
    assert [element.kind for element in elements] == ["device", "device", "device", "port", "device"]
    wrong = decide(from_json(text.replace(b'"' + COMMUNITY.encode(), b'"env:X-')), empty, ())
    assert [fault.message for fault in wrong.faults] == ["the sender resolves env: and file: itself; here the secret is expected"]
    missing = decide(from_json(text.replace(b'"' + COMMUNITY.encode() + b'"', b"null")), empty, ("system", "if_mib"))
    assert [fault.message for fault in missing.faults] == [
        "there is no SNMP profile 'auto'",
        "snmp sensor 'snmp' of element 'c' needs its 'community'",
    ]


def test_a_secret_may_lie_in_a_file_beside_the_inventory(tmp_path):
    (tmp_path / "community").write_text("from-a-file\n")
    (tmp_path / "empty").write_text("\n")
    text = SMALL.replace("env:COMMUNITY", "file:community")
    document = read(text, "x.yaml", resolver({}, tmp_path)).document
    assert document.elements[0].sensors[1].community == "from-a-file"
    (fault,) = read(SMALL.replace("env:COMMUNITY", "file:empty"), "x.yaml", resolver({}, tmp_path)).faults
    assert fault == f"x.yaml:20: 'community' is file:empty, but the file {tmp_path}/empty is empty"
    (fault,) = read(SMALL, "x.yaml", resolver({"COMMUNITY": "x" * 256}, Path())).faults
    assert fault == "x.yaml:20: the secret env:COMMUNITY is longer than 255 characters"


def test_five_thousand_elements_are_read_in_a_few_seconds():
    text = "sites: [{id: s, name: S}]\nelements:\n" + "".join(
        f"- {{id: e{i}, name: E{i}, site: s, address: 192.0.2.1, sensors: [{{kind: ping}}]}}\n" for i in range(5_000)
    )
    assert len(reading(text, NOTHING_STORED).document.elements) == 5_000


def test_nodes_of_yaml_know_their_lines():
    root = from_yaml("a:\n  - b: 1\n    c:\n      - d\n", [])
    assert nodes.find(root, ("a", 0, "c", 0)).line == 4
    assert nodes.find(root, ("a", 0, "b")).line == 2
    assert nodes.find(root, ("a", 7, "b")).line == 1
