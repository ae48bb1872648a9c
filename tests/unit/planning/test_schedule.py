"""When things happen by themselves, across missed times and changing clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lti_tool.planning.schedule import Schedule, ScheduleKind
from tests.builders import NOON

BERLIN = ZoneInfo("Europe/Berlin")
TOP_UP = ScheduleKind.TOP_UP
HOUR = timedelta(hours=1)


def test_the_first_time_is_a_moment_the_due_date_or_now() -> None:
    assert Schedule(kind=TOP_UP).first(None, NOON) == NOON
    assert Schedule(kind=TOP_UP, at=NOON + HOUR).first(None, NOON) == NOON + HOUR
    by_due = Schedule(kind=TOP_UP, after_due_hours=24)
    assert by_due.first(NOON, NOON) == NOON + 24 * HOUR
    assert by_due.first(None, NOON) is None, "no due date yet"


@pytest.mark.parametrize(
    ("before", "hours"),
    [(datetime(2026, 3, 28, 8, 0, tzinfo=BERLIN), 23), (datetime(2026, 10, 24, 8, 0, tzinfo=BERLIN), 25)],
    ids=["clocks go forward", "clocks go back"],
)
def test_whole_days_keep_the_time_of_day(before: datetime, hours: int) -> None:
    daily = Schedule(kind=TOP_UP, every_hours=24, zone="Europe/Berlin")
    following = daily.following(before)
    assert following is not None
    assert following.astimezone(BERLIN).hour == 8
    assert following - before.astimezone(UTC) == hours * HOUR
    hourly = Schedule(kind=TOP_UP, every_hours=25, zone="Europe/Berlin")
    assert hourly.following(before) == before.astimezone(UTC) + 25 * HOUR


def test_a_time_that_the_clocks_skip_is_not_lost() -> None:
    daily = Schedule(kind=TOP_UP, every_hours=24, zone="Europe/Berlin")
    following = daily.following(datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN))
    assert following == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@given(
    hours=st.integers(0, 6 * 365 * 24),
    every=st.integers(1, 24 * 60),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_the_next_time_is_later_by_about_the_interval(hours: int, every: int, zone: str) -> None:
    last = datetime(2024, 1, 1, tzinfo=UTC) + hours * HOUR
    following = Schedule(kind=TOP_UP, every_hours=every, zone=zone).following(last)
    assert following is not None
    assert abs(following - last - timedelta(hours=every)) <= 2 * HOUR
    assert following > last or every <= 2


def test_it_ends() -> None:
    assert Schedule(kind=TOP_UP).following(NOON) is None
    twice = Schedule(kind=TOP_UP, every_hours=2, until=NOON + 3 * HOUR)
    assert twice.following(NOON) == NOON + 2 * HOUR
    assert twice.following(NOON + 2 * HOUR) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"at": NOON, "after_due_hours": 1}, "not both"),
        ({"at": NOON, "until": NOON - HOUR}, "end before it begins"),
        ({"every_hours": 0}, "greater than or equal to 1"),
        ({"zone": "Mars/Olympus"}, "is no time zone"),
        ({"kind": "remind"}, "a reminder needs words"),
        ({"at": "2026-01-01T00:00"}, "timezone"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Schedule.model_validate({"kind": "top_up"} | wrong)


@pytest.mark.parametrize(
    ("due", "hours", "at"),
    [
        (datetime(2026, 3, 30, 23, 59, tzinfo=BERLIN), -48, datetime(2026, 3, 28, 23, 59, tzinfo=BERLIN)),
        (datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN), 24, datetime(2026, 10, 25, 23, 59, tzinfo=BERLIN)),
        (datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN), 12, datetime(2026, 10, 25, 10, 59, tzinfo=BERLIN)),
    ],
    ids=["two days before, over spring", "one day after, over autumn", "twelve hours after, over autumn"],
)
def test_days_before_and_after_a_date_keep_its_time_of_day(due: datetime, hours: int, at: datetime) -> None:
    by_due = Schedule(kind=TOP_UP, after_due_hours=hours, zone="Europe/Berlin")
    assert by_due.first(due.astimezone(UTC), NOON) == at.astimezone(UTC)


def test_it_goes_on_until_the_last_due_date_of_a_student_s_own() -> None:
    dates = [NOON, NOON + 48 * HOUR, NOON + 100 * HOUR]
    with_grace = Schedule(kind=ScheduleKind.ALLOCATE, after_due_hours=2, own_dates=True)
    first = with_grace.first(NOON, NOON)
    assert first == NOON + 2 * HOUR
    second = with_grace.following(first, dates)
    assert second == NOON + 50 * HOUR, "with the same grace as the others"
    third = with_grace.following(second, dates)
    assert third == NOON + 102 * HOUR
    assert with_grace.following(third, dates) is None

    daily = Schedule(kind=TOP_UP, after_due_hours=0, every_hours=24, own_dates=True)
    times = [NOON]
    while (after := daily.following(times[-1], dates)) is not None:
        times.append(after)
    assert [(time - NOON) // HOUR for time in times] == [0, 24, 48, 72, 96, 100]


@pytest.mark.parametrize("more", [{"kind": "watch", "after_due_hours": 0}, {"kind": "top_up"}])
def test_own_due_dates_belong_to_plans_that_hang_on_the_due_date(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate({"own_dates": True, **more})
