"""Where a mart differs from the oracle, in words."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction

from tests.oracle.figures import Figures, ShiftFigures

RATIOS = (
    "availability",
    "effectiveness",
    "quality_ratio",
    "oee_index",
    "nee_index",
    "teep_index",
)
TOLERANCE = Fraction(1, 10**9)

Row = Mapping[str, object]


def shift_differences(rows: Iterable[Row], expected: Iterable[ShiftFigures]) -> list[str]:
    """What is wrong with rows of `marts.work_unit_shift`; `expected` says which must be there."""
    figures = {each.key: each.whole for each in expected}
    return list(_differences(rows, figures, ("work_unit_id", "production_date", "shift_id")))


def order_differences(rows: Iterable[Row], expected: Iterable[ShiftFigures]) -> list[str]:
    """As `shift_differences`, of `marts.work_unit_shift_order`."""
    figures = {
        (*each.key, order): part
        for each in expected
        for order, part in each.by_order.items()
        if part != Figures()
    }
    key = ("work_unit_id", "production_date", "shift_id", "production_order_id")
    return list(_differences(rows, figures, key))


def _differences(
    rows: Iterable[Row], expected: Mapping[tuple, Figures], key: tuple[str, ...]
) -> Iterator[str]:
    found = {tuple(row[name] for name in key): row for row in rows}
    for missing in expected.keys() - found.keys():
        yield f"{missing}: no row"
    for place in expected.keys() & found.keys():
        for name, (is_value, should_be) in _unequal(found[place], expected[place]):
            yield f"{place} {name}: {is_value}, should be {should_be}"


def _unequal(row: Row, figures: Figures) -> Iterator[tuple[str, tuple[object, object]]]:
    for field in fields(Figures):
        name = re.sub("_us$", "_s", field.name)
        amount = getattr(figures, field.name)
        should_be = Decimal(amount) / (1_000_000 if name.endswith("_s") else 1)
        if row[name] is None or Decimal(str(row[name])) != should_be:
            yield name, (row[name], should_be)
    for name in RATIOS:
        ratio = getattr(figures, name)
        if not _is_close(row[name], ratio):
            yield name, (row[name], None if ratio is None else float(ratio))


def _is_close(value: object, ratio: Fraction | None) -> bool:
    if value is None or ratio is None:
        return value is None and ratio is None
    return abs(Fraction(str(value)) - ratio) <= TOLERANCE
