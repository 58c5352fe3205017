"""What the CRM reads of services and accounts: timelines, availability, metrics and computed fields, by figures made by hand."""

from __future__ import annotations

from datetime import date

import pytest

from analytics.margins import less, profit, total
from storage.times import to_datetime
from tests.fakes.sides import FOREIGN, MANAGED, MINUTE, SEEN, sides
from tests.fakes.world import START, bearer


@pytest.fixture
async def both(database, tmp_path):
    async with sides(database, tmp_path) as made:
        yield made


async def _get(both, path, status=200, **query):
    answer = await both.world.client.get(f"/crm/v1/{path}", params=query, headers=bearer(both.whole))
    assert answer.status_code == status, answer.text
    return answer.json()


async def _rewrite(both, service, *changes):
    """A service's timeline as (minutes after START, status), the last one open."""
    w = both.world
    number = await w.con.fetchval("select id from service where external_id = $1", service)
    await w.con.execute("delete from service_span where service_id = $1", number)
    ends = [*(minute for minute, _ in changes[1:]), None]
    for (minute, status), end in zip(changes, ends, strict=True):
        start = to_datetime(START + minute * MINUTE)
        await w.con.execute(
            """insert into service_span (tenant_id, service_id, starts_at, ends_at, raw, shown, since)
               values ($1, $2, $3, $4, $5, $5, $3)""",
            w.tenant,
            number,
            start,
            None if end is None else to_datetime(START + end * MINUTE),
            status,
        )
    return number


async def test_a_timeline_comes_in_pages_oldest_first(both):
    await _rewrite(both, f"sp-{SEEN}", (0, "Up"), (4, "Down"), (6, "Up"))
    page = await _get(both, f"services/sp-{SEEN}/timeline", limit=2)
    assert [(item["from"][11:19], item["status"]) for item in page["items"]] == [("14:13:20", "Up"), ("14:17:20", "Down")]
    assert page["items"][0]["to"] == page["items"][1]["from"]
    rest = await _get(both, f"services/sp-{SEEN}/timeline", limit=2, cursor=page["next_cursor"])
    assert [(item["status"], item["to"]) for item in rest["items"]] == [("Up", None)]
    assert rest["next_cursor"] is None
    window = {"from": "2026-09-21T14:18:00Z", "to": "2026-09-21T14:19:00Z"}
    inside = await _get(both, f"services/sp-{SEEN}/timeline", **window)
    assert [item["status"] for item in inside["items"]] == ["Down"]
    await _get(both, f"services/sp-{SEEN}/timeline", 400, **{"from": "2026-09-22T00:00:00Z", "to": "2026-09-21T00:00:00Z"})
    await _get(both, f"services/sp-{SEEN}/timeline", 400, cursor="x")
    await _get(both, "services/nobody/timeline", 404)


async def test_availability_of_ten_periods_sums_to_the_period(both):
    await _rewrite(both, f"sp-{SEEN}", (0, "Up"), (4, "Down"), (6, "Has Issues"), (16, "No Data"))
    told = await _get(both, f"services/sp-{SEEN}/availability")
    assert (told["timezone"], told["sla_percent"], len(told["periods"])) == ("Europe/Warsaw", 99.9, 10)
    day = told["periods"][0]
    assert day["period"] == "Last 24 Hours"
    assert day["seconds"] == {
        "not_in_service": 86_400 - 1_200.0,
        "maintenance": 0,
        "no_data": 240,
        "down": 120,
        "has_issues": 600,
        "up": 240,
    }
    assert day["availability"] == 840 / 960
    assert day["availability_up_only"] == 240 / 960
    assert (day["availability_percent"], day["coverage"], day["low"], day["high"]) == ("87.500", 0.8, 0.7, 0.9)
    assert (day["verdict"], day["partial_period"], day["low_coverage"]) == ("missed", True, True)
    account = await _get(both, f"accounts/a-{FOREIGN}/availability")
    assert len(account["periods"]) == 10
    assert account["periods"][0]["revenue_weighted"] == [{"currency": "EUR", "availability_percent": None}]


async def test_metrics_are_of_five_minute_means_against_what_was_sold(both):
    """if.out 2 Mbit/s and if.in 1 Mbit/s for 20 minutes; each sample stands for its minute."""
    window = {"from": "2026-09-21T14:15:00Z", "to": "2026-09-21T14:30:00Z"}
    told = await _get(both, f"services/sp-{SEEN}/metrics", step="5m", **window)
    by_name = {each["metric"]: each for each in told["metrics"]}
    down, up = by_name["traffic.down"], by_name["traffic.up"]
    assert told["metered"]
    assert told["meters"] == [{"element": f"p-{SEEN}", "facing": "customer", "measured": True, "shared": False}]
    assert (down["average"], down["max"], down["min"], down["p95"]) == (2_000_000, 2_000_000, 2_000_000, 2_000_000)
    # the product's 100 Mbit/s, and the same once more by an add-on
    assert (down["sold"], down["p95_percent"], up["sold"], up["average_percent"]) == (200_000_000, 1.0, 40_000_000, 2.5)
    assert down["sum"] == 2_000_000 * 900 / 8
    assert down["coverage"] == 1.0
    assert [point["average"] for point in down["points"]] == [2_000_000] * 3
    cpu = by_name["cpu.load"]
    assert (cpu["element"], cpu["unit"], cpu["average"], cpu["sum"], cpu["sold"]) == ("core", "%", 25.0, None, None)
    assert by_name["rtt"]["instance"] == "ping"
    only = await _get(both, f"services/sp-{SEEN}/metrics", metric="cpu.load", period="Prior Day")
    assert [(each["metric"], each["average"], each["coverage"]) for each in only["metrics"]] == [("cpu.load", None, 0)]
    for query in ({"period": "Last 7 Days", **window}, {"to": window["to"]}, {"from": "2020-01-01T00:00:00Z"}):
        await _get(both, f"services/sp-{SEEN}/metrics", 400, **query)


