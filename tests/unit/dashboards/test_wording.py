from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from dashboards import wording

BERLIN = ZoneInfo("Europe/Berlin")


def plain(text: str) -> str:
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (41 * 60 + 59, "41 min"),
        (3600, "1 h"),
        (Decimal(3 * 3600 + 12 * 60), "3 h 12 min"),
        (52 * 3600, "2 d 4 h"),
        (None, "–"),
    ],
)
def test_a_duration_is_told_in_the_two_largest_units(
    seconds: float | Decimal | None, words: str
) -> None:
    assert plain(wording.duration(seconds)) == words


def test_lost_machine_hours_are_not_turned_into_days() -> None:
    assert plain(wording.hours_minutes(31 * 3600 + 5 * 60)) == "31 h 5 min"


def test_a_quantity_has_separators_and_a_unit() -> None:
    assert plain(wording.quantity(Decimal("2310.000000"), "pcs")) == "2,310 pcs"
    assert plain(wording.quantity(Decimal("12.5"), None)) == "12.5 units"


def test_a_missing_ratio_is_not_zero() -> None:
    assert wording.percent(None) == "–"
    assert plain(wording.percent(0.0)) == "0.0 %"


def test_a_difference_of_ratios_is_told_in_points() -> None:
    assert wording.points(-0.032) == "\N{MINUS SIGN}3.2 points"
    assert wording.points(0.01) == "+1.0 points"


def test_times_are_told_on_the_wall_clock_of_the_site() -> None:
    assert wording.clock(datetime(2026, 7, 1, 4, 30), BERLIN) == "06:30"
    assert wording.zone_name(BERLIN, datetime(2026, 7, 1)) == "Europe/Berlin (UTC+2)"


def test_a_time_of_another_local_day_names_the_day() -> None:
    now = datetime(2026, 3, 3, 23, 30)  # already Wednesday in Berlin

    assert wording.clock_or_day(datetime(2026, 3, 3, 23, 10), BERLIN, now) == "00:10"
    assert wording.clock_or_day(datetime(2026, 3, 3, 22, 10), BERLIN, now) == "Tue 3 Mar 23:10"


@pytest.mark.parametrize(
    ("shift_ids", "name"),
    [
        (["early"], "Early shift"),
        (["night_shift"], "Night shift"),
        (["day", "early", "office"], "Day, early and office shift"),
        ([None], "No shift"),
        ([], "No shift"),
    ],
)
def test_shifts_are_called_by_their_names(shift_ids: list[str | None], name: str) -> None:
    assert wording.shift_name(*shift_ids) == name


def test_money_has_cents_and_a_currency_or_says_that_no_rate_is_known() -> None:
    assert wording.money(Decimal("1234.5"), "EUR") == "1,234.50\N{NARROW NO-BREAK SPACE}EUR"
    assert wording.money(None, None) == "no rate"
