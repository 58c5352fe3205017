"""The traffic of services on each kind of database: packed days and the open one, two lines, shared meters, no meter."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from storage import meters
from tests.fakes.measured import Measured, measured

DAY_US = 86_400_000_000
FIVE = 300_000_000
DAY = 20_000  # 2024-10-04
START = DAY * DAY_US
MINUTE = 60_000_000


async def _prepare(m: Measured) -> list[int]:
    """Turn the series into if.in, if.out of elements 0 and 1 by twos; return the ids of services "both", "one" and "none"."""
    for position, (element, metric) in enumerate(((0, "if.in"), (0, "if.out"), (1, "if.in"), (1, "if.out"))):
        await m.owner.execute("delete from series where id = $1", m.series[position])
        await m.owner.execute(
            "insert into series (tenant_id, id, element_id, metric, instance) values ($1, $2, $3, $4, '')",
            m.tenant,
            m.series[position],
            m.elements[element],
            metric,
        )
    account = await m.owner.fetchval(
        "insert into account (tenant_id, external_id, owner, name) values ($1, 'a', 'api', 'A') returning id", m.tenant
    )
    products = [
        await m.owner.fetchval(
            """insert into product (tenant_id, external_id, owner, name, down_bps, up_bps, down_burst_bps)
               values ($1, $2::text, 'api', $2::text, $3, $4, $5) returning id""",
            m.tenant,
            *values,
        )
        for values in (("line", 100, 50, None), ("more", 20, None, None), ("burst", None, None, 300))
    ]
    services = [
        await m.owner.fetchval(
            """insert into service (tenant_id, external_id, owner, name, account_id, product_id, fulfilment_status)
               values ($1, $2::text, 'api', $2::text, $3, $4, 'In Service') returning id""",
            m.tenant,
            name,
            account,
            products[0],
        )
        for name in ("both", "one", "none")
    ]
    for service, element, metric, facing in (
        (services[0], 0, "if.out", "customer"),
        (services[0], 1, "if.in", "customer"),
        (services[1], 1, "if.in", "network"),
        (services[2], 0, None, None),
    ):
        await m.owner.execute(
            """insert into placement (tenant_id, service_id, element_id, criticality, meter_metric, facing)
               values ($1, $2, $3, 'required', $4, $5)""",
            m.tenant,
            service,
            m.elements[element],
            metric,
            facing,
        )
    for product, start, end in ((products[1], date(2024, 10, 4), date(2024, 10, 6)), (products[2], None, date(2024, 10, 4))):
        await m.owner.execute(
            "insert into service_add_on (tenant_id, service_id, product_id, start_date, end_date) values ($1, $2, $3, $4, $5)",
            m.tenant,
            services[0],
            product,
            start,
            end,
        )
    return services


def _minutes(series: int, first: int, values: list[float]) -> list[tuple[int, int, float, float]]:
    return [(series, first + (n + 1) * MINUTE, value, 60.0) for n, value in enumerate(values)]


async def test_traffic_of_two_lines_over_a_packed_day_and_the_open_one(database: str) -> None:
    async with measured(database, 4) as m:
        both, one, none = await _prepare(m)
        evening = START + DAY_US - FIVE
        # the last bucket of the first day and the first one of the next: in and out of line 0, of line 1
        rows = _minutes(0, evening, [10.0] * 10) + _minutes(1, evening, [100.0, 200, 300, 400, 500] * 2)
        rows += _minutes(2, evening, [1.0] * 10) + _minutes(3, evening, [20.0] * 5)
        await m.store([row for row in rows if row[1] < START + DAY_US], START + DAY_US - 1)
        await m.store([row for row in rows if row[1] >= START + DAY_US], START + DAY_US + FIVE)
        await m.pack(START + DAY_US + 20 * MINUTE)
        async with m.reading() as con:
            found = await meters.traffic(con, m.tenant, both, evening - FIVE, evening + 2 * FIVE, FIVE)
            assert found.metered
            assert found.ts.tolist() == [evening - FIVE, evening, evening + FIVE]
            # what leaves: 300 on average of line 0 and 20 of line 1, which says nothing of the next day
            assert np.array_equal(found.down_mean, [np.nan, 320, 300], equal_nan=True)
            assert np.array_equal(found.down_max, [np.nan, 520, 500], equal_nan=True)
            assert np.array_equal(found.up_mean, [np.nan, 11, 11], equal_nan=True)
            assert found.whole.tolist() == [False, True, False]
            other = await meters.traffic(con, m.tenant, one, evening, evening + FIVE, FIVE)
            assert (other.down_mean.tolist(), other.up_mean.tolist()) == ([1.0], [20.0])  # it enters what faces the network
            hour = await meters.traffic(con, m.tenant, both, evening, evening + 1, 12 * FIVE)
            assert hour.down_mean.tolist() == [320.0]
            assert not (await meters.traffic(con, m.tenant, none, evening, evening + FIVE, FIVE)).metered
            with pytest.raises(ValueError, match="no steps"):
                await meters.traffic(con, m.tenant, one, evening, evening + FIVE, 60_000_000)


async def test_a_meter_that_services_share_counts_once_in_their_total(database: str) -> None:
    async with measured(database, 4) as m:
        both, one, _ = await _prepare(m)
        await m.store(_minutes(3, START, [20.0] * 5) + _minutes(1, START, [5.0] * 5), START + FIVE)
        async with m.reading() as con:
            each = await meters.meters_of(con, m.tenant, [both, one])
            assert [meter.shared for meter in each[both]] == [False, True]
            assert (each[one][0].down, each[one][0].up) == (m.series[2], m.series[3])
            total = await meters.traffic_of(con, m.tenant, each[both] + each[one], START, START + FIVE, FIVE)
            assert total.down_mean.tolist() == [25.0]


async def test_sold_is_the_product_with_the_add_ons_of_the_day(database: str) -> None:
    async with measured(database, 4) as m:
        both, one, _ = await _prepare(m)
        async with m.reading() as con:
            assert [tuple((await meters.sold(con, m.tenant, [both], date(2024, 10, day)))[both]) for day in (3, 4, 5, 6)] == [
                (100, 50, 300, None),
                (120, 50, None, None),
                (120, 50, None, None),
                (100, 50, None, None),
            ]
            assert tuple((await meters.sold(con, m.tenant, [one], date(2024, 10, 4)))[one]) == (100, 50, None, None)


async def test_a_device_is_a_meter_only_if_it_has_one_port(database: str) -> None:
    async with measured(database, 4) as m:
        _, one, _ = await _prepare(m)
        await m.owner.execute("update series set instance = 'ge1' where id = $1", m.series[2])
        async with m.reading() as con:
            assert (await meters.meters(con, m.tenant, one))[0].down == m.series[2]
        await m.owner.execute(
            """insert into series (tenant_id, id, element_id, metric, instance)
               values ($1, $1::bigint << 40 | nextval('series_serial'), $2, 'if.in', 'ge2')""",
            m.tenant,
            m.elements[1],
        )
        async with m.reading() as con:
            assert (await meters.meters(con, m.tenant, one))[0].down is None
