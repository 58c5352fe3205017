"""An inventory document becomes rows: idempotent, owned, sealed, versioned, pruned."""

import asyncio

import pytest

from protocols.errors import ConfigError, Refused
from server.inventory import apply as work
from server.inventory.nodes import from_json
from storage import secrets
from storage.database import as_tenant, connect_owner
from storage.times import to_datetime
from tests.server.inventories import COMMUNITY, ENVIRONMENT, KEY, MINUTE, NOW, SMALL, actions, ask, demo, new_tenant, put, run

SPANS = "select p.external_id, v.fulfilment_status, v.valid_from from service_version v join service p on p.id = v.service_id order by 3"


@pytest.mark.every_database
async def test_applying_a_second_time_changes_nothing(world):
    first = await put(world, demo())
    before = await ask(world, "select id, external_id from service union all select id, name from sensor order by 1")
    dirty = await ask(world, "select count(*) from status_dirty")
    second = await put(world, demo(), NOW + MINUTE)
    assert len(first.changes) == 32
    assert first.unchanged == 0
    assert second.changes == []
    assert second.unchanged == 32
    assert await ask(world, "select id, external_id from service union all select id, name from sensor order by 1") == before
    assert await ask(world, "select count(*) from status_dirty") == dirty


async def test_what_is_exported_can_be_applied_and_changes_nothing(world):
    await put(world, demo())
    async with as_tenant(*world) as con:
        document = await work.export(con, world.tenant)
        again = await work.apply(con, world.tenant, from_json(work.msgspec.json.encode(document)), KEY, (), NOW, dry_run=False)
    assert again.faults == []
    assert again.changes == []
    assert {sensor.community for element in document.elements for sensor in element.sensors} == {None}


@pytest.mark.every_database
async def test_awkward_values_come_back_exactly(world):
    awkward = """
accounts: [{id: "a/b.c'\\"", name: "Zażółć \\\\ 'x' %s $1 {}"}]
locations: [{id: l, account: "a/b.c'\\"", name: L, latitude: 53.543812345678, longitude: -0.1}]
products: [{id: p, name: P, down_bps: 1000001, storage_bytes: 4611686018427387904, loss_percent: 0.005, sla_percent: 99.9995 %}]
sites: [{id: s, name: S}]
elements:
  - id: e/x
    name: E
    site: s
    address: fe80::1
    cost: -0.1234 USD
    thresholds: {cpu.load: {raise: 90.1, clear: 81.05}, x: {raise: 1}}
    sensors: [{kind: snmp, community: env:COMMUNITY, interval: 1.7s, timeout: 333ms, profiles: []}, {kind: ping, name: "p %"}]
price_books: [{id: b, name: B, currency: USD}]
price_book_entries: [{id: x, price_book: b, product: p, otc: 0.5 USD, mrc: 0 USD}]
services:
  - id: "s:1"
    name: "S 1"
    account: "a/b.c'\\""
    product: p
    mrr: 0 USD
    reseller: "a/b.c'\\""
    elements: [{element: e/x, meter: {metric: if.in, facing: network}}]
"""
    assert len((await put(world, awkward)).changes) == 8
    assert (await put(world, awkward)).changes == []
    changed = await put(world, awkward.replace("53.543812345678", "53.543812345679").replace("1000001", "1000002"))
    assert [(f.field, f.old, f.new) for change in changed.changes for f in change.fields] == [
        ("latitude", "53.543812345678", "53.543812345679"),
        ("down_bps", "1000001 bit/s", "1000002 bit/s"),
    ]


async def test_two_who_apply_at_once_do_not_meet(world):
    both = await asyncio.gather(put(world, SMALL), put(world, SMALL))
    assert sorted(len(intent.changes) for intent in both) == [0, 6]


async def test_a_dry_run_says_what_would_change_and_changes_nothing(world):
    intent = await put(world, SMALL, dry_run=True)
    assert actions(intent) == [
        "create account acme",
        "create product net",
        "create site hq",
        "create element edge",
        "create element edge-ge1",
        "create service S-1",
    ]
    for table in ("account", "product", "site", "element", "sensor", "service", "secret", "status_dirty", "service_version"):
        assert await ask(world, f"select count(*) from {table}") == [(0,)], table


