"""The comparison of marts with the oracle finds what differs, and nothing else."""

from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest

from tests.oracle.comparison import RATIOS, order_differences, shift_differences
from tests.oracle.figures import Figures, ShiftFigures
from tests.oracle.shift_calendar import Shift

FIGURES = Figures(
    calendar_time_us=10_000_001,
    planned_busy_time_us=9_000_000,
    actual_production_time_us=7_000_000,
    ideal_time_us=6_000_000,
    good_ideal_time_us=5_000_000,
    produced_quantity=6,
    good_quantity=5,
    scrap_quantity=1,
)
EXPECTED = ShiftFigures(
    Shift("unit", date(2026, 3, 2), "early", 0, 10_000_001, ()), FIGURES, {"order": FIGURES}
)


def mart_row() -> dict[str, object]:
    row: dict[str, object] = {
        "work_unit_id": "unit",
        "production_date": date(2026, 3, 2),
        "shift_id": "early",
        "production_order_id": "order",
    }
    for field in fields(Figures):
        amount = Decimal(getattr(FIGURES, field.name))
        seconds = amount.scaleb(-6) if field.name.endswith("_us") else amount
        row[field.name.removesuffix("_us") + ("_s" if field.name.endswith("_us") else "")] = seconds
    return row | {name: float(getattr(FIGURES, name)) for name in RATIOS}


def test_equal_rows_do_not_differ() -> None:
    assert shift_differences([mart_row()], [EXPECTED]) == []
    assert order_differences([mart_row()], [EXPECTED]) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("calendar_time_s", Decimal("10.000002")),
        ("good_quantity", Decimal(4)),
        ("oee_index", 5 / 9 + 2e-9),
        ("oee_index", None),
        ("minor_stop_time_s", None),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object) -> None:
    (difference,) = shift_differences([mart_row() | {name: value}], [EXPECTED])

    assert name in difference
    assert str(value) in difference


def test_a_missing_row_is_named() -> None:
    (difference,) = shift_differences([], [EXPECTED])

    assert "no row" in difference
