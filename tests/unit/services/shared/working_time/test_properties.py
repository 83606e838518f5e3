"""What holds of working time whatever the office hours, the instants and their offsets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache

from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.events.sla import Budget, TimeUnit
from contracts.rules import sample_rules
from services.shared.working_time import Calendar, CalendarDaysEnd, WorkingDaysReading
from services.shared.working_time.holidays_vn import read_overrides, special_days
from services.shared.working_time.office_hours import Pattern, Reading
from tests.support.properties import examples

VIETNAM = timezone(timedelta(hours=7))
SECOND = timedelta(seconds=1)
SPECIAL = special_days(read_overrides(sample_rules().files["overrides.toml"]))
OFFICE = ["07:30-11:30", "13:00-17:00"]
PATTERNS = {
    name: Pattern.model_validate(hours)
    for name, hours in {
        "weekdays": dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE),
        "saturday desk": {
            "monday": OFFICE,
            "tuesday": OFFICE,
            "wednesday": OFFICE,
            "thursday": OFFICE,
            "friday": ["07:30-11:30", "13:00-16:00"],
            "saturday": ["07:30-11:30"],
        },
        "round the clock": {
            "monday": ["00:00-24:00"],
            "tuesday": ["00:00-12:00", "12:01-24:00"],
            "wednesday": ["23:59-24:00"],
            "friday": ["00:00-00:01"],
            "sunday": ["08:00-09:00", "10:00-11:00", "12:00-13:00", "14:00-15:00"],
            "make_up_day": ["05:00-23:00"],
        },
    }.items()
}


@cache
def calendar(
    name: str,
    working_days: WorkingDaysReading = WorkingDaysReading.EIGHT_HOURS,
    end: CalendarDaysEnd = CalendarDaysEnd.CLOSING,
) -> Calendar:
    return Calendar(
        PATTERNS[name], SPECIAL, Reading(working_days=working_days, calendar_days_end=end)
    )


def slow_measure(pattern: Pattern, start: datetime, end: datetime, step: timedelta) -> int:
    """The working seconds from start to end, found by asking of every step whether it is worked."""
    used, local, last = 0, start.astimezone(VIETNAM), end.astimezone(VIETNAM)
    while local < last:
        known, weekday = SPECIAL.get(local.date()), local.weekday()
        if known is None or (known.works and weekday < 5):
            hours = pattern.week[weekday]
        else:
            hours = pattern.make_up if known.works else ()
        second = local.hour * 3600 + local.minute * 60 + local.second
        used += any(opens <= second < closes for opens, closes in hours)
        local += step
    return used * int(step.total_seconds())


names = st.sampled_from(sorted(PATTERNS))
seconds = st.integers(0, 400 * 3600)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
anywhere = st.datetimes(
    datetime(2000, 6, 1), datetime(2039, 12, 31), timezones=st.one_of(st.just(UTC), offsets)
)
to_the_second = anywhere.map(lambda moment: moment.replace(microsecond=0))
# Where what is special happens: Tết, make-up Saturdays, swaps, New Year.
eventful = st.one_of(
    to_the_second,
    st.builds(
        lambda day, second: (
            datetime.combine(day, datetime.min.time(), VIETNAM) + timedelta(seconds=second)
        ),
        st.sampled_from([day for day in SPECIAL if 2001 <= day.year <= 2039]),
        st.integers(-3 * 86_400, 3 * 86_400),
    ),
)


@given(names, eventful, seconds)
def test_adding_working_time_and_measuring_it_are_inverse(
    name: str, start: datetime, n: int
) -> None:
    assert calendar(name).measure(start, calendar(name).add(start, n)) == n


@given(names, eventful, seconds)
def test_subtracting_working_time_and_measuring_it_are_inverse(
    name: str, end: datetime, n: int
) -> None:
    assert calendar(name).measure(calendar(name).subtract(end, n), end) == n


@given(names, eventful, seconds.filter(bool))
def test_adding_gives_the_earliest_instant_there_is(name: str, start: datetime, n: int) -> None:
    assert calendar(name).measure(start, calendar(name).add(start, n) - SECOND) == n - 1


@given(names, eventful, seconds.filter(bool))
def test_subtracting_gives_the_latest_instant_there_is(name: str, end: datetime, n: int) -> None:
    assert calendar(name).measure(calendar(name).subtract(end, n) + SECOND, end) == n - 1


@given(names, eventful, seconds, seconds)
def test_adding_in_two_parts_is_adding_at_once(name: str, start: datetime, n: int, m: int) -> None:
    assume(m > 0)
    c = calendar(name)
    assert c.add(c.add(start, n), m) == c.add(start, n + m)


@given(names, anywhere, anywhere, anywhere)
def test_measuring_is_additive(name: str, a: datetime, b: datetime, c: datetime) -> None:
    measure = calendar(name).measure
    assert measure(a, b) + measure(b, c) == measure(a, c)


@given(names, anywhere, anywhere)
def test_measuring_backwards_is_negative(name: str, a: datetime, b: datetime) -> None:
    assert calendar(name).measure(a, b) == -calendar(name).measure(b, a)


@given(names, anywhere, anywhere, anywhere)
def test_a_later_end_never_means_less_working_time(
    name: str, start: datetime, b: datetime, c: datetime
) -> None:
    assert calendar(name).measure(start, min(b, c)) <= calendar(name).measure(start, max(b, c))


@given(names, anywhere, anywhere)
def test_working_time_is_never_more_than_the_time_that_passes(
    name: str, a: datetime, b: datetime
) -> None:
    start, end = sorted((a, b))
    whole = end.replace(microsecond=0) - start.replace(microsecond=0)
    assert 0 <= calendar(name).measure(start, end) <= whole.total_seconds()


@given(
    names,
    st.sampled_from(WorkingDaysReading),
    st.sampled_from(CalendarDaysEnd),
    st.sampled_from(TimeUnit),
    eventful,
    eventful,
    st.integers(1, 60),
)
def test_who_comes_later_is_never_due_earlier(
    name: str,
    reading: WorkingDaysReading,
    end: CalendarDaysEnd,
    unit: TimeUnit,
    a: datetime,
    b: datetime,
    amount: int,
) -> None:
    c, budget = calendar(name, reading, end), Budget(amount=amount, unit=unit)
    assert c.due(min(a, b), budget) <= c.due(max(a, b), budget)


@given(
    names,
    st.sampled_from(WorkingDaysReading),
    st.sampled_from(CalendarDaysEnd),
    st.sampled_from(TimeUnit),
    eventful,
    st.integers(1, 60),
)
def test_a_longer_budget_is_never_due_earlier(
    name: str,
    reading: WorkingDaysReading,
    end: CalendarDaysEnd,
    unit: TimeUnit,
    start: datetime,
    amount: int,
) -> None:
    c = calendar(name, reading, end)
    shorter = c.due(start, Budget(amount=amount, unit=unit))
    assert start < shorter <= c.due(start, Budget(amount=amount + 1, unit=unit))


@given(eventful, st.integers(1, 60))
def test_with_eight_hours_a_day_two_readings_of_working_days_agree(
    start: datetime, days: int
) -> None:
    same_time = calendar("weekdays", WorkingDaysReading.SAME_TIME)
    assert calendar("weekdays").add_working_days(start, days) == same_time.add_working_days(
        start, days
    )


@given(names, eventful, st.integers(0, 12 * 1440))
def test_measuring_agrees_with_looking_at_every_minute(
    name: str, moment: datetime, minutes: int
) -> None:
    start = moment.replace(second=0)
    end = start + timedelta(minutes=minutes)
    slow = slow_measure(PATTERNS[name], start, end, timedelta(minutes=1))
    assert calendar(name).measure(start, end) == slow


@examples(0.5)
@given(names, eventful, st.integers(0, 4 * 3600))
def test_measuring_agrees_with_looking_at_every_second(
    name: str, start: datetime, length: int
) -> None:
    end = start + timedelta(seconds=length)
    assert calendar(name).measure(start, end) == slow_measure(PATTERNS[name], start, end, SECOND)


@given(names, eventful, offsets, seconds, st.sampled_from(TimeUnit), st.integers(1, 60))
def test_the_same_instant_at_any_offset_gives_the_same_answer(
    name: str, start: datetime, offset: timezone, n: int, unit: TimeUnit, amount: int
) -> None:
    c, elsewhere = calendar(name), start.astimezone(offset)
    budget = Budget(amount=amount, unit=unit)
    assert c.measure(start, elsewhere) == 0
    assert c.add(elsewhere, n) == c.add(start, n)
    assert c.subtract(elsewhere, n) == c.subtract(start, n)
    assert c.due(elsewhere, budget) == c.due(start, budget)


@given(names, anywhere, seconds, st.sampled_from(TimeUnit), st.integers(1, 60))
def test_every_answer_is_in_utc_and_to_the_whole_second(
    name: str, start: datetime, n: int, unit: TimeUnit, amount: int
) -> None:
    c = calendar(name)
    answers = (
        c.add(start, n),
        c.subtract(start, n),
        c.due(start, Budget(amount=amount, unit=unit)),
    )
    assert all(answer.tzinfo is UTC and answer.microsecond == 0 for answer in answers)


@given(names, eventful, st.integers(0, 40 * 86_400))
def test_the_explained_days_add_up_to_what_is_measured(
    name: str, start: datetime, length: int
) -> None:
    end = start + timedelta(seconds=length)
    days = calendar(name).explain_days(start, end)
    assert sum(day.working_seconds for day in days) == calendar(name).measure(start, end)
    assert days[0].date == start.astimezone(VIETNAM).date()
    assert days[-1].date == end.astimezone(VIETNAM).date()
    assert [day.date for day in days] == [
        days[0].date + timedelta(days=number) for number in range(len(days))
    ]