@pytest.mark.every_database
async def test_every_column_of_a_service_and_its_parts_is_written(world):
    await put(world, demo())
    rows = await ask(
        world,
        """select s.name, a.external_id, p.down_bps, e.external_id, l.city, s.floor, s.room, s.mrr::text, s.currency::text,
             s.commission::text, s.service_start::text, s.term_end::text, s.active from service s
           join account a on a.id = s.account_id join product p on p.id = s.product_id
           join price_book_entry e on e.id = s.price_book_entry_id join location l on l.id = s.location_id
           where s.external_id = 'SP-IN-0001'""",
    )
    assert rows == [
        ("SP-IN-0001", "harbour", 100_000_000, "eu-internet-100", "Hamburg", "3", "3.12", "79.0000", "EUR", "4.0000",
         "2024-02-01", "2027-01-31", True)
    ]  # fmt: skip
    placed = await ask(
        world,
        """select e.external_id, p.criticality, g.k, p.meter_metric, p.facing, u.external_id from placement p
           join service s on s.id = p.service_id join element e on e.id = p.element_id
           left join redundancy_group g on g.id = p.group_id left join placement_parent pp on pp.placement_id = p.id
           left join placement up on up.id = pp.parent_id left join element u on u.id = up.element_id
           where s.external_id in ('SP-IN-0001', 'SP-IN-0002') order by s.external_id, p.id""",
    )
    assert placed == [
        ("core1", "required", None, None, None, None),
        ("edge1", "required", None, None, None, "core1"),
        ("edge1-ge1", "required", None, "if.out", "customer", "edge1"),
        ("core1", "required", None, None, None, None),
        ("edge1-ge2", "required", 1, None, None, "core1"),
        ("edge2-ge1", "required", 1, None, None, "core1"),
    ]
    assert await ask(world, "select position, price_delta::text from upgrade_path order by 1") == [
        (0, "110.0000"),
        (1, "25.0000"),
    ]


async def test_a_port_gets_the_sensor_that_its_device_is_read_by_at_its_interval(world):
    await put(world, SMALL)
    query = "select n.kind, n.role, n.interval_seconds from sensor n join element e on e.id = n.element_id and e.port = 'ge1'"
    assert await ask(world, query) == [("port", "reachability", 300.0)]
    only_the_device = SMALL.replace("interval: 5m", "interval: 1m").split("  - id: edge-ge1")[0]
    await put(world, only_the_device)
    assert await ask(world, query) == [("port", "reachability", 60.0)]
    assert (await put(world, SMALL.replace("interval: 5m", "interval: 1m"))).changes == []


async def test_a_secret_is_nowhere_in_clear_and_opens_with_the_key_only(world, inventory_database):
    intent = await put(world, SMALL)
    assert COMMUNITY not in repr(intent.changes)
    con = await connect_owner(inventory_database)
    tables = await con.fetch("select tablename from pg_tables where schemaname = 'public'")
    for (table,) in tables:
        assert await con.fetchval(f"select count(*) from {table} t where t::text like $1", f"%{COMMUNITY}%") == 0, table
    await con.close()
    async with as_tenant(*world) as con:
        ids = [row["secret_id"] for row in await con.fetch("select secret_id from sensor where kind = 'snmp'")]
        assert await secrets.open_all(con, world.tenant, ids, KEY) == {ids[0]: COMMUNITY}
        with pytest.raises(ConfigError, match=r"sensor/edge/snmp was sealed with another key"):
            await secrets.open_all(con, world.tenant, ids, b"x" * 32)


async def test_a_changed_secret_is_sealed_again_and_shown_as_changed_only(world, monkeypatch):
    await put(world, SMALL)
    monkeypatch.setitem(ENVIRONMENT, "COMMUNITY", "other")
    intent = await put(world, SMALL)
    (change,) = intent.changes
    assert [(f.field, f.old, f.new, f.secret) for f in change.fields] == [("sensors.snmp.community", None, None, True)]
    async with as_tenant(*world) as con:
        ids = [row["secret_id"] for row in await con.fetch("select secret_id from sensor where kind = 'snmp'")]
        assert await secrets.open_all(con, world.tenant, ids, KEY) == {ids[0]: "other"}


