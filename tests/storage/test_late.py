"""Which elements and days a batch makes late, against a loop that reads the rule row by row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.late import days_of
from storage.times import DAY_US

TODAY = 20_000
SECOND = 1_000_000
instants = st.one_of(
    st.integers((TODAY - 4) * DAY_US, (TODAY + 1) * DAY_US),
    st.tuples(st.integers(-3, 1), st.integers(-90, 90)).map(lambda t: (TODAY + t[0]) * DAY_US + t[1] * SECOND),
)
rows = st.lists(st.tuples(st.integers(1, 3), instants, st.sampled_from([0.0, 60.0, 3_600.0, 200_000.0])), max_size=30)


@given(rows)
def test_a_day_before_today_is_marked_for_every_element_that_says_something_of_it(batch):
    expected: dict[int, set[int]] = {}
    for element, ts, seconds in batch:
        for at in (ts, ts - int(min(seconds, 86_400)) * SECOND):
            if at // DAY_US < TODAY:
                expected.setdefault(at // DAY_US, set()).add(element)
    element, ts, seconds = zip(*batch, strict=True) if batch else ((), (), ())
    found = days_of(np.array(element, np.int64), np.array(ts, np.int64), np.array(seconds, np.float32), TODAY)
    assert {day: set(elements) for day, elements in found.items()} == expected
    assert all(elements == sorted(set(elements)) for elements in found.values())


def test_a_batch_of_today_is_not_looked_at_closely():
    noon = np.full(3, TODAY * DAY_US + DAY_US // 2)
    assert days_of(np.arange(3), noon, np.full(3, 300, np.float32), TODAY) == {}
    assert days_of(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), TODAY) == {}
