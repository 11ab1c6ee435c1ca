"""The plant's accounting months and what money is worth in them, as rows of `takt.contracts`."""

from collections.abc import Iterator
from datetime import date, datetime, time

from edge.simulator.cost_data import Row
from edge.simulator.plant import CURRENCY, TIME_ZONE
from edge.simulator.shifts import local_ms, to_datetime

_EXCHANGE_RATES = (0.0398, 0.0402, 0.0405)
"""What a Czech crown is worth in the months of a quarter, in euro."""


def exchange_rates(first_monday: date, now: datetime) -> Iterator[Row]:
    """Rows of `exchange_rate`: the euro is the common currency, the crown's worth is of the month.

    Those of months that begin after `now` are not known yet.
    """
    yield {"currency": CURRENCY, "rate": 1}
    for month in _months(first_monday, now):
        if (starts_at := _month_start(month)) <= now:
            rate = _EXCHANGE_RATES[month % len(_EXCHANGE_RATES)]
            yield {"currency": "CZK", "valid_from": starts_at, "rate": rate}


def periods(first_monday: date, now: datetime) -> Iterator[Row]:
    """Rows of `period`: the months from the one before the plant's first week, a year ahead."""
    for month in _months(first_monday, now):
        yield {
            "period_id": f"{_first_day(month):%Y-%m}",
            "starts_at": _month_start(month),
            "ends_at": _month_start(month + 1),
        }


def first_period(first_monday: date) -> datetime:
    """Where the first period begins."""
    return _month_start(_first_month(first_monday))


def _months(first_monday: date, now: datetime) -> range:
    """Months as numbers since the year 0."""
    here = now.astimezone(TIME_ZONE)
    return range(_first_month(first_monday), here.year * 12 + here.month - 1 + 13)


def _first_month(first_monday: date) -> int:
    return first_monday.year * 12 + first_monday.month - 2


def _month_start(month: int) -> datetime:
    return to_datetime(local_ms(_first_day(month), time(0)))


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