async def test_after_the_key_was_lost_the_next_apply_seals_everything_again(world):
    await put(world, SMALL)
    intent = await put(world, SMALL, key=b"n" * 32)
    assert actions(intent) == ["change element edge"]
    assert (await put(world, SMALL, key=b"n" * 32)).changes == []


def test_a_sealed_secret_cannot_be_moved_or_changed():
    sealed = secrets.seal(KEY, 1, "sensor/a/snmp", COMMUNITY)
    assert secrets.unseal(KEY, 1, sealed) == COMMUNITY
    for tenant, moved in (
        (2, sealed),
        (1, sealed._replace(name="sensor/b/snmp")),
        (1, sealed._replace(sealed=sealed.sealed[:-1])),
    ):
        with pytest.raises(ConfigError, match="was changed in the database"):
            secrets.unseal(KEY, tenant, moved)
    with pytest.raises(ConfigError, match="has 3 bytes; it needs 32"):
        secrets.seal(b"abc", 1, "x", "y")


async def test_a_record_of_another_owner_is_refused_and_everything_with_it(world):
    await put(world, SMALL)
    await run(world, "update account set owner = 'crm'")
    unchanged = await put(world, SMALL)
    assert unchanged.conflicts == []
    intent = await put(world, SMALL.replace("name: Acme", "name: Acme Corp").replace("name: HQ", "name: Head office"))
    assert [fault.message for fault in intent.conflicts] == [
        "account 'acme' is owned by the CRM: change it there, or leave it out here"
    ]
    assert await ask(world, "select name from site") == [("HQ",)]


async def test_fulfilment_and_product_changes_start_a_version_and_mark_the_service(world):
    await put(world, SMALL)
    await run(world, "delete from status_dirty")
    suspended = SMALL.replace("mrr: 49.90 EUR", "fulfilment_status: Suspended For Non-Pay")
    await put(world, suspended, NOW + MINUTE)
    await put(world, suspended.replace("Service one", "Service 1"), NOW + 2 * MINUTE)
    assert await ask(world, SPANS) == [
        ("S-1", "In Service", to_datetime(NOW)),
        ("S-1", "Suspended For Non-Pay", to_datetime(NOW + MINUTE)),
    ]
    service = (await ask(world, "select id from service"))[0][0]
    marks = await ask(world, "select what, ids, from_ts from status_dirty")
    assert marks == [("service", [service], [to_datetime(NOW + MINUTE)])]


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("name: Edge\n", "name: Edge router\n", []),
        ("interval: 5m", "interval: 1m", ["edge", "edge-ge1"]),
        ("port: ge1", "port: ge2", ["edge-ge1"]),
        ("address: 192.0.2.1", "address: 192.0.2.2", ["edge", "edge-ge1"]),
    ],
)
async def test_elements_that_are_measured_otherwise_are_marked_with_their_ports(world, old, new, marked):
    await put(world, SMALL)
    await run(world, "delete from status_dirty")
    await put(world, SMALL.replace(old, new))
    found = await ask(
        world, "select e.external_id from status_dirty d join element e on d.what = 'element' and e.id = any(d.ids) order by 1"
    )
    assert [name for (name,) in found] == marked


async def test_placements_that_stay_keep_their_ids(world):
    await put(world, SMALL)
    before = await ask(world, "select id from placement order by id")
    await put(world, SMALL.replace("      - element: edge-ge1\n        parent: edge\n", "      - element: edge-ge1\n"))
    assert await ask(world, "select id from placement order by id") == before
    await put(world, SMALL.replace("      - element: edge-ge1\n        parent: edge\n", ""))
    assert await ask(world, "select id from placement order by id") == before[:1]
    assert await ask(world, "select count(*) from placement_parent") == [(0,)]


@pytest.mark.every_database
async def test_without_prune_nothing_is_removed_and_with_it_what_the_file_no_longer_names(world):
    await put(world, SMALL)
    await run(
        world, "insert into account (tenant_id, external_id, owner, name) values ($1, 'from-crm', 'crm', 'CRM')", world.tenant
    )
    less = SMALL.split("services:")[0].split("  - id: edge-ge1")[0]
    assert actions(await put(world, less)) == []
    intent = await put(world, "prune: true\n" + less)
    assert actions(intent) == ["remove service S-1", "remove element edge-ge1"]
    assert await ask(world, "select external_id from element") == [("edge",)]
    assert await ask(world, "select count(*) from placement") == [(0,)]
    everything = await put(world, "prune: true")
    assert len(everything.changes) == 4
    assert await ask(world, "select external_id from account") == [("from-crm",)]
    assert await ask(world, "select count(*) from secret") == [(0,)]


