"""Which time an order took, told by machines, by workers or by its route. Times are µs.

Belongs here: time, and what pieces should have needed where nobody told it. What time costs is in
`order_costs`.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tests.oracle.cost_facts import SECOND_US, Use
from tests.oracle.cost_lines import rounded
from tests.oracle.order_pieces import OrderPieces


class Spent(NamedTuple):
    """Time of an operation between two moments at which costs change, whoever told it."""

    operation: str
    work_unit: str | None
    driver: str
    at: int
    seconds: Fraction
    source: str


class OrderTime(OrderPieces):
    """One order, its pieces and its time."""

    @cached_property
    def uses(self) -> list[Use]:
        """What is charged: of a running order no time without data that nothing followed."""
        told = self.works.uses_of.get(self.name, [])
        if self.is_final:
            return told
        heard: dict[tuple[str | None, str], int] = {}
        for use in told:
            if use.category != "unknown":
                place = use.operation, use.work_unit
                heard[place] = max(heard.get(place, use.started_at), use.started_at)
        return [
            use
            for use in told
            if use.category != "unknown"
            or use.started_at <= heard.get((use.operation, use.work_unit), use.started_at - 1)
        ]

    @cached_property
    def machine_time(self) -> list[Spent]:
        """Time that machines told."""
        found = []
        for use in self.uses:
            driver = "setup_time" if use.category == "setup" else "run_time"
            for start, end in self._cut(use.started_at, use.ended_at):
                length = Fraction(end - start, SECOND_US)
                found.append(Spent(use.operation, use.work_unit, driver, start, length, "machine"))
        # Pieces alone say that a machine worked, if only for no time.
        timed = {spent.operation for spent in found}
        found += [
            Spent(each.operation, each.work_unit, "run_time", each.at, Fraction(0), "machine")
            for each in self.works.counts_of.get(self.name, [])
            if each.operation not in timed
        ]
        return found

    def _cut(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        within = [at for at in self.works.changes if start < at < end]
        yield from pairwise([start, *within, end])

    @cached_property
    def time(self) -> list[Spent]:
        """Time of each operation, once whoever is paid for it."""
        by_machine = {spent.operation for spent in self.machine_time}
        by_hand = [
            each for each in self.works.booked.get(self.name, []) if each[0] not in by_machine
        ]
        found = [*self.machine_time, *self._booked_spans(by_hand)]
        told = by_machine | {each[0] for each in by_hand}
        for name, operation in self.own_route.items():
            if name in told or operation.is_subcontract:
                continue
            unit = self._reported_unit(name) or operation.work_unit
            for driver, variable, constant in (
                ("setup_time", Fraction(0), operation.setup_s),
                ("run_time", operation.run_s, Fraction(0)),
            ):
                found += [
                    Spent(name, unit, driver, at, seconds, "backflushed")
                    for at, seconds in self._flushed(name, variable, constant)
                ]
        return found

    def _flushed(
        self, operation: str | None, variable: Fraction, constant: Fraction
    ) -> Iterator[tuple[int, Fraction]]:
        """Moment and quantity of what pieces should have needed, the lot's with the first."""

        def so_far(moment: int) -> Fraction:
            pieces = self._basis_before(moment, operation)
            return rounded(variable * pieces, 9) + (constant if pieces else 0)

        return self._as_pieces_came(so_far)

    def _booked_spans(
        self, bookings: list[tuple[str, str, str, int, int, Fraction]]
    ) -> Iterator[Spent]:
        """Overlaps of several workers count once."""
        reached: dict[str, int] = {}
        for operation, _, driver, start, end, _ in sorted(
            bookings, key=lambda each: (each[3], each[4], each[2] != "setup_time")
        ):
            since = max(start, reached.get(operation, start))
            if end > since:
                unit = self._reported_unit(operation)
                if unit is None and operation in self.own_route:
                    unit = self.own_route[operation].work_unit
                length = Fraction(end - since, SECOND_US)
                yield Spent(operation, unit, driver, since, length, "booked")
            reached[operation] = max(end, reached.get(operation, end))

    def _reported_unit(self, operation: str) -> str | None:
        units = [
            row["work_unit_id"]
            for row in self.works.reports.get(self.name, [])
            if row["operation_id"] == operation
        ]
        return min(units, default=None)

    def _unit_of(self, operation: str) -> str | None:
        units = {spent.work_unit for spent in self.time if spent.operation == operation}
        return min((unit for unit in units if unit), default=None)
