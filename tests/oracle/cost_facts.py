"""What is known of orders: business files, and what machines really did. Times are µs.

Belongs here: facts, and how they lie in time. What follows from them is in `order_costs`.
"""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tests.oracle.cost_cards import CostCards
from tests.oracle.cost_lines import LABOUR
from tests.oracle.cost_versions import begin
from tests.oracle.shift_calendar import Row, instant, rows

SECOND_US = 1_000_000
BEFORE = "before"


_Share = tuple[tuple[str, str], str, str, str, int, int, Fraction]
"""Order and operation, activity, cost category, driver, start, end, seconds."""


class Use(NamedTuple):
    """Time that a work unit really spent on an operation and that is charged to its order."""

    order: str
    operation: str
    work_unit: str
    category: str
    started_at: int
    ended_at: int
    loss_category: str | None = None
    cause: str | None = None
    reason: str | None = None
    is_minor: bool = False


class Count(NamedTuple):
    """Pieces that a work unit really made for an operation, in the quarter of an hour `at`."""

    order: str
    operation: str
    work_unit: str
    at: int
    produced: int
    scrap: int


class Measure(NamedTuple):
    """Material that a work unit really took for an operation, in the quarter of an hour `at`."""

    order: str
    operation: str
    item: str
    at: int
    quantity: Fraction


class Period(NamedTuple):
    """A stretch of accounting time."""

    period_id: str
    starts_at: int


@dataclass
class Works:
    """Business files and the truth of what machines did, evaluated `now`."""

    cards: CostCards
    uses: list[Use]
    counts: list[Count]
    measures: list[Measure]
    periods: list[Period]

    @property
    def now(self) -> int:
        """When all is evaluated, µs."""
        return self.cards.now

    def table(self, name: str) -> dict[str, list[Row]]:
        """Rows of a business file by order."""
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows(self.cards.folder, name):
            found[row["production_order_id"]].append(row)
        return found

    @cached_property
    def movements(self) -> dict[str, list[Row]]:
        """Movements by order."""
        return self.table("material_movement")

    @cached_property
    def receipts(self) -> dict[str, list[Row]]:
        """Receipts by order."""
        return self.table("subcontract_receipt")

    @cached_property
    def reports(self) -> dict[str, list[Row]]:
        """Reported operations by order."""
        return self.table("order_operation")

    @cached_property
    def changes(self) -> list[int]:
        """Moments at which a rate, a version or the period changes."""
        dated = [*rows(self.cards.folder, "cost_rate"), *rows(self.cards.folder, "cost_version")]
        found = {instant(row["valid_from"]) for row in dated if row["valid_from"]}
        return sorted(found | {period.starts_at for period in self.periods})

    @cached_property
    def uses_of(self) -> dict[str, list[Use]]:
        """Charged time by order."""
        found: defaultdict[str, list[Use]] = defaultdict(list)
        for use in self.uses:
            found[use.order].append(use)
        return found

    @cached_property
    def counts_of(self) -> dict[str, list[Count]]:
        """Pieces by order."""
        found: defaultdict[str, list[Count]] = defaultdict(list)
        for count in self.counts:
            found[count.order].append(count)
        return found

    @cached_property
    def measures_of(self) -> dict[str, list[Measure]]:
        """Measured material by order."""
        found: defaultdict[str, list[Measure]] = defaultdict(list)
        for measure in self.measures:
            found[measure.order].append(measure)
        return found

    @cached_property
    def inspections(self) -> set[tuple[str, str]]:
        """Operations of orders at which their routes, all alike, say that something is examined."""
        examined = {
            (row["item_id"], row["operation_id"])
            for row in rows(self.cards.folder, "routing_operation")
            if row.get("is_inspection") == "true"
        }
        return {
            (order, operation)
            for order, (row,) in self.table("production_order").items()
            for item, operation in examined
            if item == row["item_id"]
        }

    @cached_property
    def booked(self) -> dict[str, list[tuple[str, str, str, int, int, Fraction]]]:
        """By order: operation, category, driver, start, end, and the share of a worker's time."""
        found = defaultdict(list)
        for (order, operation), activity, *booking in self._shares:
            if self._quality(activity, (order, operation)) is None:
                found[order].append((operation, *booking))
        return found

    @cached_property
    def quality_hours(self) -> dict[tuple[str, str, str], Fraction]:
        """By order, operation and category: time that was booked for quality and for no order."""
        found: defaultdict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
        for part, activity, _, _, _, _, share_s in self._shares:
            quality = self._quality(activity, part)
            if quality is not None:
                found[*part, quality] += share_s / 3_600
        return found

    @cached_property
    def _shares(self) -> list[_Share]:
        """A worker's time, divided evenly between all that he does at a time."""
        workers = defaultdict(list)
        for row in rows(self.cards.folder, "labour_booking"):
            start = instant(row["started_at"])
            end = min(instant(row["finished_at"]) if row["finished_at"] else self.now, self.now)
            if start < self.now:
                driver = "setup_time" if row["kind"] == "setup" else "run_time"
                part = row["production_order_id"], row["operation_id"]
                category = row["cost_category_id"] or LABOUR
                activity = row["kind"] if row["kind"] in ("inspection", "prevention") else "work"
                did = part, activity
                workers[row["worker_id"]].append((start, end, did, category, driver))
        found = []
        for bookings in workers.values():
            cuts = {at for booking in bookings for at in booking[:2]} | set(self.changes)
            for start, end in pairwise(sorted(cuts)):
                tended = defaultdict(list)
                for since, until, did, category, driver in bookings:
                    if since <= start < until:
                        tended[did].append((category, driver))
                for did, said in tended.items():
                    category = min(each[0] for each in said)
                    driver = max(each[1] for each in said)
                    share = Fraction(end - start, len(tended) * SECOND_US)
                    found.append((*did, category, driver, start, end, share))
        return found

    def _quality(self, activity: str, part: tuple[str, str]) -> str | None:
        if activity == "inspection":
            return None if part in self.inspections else "appraisal"
        return "prevention" if activity == "prevention" else None

    def period(self, moment: int) -> str:
        """The period of a moment."""
        begun = [period.period_id for period in self.periods if period.starts_at <= moment]
        return begun[-1] if begun else BEFORE

    def worth(self, currency: str, moment: int) -> Fraction | None:
        """What a currency is worth in the common one."""
        known = [
            (begin(row), Fraction(row["rate"]))
            for row in rows(self.cards.folder, "exchange_rate")
            if row["currency"] == currency and begin(row) <= moment
        ]
        return max(known)[1] if known else None
