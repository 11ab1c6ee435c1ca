"""What cost cards are made of: lines, parts, products, operations, and how an amount is rounded.

Belongs here: values without a rule of their own; which there are is in `cost_cards`.
"""

from fractions import Fraction
from typing import NamedTuple

LABOUR = "labour"
TIMES = ("setup_time", "run_time")
HOUR_S = 3600


class Line(NamedTuple):
    """A line of a cost card: quantities per unit and per lot, price per unit or hour."""

    operation: str | None
    group: str
    driver: str
    line_id: str
    is_overhead: bool
    is_made: bool
    variable: Fraction
    constant: Fraction
    price: Fraction
    unit_cost: Fraction

    @property
    def key(self) -> tuple[str | None, str, str, str]:
        """What makes it one line of its card."""
        return self.operation, self.group, self.driver, self.line_id

    @property
    def constant_unit_cost(self) -> Fraction:
        """A unit's share of what a lot needs."""
        if not self.constant:
            return Fraction(0)
        return self.unit_cost - rounded(amount(self.variable, self.price, self.driver), 6)


class Part(NamedTuple):
    """A part of what a unit of an item costs."""

    group: str
    single_group: str
    cost: Fraction


class Product(NamedTuple):
    """What a process makes beside its item: how much per unit, and how much a unit bears."""

    item: str
    quantity: Fraction
    share: Fraction


class Operation(NamedTuple):
    """What a route says of an operation in a costing version."""

    operation: str
    work_unit: str | None
    category: str | None
    crew: Fraction | None
    is_subcontract: bool
    pieces_started: Fraction
    planned_run_s: Fraction
    run_s: Fraction
    setup_s: Fraction
    rates: dict[tuple[str, str], Fraction]


def rounded(number: Fraction, places: int) -> Fraction:
    """To so many places, half away from zero."""
    scaled = abs(number) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole if number >= 0 else -whole, 10**places)


def amount(quantity: Fraction, price: Fraction, driver: str) -> Fraction:
    """What a quantity of a line costs: time is in seconds, its price per hour."""
    return quantity * price / (HOUR_S if driver in TIMES else 1)


def number(text: str | None) -> Fraction:
    """Of a cell; an empty one is nought."""
    return Fraction(text) if text else Fraction(0)


def crew_rate(rate: Fraction, category: str, crew: Fraction | None) -> Fraction:
    """A rate of labour is a worker's."""
    return rate * crew if category == LABOUR and crew is not None else rate
