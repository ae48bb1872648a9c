"""When things happen by themselves, across missed times and changing clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
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
    following = daily.following(before, before)
    assert following is not None
    assert following.astimezone(BERLIN).hour == 8
    assert following - before.astimezone(UTC) == hours * HOUR
    hourly = Schedule(kind=TOP_UP, every_hours=25, zone="Europe/Berlin")
    assert hourly.following(before, before) == before.astimezone(UTC) + 25 * HOUR


@pytest.mark.parametrize(
    ("first", "now", "planned"),
    [
        ("2026-11-02T09:00+01:00", "2026-11-05T14:00:07+01:00", "2026-11-06T09:00+01:00"),
        ("2026-03-28T02:30+01:00", "2026-03-28T02:30:04+01:00", "2026-03-29T03:00+02:00"),
        ("2026-03-28T02:30+01:00", "2026-03-29T03:00:04+02:00", "2026-03-30T02:30+02:00"),
        ("2026-10-24T02:30+02:00", "2026-10-24T02:30:04+02:00", "2026-10-25T02:30+02:00"),
        ("2026-10-24T02:30+02:00", "2026-10-25T02:30:04+02:00", "2026-10-26T02:30+01:00"),
        ("2026-10-24T02:30+02:00", "2026-10-25T02:30:00+01:00", "2026-10-26T02:30+01:00"),
    ],
    ids=["caught up late", "into the gap", "out of the gap", "into the overlap", "once", "once, again"],
)
def test_a_daily_schedule_keeps_its_hour(first: str, now: str, planned: str) -> None:
    daily = Schedule(kind=TOP_UP, every_hours=24, zone="Europe/Berlin")
    following = daily.following(datetime.fromisoformat(now), datetime.fromisoformat(first))
    assert following == datetime.fromisoformat(planned)


def test_the_first_moment_after_a_gap_of_half_an_hour_or_of_a_whole_day() -> None:
    lord_howe = Schedule(kind=TOP_UP, every_hours=24, zone="Australia/Lord_Howe")
    before = datetime(2026, 10, 3, 2, 10, tzinfo=ZoneInfo("Australia/Lord_Howe"))
    assert lord_howe.following(before, before) == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)
    apia = Schedule(kind=TOP_UP, every_hours=24, zone="Pacific/Apia")
    before = datetime(2011, 12, 29, 9, 0, tzinfo=ZoneInfo("Pacific/Apia"))
    new_day = apia.following(before, before)
    assert new_day == datetime(2011, 12, 31, 0, 0, tzinfo=ZoneInfo("Pacific/Apia"))
    assert apia.following(new_day, before) == datetime(2011, 12, 31, 9, 0, tzinfo=ZoneInfo("Pacific/Apia"))


MINUTE = timedelta(minutes=1)
YEARS = 6 * 365 * 24 * 60
ZONES = st.sampled_from(
    [
        "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Santiago", "Asia/Kathmandu",
        "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Chatham",
    ]
)  # fmt: skip
FIRSTS = st.integers(0, YEARS).map(lambda minutes: datetime(2022, 1, 1, tzinfo=UTC) + minutes * MINUTE)
DELAYS = st.lists(
    st.one_of(st.integers(0, 90), st.integers(0, 3 * 24 * 3600), st.integers(0, 90 * 24 * 3600)).map(
        lambda seconds: timedelta(seconds=seconds)
    ),
    min_size=1,
    max_size=12,
)
"""How late a worker is: seconds, days, or months of downtime."""


def clock(moment: datetime, zone: str) -> datetime:
    """What clocks in the zone show."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@given(first=FIRSTS, days=st.integers(1, 60), zone=ZONES, delays=DELAYS)
