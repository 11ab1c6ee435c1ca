from datetime import date, datetime, time
from decimal import Decimal

import pytest

from ingestion.reference_values import UnfitValueError, parse
from takt.contracts import Column, Type

at = datetime.fromisoformat


def column(of_type: Type, **limits: object) -> Column:
    return Column("it", of_type, "A value.", **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of_type", "cell", "value"),
    [
        (Type.TEXT, " 0042 ", "0042"),
        (Type.TEXT, 1001.0, "1001"),
        (Type.INTEGER, "7", 7),
        (Type.INTEGER, 7.0, 7),
        (Type.DECIMAL, "2.5", Decimal("2.500000")),
        (Type.DECIMAL, 0.1 + 0.2, Decimal("0.300000")),
        (Type.BOOLEAN, "TRUE", True),
        (Type.BOOLEAN, 0, False),
        (Type.DATE, "2026-03-01", date(2026, 3, 1)),
        (Type.DATE, at("2026-03-01"), date(2026, 3, 1)),
        (Type.TIMESTAMP, "2026-03-01T06:00:00+01:00", at("2026-03-01T05:00:00")),
        (Type.TIMESTAMP, "2026-03-01T06:00:00.000001Z", at("2026-03-01T06:00:00.000001")),
        (Type.TIMESTAMP, "2026-03-01 06:00", at("2026-03-01T06:00:00")),
        (Type.TIMESTAMP, date(2026, 3, 1), at("2026-03-01")),
        (Type.LOCAL_TIME, "6:00", time(6)),
        (Type.LOCAL_TIME, "24:00", time(0)),
        (Type.LOCAL_TIME, time(22, 30), time(22, 30)),
        (Type.TIME_ZONE, "Europe/Copenhagen", "Europe/Copenhagen"),
    ],
)
def test_a_cell_becomes_the_value_its_column_promises(
    of_type: Type, cell: object, value: object
) -> None:
    assert parse(cell, column(of_type)) == value


@pytest.mark.parametrize(
    ("of_type", "cell", "cause"),
    [
        (Type.TEXT, "a\nb", "line break"),
        (Type.TEXT, at("2026-03-01"), "not a text"),
        (Type.INTEGER, "7.5", "not a whole number"),
        (Type.INTEGER, "1e400", "not a whole number"),
        (Type.INTEGER, str(2**63), "64 bits"),
        (Type.DECIMAL, "2,5", "decimal point"),
        (Type.DECIMAL, "0.1234567", "six decimals"),
        (Type.DECIMAL, "1e12", "twelve digits"),
        (Type.DECIMAL, "NaN", "finite"),
        (Type.DECIMAL, "many", "not a number"),
        (Type.BOOLEAN, "maybe", "true or false"),
        (Type.DATE, "01.03.2026", "YYYY-MM-DD"),
        (Type.DATE, at("2026-03-01T06:00:00"), "time of day"),
        (Type.TIMESTAMP, "yesterday", "ISO 8601"),
        (Type.TIMESTAMP, "0001-01-01T00:00:00+14:00", "ISO 8601"),
        (Type.LOCAL_TIME, "25:00", "HH:MM"),
        (Type.LOCAL_TIME, "06:00Z", "HH:MM"),
        (Type.TIME_ZONE, "Mars/Olympus", "IANA"),
    ],
)
def test_a_cell_that_does_not_fit_is_refused_with_its_cause(
    of_type: Type, cell: object, cause: str
) -> None:
    with pytest.raises(UnfitValueError, match=cause):
        parse(cell, column(of_type))


def test_an_empty_cell_is_no_value_unless_one_is_required() -> None:
    assert parse("  ", column(Type.INTEGER)) is None
    with pytest.raises(UnfitValueError, match="required"):
        parse(None, column(Type.INTEGER, is_required=True))


def test_limits_and_allowed_values_are_kept() -> None:
    with pytest.raises(UnfitValueError, match="smallest"):
        parse("0", column(Type.INTEGER, minimum=Decimal(1)))
    with pytest.raises(UnfitValueError, match="largest"):
        parse("8", column(Type.INTEGER, maximum=Decimal(7)))
    with pytest.raises(UnfitValueError, match="greater"):
        parse("0", column(Type.DECIMAL, above=Decimal(0)))
    with pytest.raises(UnfitValueError, match="one of shift, break"):
        parse("Shift", column(Type.TEXT, allowed=("shift", "break")))
