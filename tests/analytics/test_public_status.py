"""What customers read on a status page follows from the services, and never says operational without evidence."""

from __future__ import annotations

import pytest

from analytics.availability import Seconds
from analytics.public_status import Outage, ServiceSays, component_state, day_status, outages, page_state


def says(*words: str) -> list[ServiceSays]:
    """`Up`, `Down`…; a trailing `*` is an open maintenance window."""
    return [ServiceSays(word.rstrip("*"), word.endswith("*")) for word in words]


@pytest.mark.parametrize(
    ("services", "status", "ours"),
    [
        (["Up"], "operational", "Up"),
        (["Has Issues"], "degraded_performance", "Has Issues"),
        (["Down"], "major_outage", "Down"),
        (["No Data"], "not_measured", "No Data"),
        (["Down*"], "under_maintenance", "Down"),
        (["No Data*"], "under_maintenance", "No Data"),
        (["Up", "Down"], "partial_outage", "Has Issues"),
        (["Up", "Has Issues"], "degraded_performance", "Has Issues"),
        (["Up", "No Data"], "operational", "Up"),
        (["Down", "No Data"], "major_outage", "Down"),
        (["Up", "Down*"], "operational", "Has Issues"),
        (["Down", "Up*"], "major_outage", "Has Issues"),
        (["Up", "Not in service"], "operational", "Up"),
    ],
)
def test_a_component_says_what_its_services_say(services, status, ours):
    state = component_state(says(*services))
    assert (state.status, state.lineside_status) == (status, ours)


def test_a_component_whose_services_are_not_in_service_is_not_shown():
    assert component_state(says("Not in service", "Not in service*")) is None


def test_how_much_of_a_component_is_measured_is_said():
    state = component_state(says("Up", "No Data", "Not in service"))
    assert (state.measured, state.services) == (1, 2)


@pytest.mark.parametrize(
    ("components", "indicator", "description"),
    [
        ([], "none", "Not Measured"),
        (["No Data"], "none", "Not Measured"),
        (["Up", "Up"], "none", "All Systems Operational"),
        (["Up", "No Data"], "none", "All Measured Systems Operational"),
        (["Up", "Has Issues"], "minor", "Partially Degraded Service"),
        (["Up", "Down"], "major", "Partial System Outage"),
        (["Down", "Down"], "critical", "Major Service Outage"),
        (["Up", "Down*"], "maintenance", "Service Under Maintenance"),
    ],
)
def test_the_headline_follows_the_worst_component(components, indicator, description):
    state = page_state([component_state(says(word)) for word in components])
    assert tuple(state) == (indicator, description)


def test_a_day_is_as_bad_as_its_worst_second_and_not_good_where_most_was_not_measured():
    assert day_status(Seconds(down=1, up=86_399)) == "Down"
    assert day_status(Seconds(has_issues=1, up=86_399)) == "Has Issues"
    assert day_status(Seconds(no_data=43_200, up=43_200)) == "Up"
    assert day_status(Seconds(no_data=43_201, up=43_199)) == "No Data"
    assert day_status(Seconds(no_data=86_400)) == "No Data"
    assert day_status(Seconds(maintenance=86_400)) == "maintenance"
    assert day_status(Seconds(not_in_service=86_400)) == "Not in service"


def test_trouble_of_several_services_is_one_outage_while_it_overlaps():
    spans = [(0, 10, "Up"), (10, 30, "Has Issues"), (30, 40, "Down"), (35, 50, "Has Issues"), (60, None, "Down")]
    assert outages(spans, 1) == [Outage(10, 50, "Down"), Outage(60, None, "Down")]


@pytest.mark.parametrize("following", ["Up", "No Data", "Not in service", ""])
def test_what_follows_an_outage_is_not_called_working_unless_it_is(following):
    (outage,) = outages([(0, 10, "No Data"), (10, 30, "Down"), (30, None, following)], 1)
    assert outage.after == following


def test_a_blip_makes_no_message_but_what_lasts_does():
    assert outages([(0, 5, "Down"), (10, 30, "Down"), (40, None, "Down")], 10) == [
        Outage(10, 30, "Down"),
        Outage(40, None, "Down"),
    ]