@example(  # every day over a gap and over an overlap
    first=datetime(2026, 3, 28, 1, 30, tzinfo=UTC), days=1, zone="Europe/Berlin", delays=[7 * MINUTE] * 3
)
@example(first=datetime(2026, 10, 24, 0, 30, tzinfo=UTC), days=1, zone="Europe/Berlin", delays=[HOUR] * 3)
def test_whole_days_keep_the_planned_hour_however_late_they_are_carried_out(
    first: datetime, days: int, zone: str, delays: list[timedelta]
) -> None:
    schedule = Schedule(kind=TOP_UP, every_hours=24 * days, zone=zone)
    planned, start = first, clock(first, zone)
    for late in delays:
        carried_out = planned + late
        following = schedule.following(carried_out, first)
        assert following is not None
        assert following > carried_out, "what was missed is made up for once"
        shown = clock(following, zone)
        on_the_day = datetime.combine(shown.date(), start.time())
        assert (shown.date() - start.date()).days % days == 0
        if shown != on_the_day:
            just_before = clock(following - timedelta(seconds=1), zone)
            assert just_before < on_the_day < shown, "only where the clocks skip that time of day"
        else:
            assert following.astimezone(ZoneInfo(zone)).fold == 0, "the first of two"
        latest = datetime.combine(clock(carried_out, zone).date() + timedelta(days=days), start.time())
        assert shown.date() <= latest.date(), "no planned day is left out"
        planned = following


@given(
    first=FIRSTS, every=st.integers(1, 24 * 60).filter(lambda hours: hours % 24), zone=ZONES, delays=DELAYS
)
def test_other_hours_are_counted_from_the_first_time(
    first: datetime, every: int, zone: str, delays: list[timedelta]
) -> None:
    schedule = Schedule(kind=TOP_UP, every_hours=every, zone=zone)
    planned, interval = first, every * HOUR
    for late in delays:
        carried_out = planned + late
        following = schedule.following(carried_out, first)
        assert following is not None
        assert (following - first) % interval == timedelta()
        assert carried_out < following <= carried_out + interval
        planned = following


@given(first=FIRSTS, every=st.integers(1, 24 * 60), zone=ZONES, before=st.integers(1, YEARS))
def test_nothing_comes_before_the_first_time(first: datetime, every: int, zone: str, before: int) -> None:
    schedule = Schedule(kind=TOP_UP, every_hours=every, zone=zone)
    assert schedule.following(first - before * MINUTE, first) == first


def test_it_ends() -> None:
    assert Schedule(kind=TOP_UP).following(NOON, NOON) is None
    twice = Schedule(kind=TOP_UP, every_hours=2, until=NOON + 3 * HOUR)
    assert twice.following(NOON, NOON) == NOON + 2 * HOUR
    assert twice.following(NOON + 2 * HOUR, NOON) is None


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
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 0, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
    ids=[
        "two days before, over spring",
        "one day after, over autumn",
        "twelve hours after, over autumn",
        "at the date itself, when clocks show it the second time",
    ],
)
def test_days_before_and_after_a_date_keep_its_time_of_day(due: datetime, hours: int, at: datetime) -> None:
    by_due = Schedule(kind=TOP_UP, after_due_hours=hours, zone="Europe/Berlin")
    assert by_due.first(due.astimezone(UTC), NOON) == at.astimezone(UTC)


def test_it_goes_on_until_the_last_due_date_of_a_student_s_own() -> None:
    dates = [NOON, NOON + 48 * HOUR, NOON + 100 * HOUR]
    with_grace = Schedule(kind=ScheduleKind.ALLOCATE, after_due_hours=2, own_dates=True)
    first = with_grace.first(NOON, NOON)
    assert first == NOON + 2 * HOUR
    second = with_grace.following(first, first, dates)
    assert second == NOON + 50 * HOUR, "with the same grace as the others"
    third = with_grace.following(second, first, dates)
    assert third == NOON + 102 * HOUR
    assert with_grace.following(third, first, dates) is None

    daily = Schedule(kind=TOP_UP, after_due_hours=0, every_hours=24, own_dates=True)
    times = [NOON]
    while (after := daily.following(times[-1], NOON, dates)) is not None:
        times.append(after)
    assert [(time - NOON) // HOUR for time in times] == [0, 24, 48, 72, 96, 100]


@pytest.mark.parametrize("more", [{"kind": "watch", "after_due_hours": 0}, {"kind": "top_up"}])
def test_own_due_dates_belong_to_plans_that_hang_on_the_due_date(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate({"own_dates": True, **more})
