import time, pytest
from tests.server.inventories import *
@pytest.fixture(scope="module")
def inventory_database(database_server):
    dsn = database_server.create(); yield dsn; database_server.drop(dsn)
async def test_big(inventory_database):
    n=5000
    text = "accounts: [{id: a, name: A}]\nproducts: [{id: p, name: P}]\nsites: [{id: s, name: S}]\nelements:\n" + "".join(
      f"- {{id: d{i}, name: D{i}, site: s, address: 192.0.2.1, sensors: [{{kind: ping}}, {{kind: snmp, community: env:COMMUNITY}}]}}\n- {{id: p{i}, name: P{i}, device: d{i}, port: ge1}}\n" for i in range(n)) + "services:\n" + "".join(f"- {{id: s{i}, name: S{i}, account: a, product: p, mrr: 1 EUR, elements: [{{element: d{i}}}, {{element: p{i}, parent: d{i}}}]}}\n" for i in range(n))
    t=time.perf_counter(); b=body(text); print("read", time.perf_counter()-t, len(text), len(b))
    async with new_tenant(inventory_database) as w:
        for what in ("first","second"):
            t=time.perf_counter()
            async with as_tenant(*w) as con:
                i = await work.apply(con, w.tenant, from_json(b), KEY, (), NOW, dry_run=False)
            print(what, time.perf_counter()-t, len(i.changes), i.faults[:2])
