"""What went into each operation of each order and what came out, from the truth's pieces."""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.oracle import times
from tests.oracle.shift_calendar import rows

OrderAtUnit = tuple[str | None, str]


@dataclass
class Yield:
    """Pieces by result, in shifts and between them."""

    good: int = 0
    scrap: int = 0
    rework: int = 0

    @property
    def input(self) -> int:
        return self.good + self.scrap + self.rework

    @property
    def throughput(self) -> Fraction:
        """The share that needed neither scrap nor rework."""
        return Fraction(self.good, self.input)

    def __add__(self, other: "Yield") -> "Yield":
        return Yield(self.good + other.good, self.scrap + other.scrap, self.rework + other.rework)


def of_operations(truth_folder: Path) -> dict[OrderAtUnit, Yield]:
    """By order (None: without one) and work unit."""
    found: defaultdict[OrderAtUnit, Yield] = defaultdict(Yield)
    for unit, record in times.read(truth_folder).items():
        for piece in record.pieces:
            each = found[piece.production_order_id, unit]
            setattr(each, piece.result, getattr(each, piece.result) + 1)
    return dict(found)


def of_routes(operations: dict[OrderAtUnit, Yield], business_folder: Path) -> dict[str, Fraction]:
    """Rolled throughput yield by order: the product over its operations."""
    names = {
        (row["production_order_id"], row["work_unit_id"]): row["operation_id"]
        for row in rows(business_folder, "order_operation")
    }
    together: defaultdict[tuple[str, str], Yield] = defaultdict(Yield)
    for (order, unit), each in operations.items():
        if order is not None:
            together[order, names[order, unit]] += each
    rolled: defaultdict[str, Fraction] = defaultdict(lambda: Fraction(1))
    for (order, _), each in together.items():
        rolled[order] *= each.throughput
    return dict(rolled)