async def test_traffic_without_a_meter_is_said_to_be_missing(both):
    await both.world.con.execute("update placement set meter_metric = null, facing = null")
    told = await _get(both, f"services/sp-{SEEN}/metrics")
    assert (told["metered"], told["meters"]) == (False, [])
    assert not any(each["metric"].startswith("traffic") for each in told["metrics"])


async def test_the_status_of_an_element_names_the_measurements_that_show_it(both):
    await both.world.con.execute(
        """update element_span set raw = 'Down', shown = 'Down', evidence = '[{"sensor_id": 1, "sensor_name": "ping",
             "metric": "reachable", "instance": "", "ts": 1790000000000000, "value": 0, "reason": "timeout"}]'
           where ends_at is null and element_id = (select id from element where external_id = 'core')"""
    )
    told = await _get(both, "elements/core/status")
    assert (told["status"], told["observations"][0]["at"]) == ("Down", "2026-09-21T14:13:20.000Z")
    assert (await _get(both, f"elements/cpe-{MANAGED}/status"))["status"] == "No Data"


async def test_computed_fields_of_a_service(both):
    await _rewrite(both, f"sp-{SEEN}", (0, "Down"))
    computed = (await _get(both, f"services/sp-{SEEN}"))["computed"]
    assert (computed["operational_status"], computed["status_since"]) == ("Down", "2026-09-21T14:13:20.000Z")
    assert (computed["has_open_cases"], computed["open_cases"], computed["total_cases"]) == (True, 1, 1)
    assert computed["cases_open_since"] == "2026-09-01T08:00:00.000Z"
    assert (computed["account_manager"], computed["is_replaced"], computed["active"]) == (f"m-{MANAGED}", False, True)


async def test_computed_fields_of_an_account(both):
    """Two services In Service of 100.00 each, one Down; half of the core (30.00) and half of a CPE (5.00); a commission of 4.00."""
    w = both.world
    await _rewrite(both, f"sp-{SEEN}", (0, "Down"))
    await _rewrite(both, f"sp-1-{MANAGED}", (0, "Up"))
    await w.con.execute("update service set service_start = $1", date(2026, 9, 1))
    await w.con.execute("update invoice set due_on = $1", date(2026, 9, 20))
    told = (await _get(both, f"accounts/a-{SEEN}"))["computed"]

    def eur(amount):
        return [{"amount": amount, "currency": "EUR"}]

    assert (told["operational_status"], told["measured_services"], told["services_down"]) == ("Has Issues", 2, 1)
    assert (told["affected_revenue"], told["at_risk_revenue"], told["unknown_revenue"]) == (eur("100.00"), [], [])
    assert (told["is_customer"], told["is_reseller"], told["is_provider"]) == (True, False, False)
    assert (told["active_services"], told["total_services"], told["active_locations"]) == (2, 2, 2)
    assert (told["monthly_recurring_revenue"], told["monthly_gross_profit"]) == (eur("200.00"), eur("182.50"))
    assert (told["monthly_net_profit"], told["monthly_gross_margin"], told["monthly_net_margin"]) == (
        eur("178.50"),
        0.9125,
        0.8925,
    )
    assert (told["average_revenue_per_service"], told["average_net_profit_per_service"]) == (eur("100.00"), eur("89.25"))
    assert (told["first_service_start_date"], told["days_since_first_service_start_date"]) == ("2026-09-01", 20)
    assert (told["last_service_end_date"], told["account_age_days"]) == (None, 20)
    assert (told["active_orders"], told["total_orders"], told["open_cases"]) == (1, 1, 2)
    assert (told["total_amount_billed"], told["balance_due"], told["past_due_amount"]) == (eur("12.34"),) * 3
    assert (told["first_invoice_date"], told["latest_invoice_amount"]) == ("2026-09-01", eur("12.34")[0])
    await w.con.execute(
        "update service set fulfilment_status = 'Expired', service_end = $1 where external_id = any($2)",
        date(2026, 9, 11),
        [f"sp-{SEEN}", f"sp-1-{MANAGED}"],
    )
    ended = (await _get(both, f"accounts/a-{SEEN}"))["computed"]
    assert (ended["last_service_end_date"], ended["account_age_days"], ended["active_services"]) == ("2026-09-11", 10, 0)
    assert (ended["operational_status"], ended["monthly_gross_margin"]) == ("No Data", None)
    reseller = (await _get(both, "accounts/reseller"))["computed"]
    assert (reseller["is_customer"], reseller["is_reseller"], reseller["account_age_days"]) == (False, True, None)


def test_currencies_do_not_mix():
    revenue, costs = total([("EUR", 100), ("EUR", 20), ("USD", 0)]), {"USD": 30}
    assert (revenue, less(revenue, costs)) == ({"EUR": 120}, {"EUR": 120, "USD": -30})
    assert profit(revenue, costs, {}).gross_margin is None
    assert profit({"EUR": 0}, {}, {}).gross_margin is None
