from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson import times
from moisson.times import Instant


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_zoned_datetime_keeps_its_moment(moment):
    instant = times.from_datetime(moment)
    back = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant.ns // 1000)
    assert back == moment
    assert instant.zone == "utc"


def test_a_zone_is_taken_off_and_its_absence_is_said():
    paris = datetime(2024, 5, 13, 13, 27, 50, tzinfo=timezone(timedelta(hours=2)))
    assert str(times.from_datetime(paris)) == "2024-05-13T11:27:50Z"
    naive = times.from_iso("2024-05-13 13:27:50")
    assert naive is not None
    assert naive.zone == "unknown"
    assert str(naive) == "2024-05-13T13:27:50"


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (times.from_filetime(133600732700000000), "2024-05-13T11:27:50Z"),
        (times.from_unix(1715599670), "2024-05-13T11:27:50Z"),
        (times.from_unix(0), None),
        (times.from_filetime(0), None),
        (times.from_filetime(2**63), None),
        (times.from_filetime(2_650_467_743_999_999_999), "9999-12-31T23:59:59Z"),
        (times.from_filetime(2_650_467_744_000_000_000), None),
        (times.from_iso("yesterday"), None),
    ],
)
def test_the_clocks_of_the_field(instant, text):
    assert (str(instant) if instant else None) == text


def test_a_moment_outside_the_calendar_still_prints():
    assert str(Instant(10**21)).startswith("@")