async def test_what_others_still_refer_to_is_not_pruned(world):
    await put(world, SMALL)
    await run(world, "update service set owner = 'crm'")
    intent = await put(world, "prune: true", dry_run=True)
    assert "account 'acme' cannot be removed: service 'S-1' refers to it" in [fault.message for fault in intent.faults]
    await run(world, "update service set owner = 'yaml'")
    await run(
        world,
        """insert into support_case (tenant_id, external_id, owner, account_id, status, opened_at)
           select tenant_id, 'c1', 'crm', id, 'Open', now() from account""",
    )
    with pytest.raises(Refused, match=r"A support case still refers to one of accounts acme\."):
        await put(world, "prune: true")
    assert await ask(world, "select count(*) from service") == [(1,)]


async def test_a_port_and_a_service_name_can_go_to_a_record_with_a_new_id(world):
    await put(world, SMALL)
    renamed = SMALL.replace("edge-ge1", "edge-port-1").replace("id: S-1", "id: S-1b")
    intent = await put(world, "prune: true\n" + renamed)
    assert actions(intent) == [
        "create element edge-port-1",
        "create service S-1b",
        "remove service S-1",
        "remove element edge-ge1",
    ]
    assert await ask(world, "select external_id, name from service") == [("S-1b", "Service one")]


async def test_two_services_cannot_swap_their_names_in_one_step(world):
    two = SMALL + "  - {id: S-2, name: Service two, account: acme, product: net}\n"
    await put(world, two)
    swapped = two.replace("Service one", "X").replace("Service two", "Service one").replace("name: X", "name: Service two")
    with pytest.raises(Refused, match="cannot swap it in one step"):
        await put(world, swapped)


async def test_references_may_lead_to_what_the_server_has(world):
    await put(world, SMALL)
    good = "services: [{id: S-2, name: Two, account: acme, product: net, elements: [{element: edge}]}]"
    assert actions(await put(world, good)) == ["create service S-2"]
    intent = await put(world, good.replace("S-2", "S-3").replace("Two", "Service one").replace("acme", "acne"))
    assert [fault.message for fault in intent.faults] == [
        "there is no account 'acne': did you mean 'acme'?",
        "service 'S-1' has the name 'Service one' already; names of services are unique",
    ]


async def test_a_template_of_the_server_gives_a_service_its_tree(world):
    template = """
templates:
  - id: access
    name: Access
    elements:
      - {role: router}
      - {role: port, parent: router, criticality: degrading, group: ports}
    groups: [{name: ports, k: 1}]
"""
    service = """
services:
  - id: S-2
    name: Two
    account: acme
    product: net
    template: access
    elements: [{element: edge, role: router}, {element: edge-ge1, role: port}]
"""
    await put(world, SMALL + template)
    await put(world, service)
    async with as_tenant(*world) as con:
        found = {item.id: item for item in (await work.export(con, world.tenant)).services}["S-2"]
    assert [(p.element, p.criticality, p.parent, p.group) for p in found.elements] == [
        ("edge", "required", (), None),
        ("edge-ge1", "degrading", ("edge",), "ports"),
    ]
    assert [group.name for group in found.groups] == ["ports"]
    assert (await put(world, service)).changes == []
    intent = await put(world, service.replace(", {element: edge-ge1, role: port}", ""))
    assert intent.faults[0].message == "service 'S-2' names no element for the role 'port' of its template 'access'"


async def test_a_service_may_be_replaced_by_one_of_the_same_file(world):
    new = SMALL + "    replaced_with: S-2\n  - {id: S-2, name: Two, account: acme, product: net}\n"
    await put(world, new)
    assert (await put(world, new)).changes == []
    assert await ask(world, "select r.external_id from service s join service r on r.id = s.replaced_with_id") == [("S-2",)]


async def test_tenants_do_not_see_each_other(world, inventory_database):
    await put(world, SMALL)
    async with new_tenant(inventory_database) as other:
        intent = await put(other, SMALL)
        assert len(intent.changes) == 6
        assert await ask(other, "select count(*) from service") == [(1,)]
