"""The account's roll-up and its timeline: what the services say at each instant, wherever the decision began."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from analytics.account_status import ServiceNow, account_now, account_timeline, revenue, roll_up
from analytics.service_status import ServiceState
from analytics.timeline import Span, at_instant, splice

STATUSES = ("Up", "Has Issues", "Down", "No Data", "Not in service")


def state(raw: str, shown: str, flags: frozenset[str] = frozenset()) -> ServiceState:
    return ServiceState(raw, shown, "", flags, 0, ())


def test_the_roll_up_is_as_the_rule_says() -> None:
    for statuses in product(STATUSES, repeat=3):
        measured = [each for each in statuses if each in ("Up", "Has Issues", "Down")]
        wanted = (
            "No Data"
            if not measured
            else "Down"
            if set(measured) == {"Down"}
            else "Has Issues"
            if {"Down", "Has Issues"} & set(measured)
            else "Up"
        )
        assert roll_up(statuses) == wanted
        assert roll_up(statuses, any_down=True) == ("Down" if "Down" in measured else wanted)


def test_money_is_summed_per_currency_and_only_where_it_is_at_stake() -> None:
    found = revenue(
        [
            ServiceNow("Down", maintenance=False, mrr=Decimal("10.10"), currency="EUR"),
            ServiceNow("Down", maintenance=True, mrr=Decimal("0.20"), currency="EUR"),
            ServiceNow("Down", maintenance=False, mrr=Decimal(5), currency="USD"),
            ServiceNow("Has Issues", maintenance=False, mrr=Decimal(7), currency="EUR"),
            ServiceNow("No Data", maintenance=False, mrr=Decimal(3), currency="EUR"),
            ServiceNow("Not in service", maintenance=False, mrr=Decimal(99), currency="EUR"),
            ServiceNow("Up", maintenance=False, mrr=Decimal(99), currency="EUR"),
        ]
    )
    assert found.affected == {"EUR": Decimal("10.30"), "USD": Decimal(5)}
    assert found.at_risk == {"EUR": Decimal(7)}
    assert found.unknown == {"EUR": Decimal(3)}


def test_maintenance_counts_whatever_the_fulfilment_status() -> None:
    idle = ServiceNow("Not in service", maintenance=True, mrr=Decimal(0), currency="EUR")
    assert account_now([idle]).flags == {"maintenance"}
    assert account_now([idle]).services == 0


@st.composite
def histories(draw: st.DrawFn) -> list[list[Span[ServiceState]]]:
    services = []
    for _ in range(draw(st.integers(0, 4))):
        points = sorted(draw(st.sets(st.integers(0, 30), min_size=1, max_size=5)))
        flags = st.sampled_from((frozenset[str](), frozenset({"maintenance"}), frozenset({"flapping"})))
        word = st.sampled_from(STATUSES)
        services.append(
            [
                Span(start, end, state(draw(word), draw(word), draw(flags)))
                for start, end in zip(points, [*points[1:], None], strict=True)
                if end is None or draw(st.integers(0, 4))
            ]
        )
    return services


@given(histories(), st.integers(0, 40), st.booleans())
def test_the_timeline_says_at_each_instant_what_the_roll_up_says(
    services: list[list[Span[ServiceState]]], now: int, any_down: bool
) -> None:
    spans = account_timeline(services, 0, now, any_down=any_down)
    for at in range(now + 1):
        held = [span.value for span in (at_instant(each, at) for each in services) if span is not None]
        found = at_instant(spans, at)
        assert found is not None
        assert found.value.raw == roll_up((each.raw for each in held), any_down=any_down)
        assert found.value.shown == roll_up((each.shown for each in held), any_down=any_down)
        assert found.value.services == sum(each.shown != "Not in service" for each in held)
        assert found.value.services_down == sum(each.shown in ("Down", "Has Issues") for each in held)
        assert bool(found.value.flags) == any("maintenance" in each.flags for each in held)


@given(histories(), st.integers(0, 40), st.integers(0, 40))
def test_where_a_decision_begins_does_not_matter(services: list[list[Span[ServiceState]]], start: int, now: int) -> None:
    now = max(start, now)
    whole = account_timeline(services, 0, now)
    reaching = [[span for span in spans if span.end is None or span.end > start] for spans in services]
    fresh = account_timeline(reaching, start, now)
    kept = [span for span in whole if span.start < start]
    assert [*kept[:-1], *splice(kept[-1] if kept else None, fresh)] == whole
