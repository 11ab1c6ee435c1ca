"""What orders cost and why a second time, by the rules of docs/costs.md, in fractions.

Belongs here: from business files and what machines really did to costs, variances, losses and work
in process of each order. What a unit should cost is in `cost_cards`. Times are µs.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tests.oracle.cost_cards import (
    LABOUR,
    TIMES,
    CostCards,
    Line,
    Operation,
    amount,
    begin,
    crew_rate,
    holds,
    number,
    rounded,
)
from tests.oracle.shift_calendar import Row, instant, rows

_SECOND_US = 1_000_000
_EVER = -(10**18)
BEFORE = "before"
Key = tuple[str | None, str, str, str]
"""Of a line of a card: operation, cost group, driver, line."""


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
    """Pieces that a work unit really made for an operation at a moment."""

    order: str
    operation: str
    work_unit: str
    at: int
    produced: int
    scrap: int


class Period(NamedTuple):
    """A stretch of accounting time."""

    period_id: str
    starts_at: int


class Spent(NamedTuple):
    """Time of an operation between two moments at which costs change, whoever told it."""

    operation: str
    work_unit: str | None
    driver: str
    at: int
    seconds: Fraction
    source: str


class Actual(NamedTuple):
    """Something that an order used, and what it cost then."""

    operation: str | None
    group: str
    driver: str
    line_id: str
    is_overhead: bool
    source: str
    at: int
    quantity: Fraction
    amount: Fraction
    replaced: tuple[str, str] | None = None

    @property
    def key(self) -> Key:
        """The line of the card on which it stands."""
        return self.operation, self.group, self.driver, self.line_id


class Parts(NamedTuple):
    """Of an order: pieces that count for an operation."""

    good: Fraction
    scrap: Fraction
    source: str | None
    sequence: int


@dataclass
class Works:
    """Business files and the truth of what machines did, evaluated `now`."""

    cards: CostCards
    uses: list[Use]
    counts: list[Count]
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
    def booked(self) -> dict[str, list[tuple[str, str, str, int, int, Fraction]]]:
        """By order: operation, category, driver, start, end, and the share of a worker's time."""
        workers = defaultdict(list)
        for row in rows(self.cards.folder, "labour_booking"):
            start = instant(row["started_at"])
            end = min(instant(row["finished_at"]) if row["finished_at"] else self.now, self.now)
            if start < self.now:
                driver = "setup_time" if row["kind"] == "setup" else "run_time"
                part = row["production_order_id"], row["operation_id"]
                category = row["cost_category_id"] or LABOUR
                workers[row["worker_id"]].append((start, end, part, category, driver))
        found = defaultdict(list)
        for bookings in workers.values():
            cuts = {at for booking in bookings for at in booking[:2]} | set(self.changes)
            for start, end in pairwise(sorted(cuts)):
                tended: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
                for since, until, part, category, driver in bookings:
                    if since <= start < until:
                        tended[part].append((category, driver))
                for (order, operation), said in tended.items():
                    category = min(each[0] for each in said)
                    driver = max(each[1] for each in said)
                    share = Fraction(end - start, len(tended) * _SECOND_US)
                    found[order].append((operation, category, driver, start, end, share))
        return found

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

    def orders(self) -> dict[str, "OrderCosts"]:
        """Every order that can be costed."""
        found = {}
        for row in rows(self.cards.folder, "production_order"):
            order = OrderCosts(self, row)
            if order.version is not None:
                found[row["production_order_id"]] = order
        return found


@dataclass
class OrderCosts:
    """One order."""

    works: Works
    row: Row
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.row["production_order_id"]

    # ---------- what it is

    @property
    def cards(self) -> CostCards:
        """The costing versions."""
        return self.works.cards

    @cached_property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return bool(self.row["ended_at"]) and instant(self.row["ended_at"]) <= self.works.now

    @cached_property
    def known_at(self) -> int:
        """Its end, of a running one the present."""
        return instant(self.row["ended_at"]) if self.is_final else self.works.now

    @cached_property
    def costed_at(self) -> int:
        """When its costing version was chosen."""
        if self.row["released_at"]:
            return instant(self.row["released_at"])
        starts = [use.started_at for use in self.works.uses_of.get(self.name, [])]
        return min(starts) if starts else self.known_at

    @cached_property
    def version(self) -> str | None:
        """The version that it is costed by."""
        return self.row["cost_version_id"] or self.cards.site_version(
            self.row["site_id"], self.costed_at
        )

    @property
    def _version(self) -> str:
        assert self.version is not None, "a costed order"
        return self.version

    @cached_property
    def card(self) -> list[Line]:
        """Its cost card."""
        return self.cards.card(self._version, self.row["item_id"])

    @cached_property
    def route(self) -> dict[str, Operation]:
        """Its planned operations."""
        return self.cards.route(self._version, self.row["item_id"])

    # ---------- pieces

    @cached_property
    def pieces(self) -> dict[str, Parts]:
        """By operation what counts as good and scrap, and who told it."""
        counted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        for count in self.works.counts_of.get(self.name, []):
            counted[count.operation][0] += count.produced - count.scrap
            counted[count.operation][1] += count.scrap
        told = {use.operation for use in self.works.uses_of.get(self.name, [])} | set(counted)
        reported, received = self._reported(), self._received()
        names = {*told, *reported, *received, *self.route, *(line.operation for line in self.card)}
        sequence = {name: place for place, name in enumerate(self.route, 1)}
        found = {}
        for name in names - {None}:
            assert name is not None
            good, scrap, source = Fraction(0), Fraction(0), None
            if name in told:
                good, scrap = map(Fraction, counted[name])
                source = "counted"
            if name in received:
                (good, scrap), source = received[name], "received"
            if name in reported:
                stated, bad = reported[name]
                good, source = stated, "reported"
                scrap = scrap if bad is None else bad
            found[name] = Parts(good, scrap, source, sequence.get(name, -1))
        return found

    def _reported(self) -> dict[str, tuple[Fraction, Fraction | None]]:
        of_operation = defaultdict(list)
        for row in self.works.reports.get(self.name, []):
            of_operation[row["operation_id"]].append(row)
        found = {}
        for operation, told in of_operation.items():
            is_over = self.is_final or all(row["finished_at"] for row in told)
            good = [number(row["good_quantity"]) for row in told if row["good_quantity"]]
            scrap = [number(row["scrap_quantity"]) for row in told if row["scrap_quantity"]]
            if is_over and good:
                found[operation] = sum(good, Fraction(0)), sum(scrap, Fraction(0)) if scrap else None
        return found

    def _received(self) -> dict[str, tuple[Fraction, Fraction]]:
        found: dict[str, tuple[Fraction, Fraction]] = {}
        for row in self.works.receipts.get(self.name, []):
            good, bad = found.get(row["operation_id"], (Fraction(0), Fraction(0)))
            rejected = number(row["rejected_quantity"])
            found[row["operation_id"]] = good + number(row["quantity"]) - rejected, bad + rejected
        return found

    @cached_property
    def last_operation(self) -> str | None:
        """The one whose good pieces are the order's."""
        told = [
            (parts.sequence, name)
            for name, parts in self.pieces.items()
            if not self.is_final or parts.source is not None
        ]
        return max(told)[1] if told else None

    @cached_property
    def output(self) -> Fraction:
        """Good pieces of the order."""
        return self.pieces[self.last_operation].good if self.last_operation else Fraction(0)

    def basis(self, operation: str | None) -> Fraction:
        """Pieces that an operation's costs are measured against; None: what belongs to none."""
        if self.is_final:
            return self.output
        if operation is not None:
            return self.pieces[operation].good
        return max((parts.good for parts in self.pieces.values()), default=Fraction(0))

    # ---------- time

    @cached_property
    def machine_time(self) -> list[Spent]:
        """Time that machines told."""
        found = []
        for use in self.works.uses_of.get(self.name, []):
            driver = "setup_time" if use.category == "setup" else "run_time"
            for start, end in self._cut(use.started_at, use.ended_at):
                length = Fraction(end - start, _SECOND_US)
                found.append(
                    Spent(use.operation, use.work_unit, driver, start, length, "machine")
                )
        # Pieces alone say that a machine worked, if only for no time.
        timed = {spent.operation for spent in found}
        for count in self.works.counts_of.get(self.name, []):
            if count.operation not in timed:
                found.append(
                    Spent(
                        count.operation, count.work_unit, "run_time", count.at, Fraction(0), "machine"
                    )
                )
        return found

    def _cut(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        within = [at for at in self.works.changes if start < at < end]
        yield from pairwise([start, *within, end])

    @cached_property
    def time(self) -> list[Spent]:
        """Time of each operation, once whoever is paid for it."""
        by_machine = {spent.operation for spent in self.machine_time}
        by_hand = [each for each in self.works.booked.get(self.name, []) if each[0] not in by_machine]
        found = [*self.machine_time, *self._booked_spans(by_hand)]
        told = by_machine | {each[0] for each in by_hand}
        for operation in self.route.values():
            basis = self.basis(operation.operation)
            if operation.operation in told or operation.is_subcontract or basis <= 0:
                continue
            run = rounded(rounded(operation.run_s * basis, 9), 6)
            for driver, seconds in (("setup_time", operation.setup_s), ("run_time", run)):
                if seconds > 0:
                    unit = self._reported_unit(operation.operation) or operation.work_unit
                    found.append(
                        Spent(
                            operation.operation, unit, driver, self.known_at, seconds, "backflushed"
                        )
                    )
        return found

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
                if unit is None and operation in self.route:
                    unit = self.route[operation].work_unit
                length = Fraction(end - since, _SECOND_US)
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

    # ---------- what it cost

    def _rates(
        self, unit: str | None, moment: int, category: str | None
    ) -> dict[tuple[str, str], Fraction]:
        version = self.cards.site_version(self.row["site_id"], moment)
        return self.cards.rates(version, unit, moment, category)

    def _planned_at(self, operation: str, unit: str | None) -> Row | None:
        """The row of the route that says how an operation is paid for at a work unit."""
        known = [
            row
            for row in rows(self.cards.folder, "routing_operation")
            if (row["item_id"], row["operation_id"]) == (self.row["item_id"], operation)
        ]
        return max(
            known,
            key=lambda row: (
                row["route_version"] == self.row["route_version"],
                holds(row, self.costed_at),
                (row["work_unit_id"] == unit) * 2 + (row["work_unit_id"] == ""),
                begin(row),
                row["route_version"],
                row["work_unit_id"],
            ),
            default=None,
        )

    @cached_property
    def charged(self) -> list[tuple[Spent, str, Fraction]]:
        """Time by the cost category that it is charged in, at its rate per hour."""
        found = []
        booked = {(each[0], each[1]) for each in self.works.booked.get(self.name, [])}
        for spent in self.time:
            row = self._planned_at(spent.operation, spent.work_unit)
            if row and row["is_subcontract"] == "true":
                continue
            category = (row["cost_category_id"] or None) if row else None
            crew = Fraction(row["crew_size"]) if row and row["crew_size"] else None
            for (name, kind), rate in self._rates(spent.work_unit, spent.at, category).items():
                is_kind = spent.driver == {"setup": "setup_time", "run": "run_time"}.get(kind)
                if is_kind and (spent.operation, name) not in booked:
                    found.append((spent, name, crew_rate(rate, name, crew)))
        for operation, category, driver, start, _, share in self.works.booked.get(self.name, []):
            unit = self._unit_of(operation)
            kind = driver.removesuffix("_time")
            rate = self._rates(unit, start, category).get((category, kind), Fraction(0))
            found.append((Spent(operation, unit, driver, start, share, "booked"), category, rate))
        return found

    @cached_property
    def actual(self) -> list[Actual]:
        """All that it used, overheads too."""
        direct = [*self._times(), *self._vendors(), *self._by_the_piece(), *self._material()]
        found = [*direct, *self._surcharges(direct), *self._hourly(), *self._per_unit()]
        end = self.known_at if self.is_final else None
        return [line._replace(at=min(line.at, end)) if end is not None else line for line in found]

    def _times(self) -> Iterator[Actual]:
        for spent, category, rate in self.charged:
            cost = amount(spent.seconds, rate, spent.driver)
            yield Actual(
                spent.operation, category, spent.driver, category, False,
                spent.source, spent.at, spent.seconds, cost,
            )  # fmt: skip

    def _in_currency(self, row: Row, moment: int) -> Fraction | None:
        """The price of a row in the order's currency."""
        if not row["unit_price"]:
            return None
        own = self.cards.versions[self._version]["currency"]
        price = Fraction(row["unit_price"])
        if row["currency"] in ("", own):
            return price
        worth = self.works.worth(row["currency"], moment)
        assert worth is not None, "files without a rate are refused"
        return rounded(price * worth / (self.works.worth(own, moment) or 1), 6)

    def _vendors(self) -> Iterator[Actual]:
        standard = {line.operation: line for line in self.card if line.key[1:3] == ("subcontract",) * 2}
        for row in self.works.receipts.get(self.name, []):
            at, quantity = instant(row["received_at"]), number(row["quantity"])
            price = self._in_currency(row, at)
            if price is None:
                line = standard.get(row["operation_id"])
                price = line.price if line else Fraction(0)
            yield Actual(
                row["operation_id"], "subcontract", "subcontract", "subcontract", False,
                "received", at, quantity, quantity * price,
            )  # fmt: skip

    def _by_the_piece(self) -> Iterator[Actual]:
        received = {row["operation_id"] for row in self.works.receipts.get(self.name, [])}
        for line in self.card:
            if line.driver not in ("piece", "subcontract") or line.is_overhead:
                continue
            assert line.operation is not None
            if line.driver == "subcontract" and line.operation in received:
                continue
            parts = self.pieces[line.operation]
            paid = self.basis(line.operation) if parts.source is None else parts.good
            if paid <= 0:
                continue
            price = line.price
            if line.driver == "piece":
                rates = self._rates(self._unit_of(line.operation), self.known_at, line.line_id)
                if (line.line_id, "quantity") in rates:
                    crew = self.route[line.operation].crew
                    price = crew_rate(rates[line.line_id, "quantity"], line.line_id, crew)
            source = "accrued" if line.driver == "subcontract" else str(parts.source)
            yield Actual(*line.key, False, source, self.known_at, paid, paid * price)

    def _material(self) -> Iterator[Actual]:
        card = [line for line in self.card if line.driver == "material" and not line.is_overhead]
        movements = self.works.movements.get(self.name, [])
        for row in movements:
            yield self._moved(row, card)
        if not movements:
            for line in card:
                basis = self.basis(line.operation)
                if basis > 0:
                    quantity = rounded(line.variable * basis, 9) + line.constant
                    cost = quantity * line.price
                    yield Actual(
                        *line.key, False, "backflushed", self.known_at, quantity, cost
                    )

    def _moved(self, row: Row, card: list[Line]) -> Actual:
        at, item, operation = instant(row["moved_at"]), row["item_id"], row["operation_id"] or None
        quantity = number(row["quantity"]) * (-1 if row["is_return"] == "true" else 1)
        standard = self.cards.rolled_up(self._version, item)
        price = sum(standard.values(), Fraction(0)) if standard else self._in_currency(row, at)
        cost = quantity * (price or 0)
        line = _line_of(card, item, operation)
        if line is not None:
            return Actual(*line.key, False, "issued", at, quantity, cost)
        group = self.cards.group_of(item)
        replaced = _line_of(card, row["replaces_item_id"], operation)
        if replaced is None:
            return Actual(operation, group, "material", item, False, "issued", at, quantity, cost)
        return Actual(
            replaced.operation, group, "material", item, False, "issued", at, quantity, cost,
            (replaced.line_id, replaced.group),
        )  # fmt: skip

    def _formulas(self, kind: str, moment: int) -> list[tuple[str, str | None, Fraction]]:
        return self.cards.overheads(self.cards.site_version(self.row["site_id"], moment), kind)

    def _surcharges(self, direct: list[Actual]) -> Iterator[Actual]:
        for line in direct:
            if line.driver == "material" and self.cards.is_made(self._version, line.line_id):
                continue
            for overhead, base, rate in self._formulas("surcharge", line.at):
                if base in (None, line.group):
                    replaced = line.replaced and (f"{line.replaced[1]}/{line.replaced[0]}", overhead)
                    yield line._replace(
                        group=overhead,
                        line_id=f"{line.group}/{line.line_id}",
                        is_overhead=True,
                        amount=line.amount * rate,
                        replaced=replaced or None,
                    )

    def _hourly(self) -> Iterator[Actual]:
        own = [spent for spent in self.time if not self._is_vendors(spent)]
        hours = [(spent, None) for spent in own]
        hours += [(spent, category) for spent, category, _ in self.charged]
        for spent, category in hours:
            for overhead, base, rate in self._formulas("per_hour", spent.at):
                if base == category:
                    cost = amount(spent.seconds, rate, spent.driver)
                    yield Actual(
                        spent.operation, overhead, spent.driver, base or "", True,
                        spent.source, spent.at, spent.seconds, cost,
                    )  # fmt: skip

    def _is_vendors(self, spent: Spent) -> bool:
        row = self._planned_at(spent.operation, spent.work_unit)
        return bool(row) and row["is_subcontract"] == "true"

    def _per_unit(self) -> Iterator[Actual]:
        basis = self.basis(None)
        group = self.cards.items[self.row["item_id"]]["item_group_id"] or "no group"
        if basis > 0:
            for overhead, base, rate in self._formulas("per_unit", self.known_at):
                if base in (None, group):
                    yield Actual(
                        None, overhead, "piece", base or "", True,
                        "counted", self.known_at, basis, basis * rate,
                    )  # fmt: skip

    # ---------- why

    @cached_property
    def explained(self) -> list["Explained"]:
        """Each line of the card, and each thing used that it does not know."""
        used: defaultdict[Key, list[Actual]] = defaultdict(list)
        substitutes: defaultdict[Key, Fraction] = defaultdict(Fraction)
        for line in self.actual:
            used[line.key].append(line)
            if line.replaced is not None:
                item, group = line.replaced
                substitutes[line.operation, group, line.driver, item] += line.quantity
        begun = {line.operation for line in self.actual}
        found = []
        for line in self.card:
            if self.is_final or line.operation in begun or self.basis(line.operation) > 0:
                found.append(self._explain(line, used[line.key], substitutes[line.key]))
        known = {line.key for line in self.card}
        for key, lines in used.items():
            if key not in known and lines:
                cost = sum((line.amount for line in lines), Fraction(0))
                found.append(Explained(*key, lines[0].is_overhead, actual=cost, substitution=cost))
        return found

    def _explain(self, line: Line, used: list[Actual], substitutes: Fraction) -> "Explained":
        basis = self.basis(line.operation)
        lot = basis if self.is_final else max(number(self.row["order_quantity"]), basis)
        quantity = sum((each.quantity for each in used), Fraction(0))
        cost = sum((each.amount for each in used), Fraction(0))
        allowed = rounded(line.variable * basis, 9) + line.constant
        replaced = max(min(substitutes, allowed - quantity), Fraction(0))
        constant = line.constant_unit_cost
        standard = amount(quantity, line.price, line.driver)
        of_replaced = amount(replaced, line.price, line.driver)
        of_allowed = amount(allowed, line.price, line.driver)
        lot_size = amount(line.constant, line.price, line.driver) - lot * constant
        excess = standard + of_replaced - of_allowed
        scrap = Fraction(0)
        if line.driver == "material" and not line.is_overhead:
            bad = self.pieces[line.operation].scrap if line.operation else Fraction(0)
            scrap = min(bad * line.variable * line.price, max(excess, Fraction(0)))
        return Explained(
            *line.key,
            line.is_overhead,
            is_machine_time=self._is_machine_time(line, quantity),
            actual=cost,
            allowed=of_allowed,
            absorbed=basis * (line.unit_cost - constant) + lot * constant,
            lot_size=lot_size if line.constant else Fraction(0),
            quantity=excess,
            price=cost - standard,
            substitution=-of_replaced,
            scrap=scrap,
            line=line,
        )

    def _is_machine_time(self, line: Line, quantity: Fraction) -> bool:
        """Whether all that the line used is what machines told of the operation."""
        told = [each for each in self.machine_time if each.operation == line.operation]
        booked = any(
            each.source == "booked" and (each.operation, each.group, each.line_id)
            == (line.operation, line.group, line.line_id)
            for each in self.actual
        )
        seconds = sum((each.seconds for each in told if each.driver == line.driver), Fraction(0))
        return line.driver in TIMES and bool(told) and not booked and quantity == seconds

    def costs(self) -> dict[tuple[str | None, str, str], Fraction]:
        """By operation, cost group and basis."""
        found: defaultdict[tuple[str | None, str, str], Fraction] = defaultdict(Fraction)
        for each in self.explained:
            found[each.operation, each.group, "actual"] += each.actual
            found[each.operation, each.group, "absorbed"] += each.absorbed
            found[each.operation, each.group, "standard"] += each.allowed
        for line in self.card:
            quantity = line.variable * number(self.row["order_quantity"]) + line.constant
            cost = amount(quantity, line.price, line.driver)
            found[line.operation, line.group, "estimate"] += cost
        return dict(found)

    def variances(self) -> dict[tuple[str | None, str, str, str, bool], Fraction]:
        """By operation, cost group, type, detail, and whether machine time tells it."""
        found: defaultdict[tuple[str | None, str, str, str, bool], Fraction] = defaultdict(Fraction)
        for each in self.explained:
            for kind, detail, is_machine_time, cost in each.parts():
                found[each.operation, each.group, kind, detail, is_machine_time] += cost
        return dict(found)

    # ---------- losses

    def losses(self) -> dict[tuple[str | None, ...], tuple[Fraction, Fraction]]:
        """Seconds and money by operation, work unit, category, detail, cause and reason."""
        found: defaultdict[tuple[str | None, ...], Fraction] = defaultdict(Fraction)
        rates: dict[tuple[str, str], Fraction] = {}
        for name, planned in self.route.items():
            lines = [each for each in self.explained if each.operation == name]
            timed = [each.line for each in lines if each.is_machine_time and each.line]
            if not timed:
                continue
            for driver in TIMES:
                prices = (line.price for line in timed if line.driver == driver)
                rates[name, driver] = sum(prices, Fraction(0))
            for key, seconds in self._lost(planned).items():
                found[key] += seconds
        priced = {}
        for key, seconds in found.items():
            if seconds:
                driver = "setup_time" if key[3] == "setup" else "run_time"
                price = rates[str(key[0]), driver]
                priced[key] = seconds, amount(seconds, price, driver)
        return priced

    def _lost(self, planned: Operation) -> dict[tuple[str | None, ...], Fraction]:
        found: defaultdict[tuple[str | None, ...], Fraction] = defaultdict(Fraction)
        name = planned.operation
        setup: defaultdict[str, Fraction] = defaultdict(Fraction)
        spent: defaultdict[str, Fraction] = defaultdict(Fraction)
        for use in self.works.uses_of.get(self.name, []):
            if use.operation != name:
                continue
            seconds = Fraction(use.ended_at - use.started_at, _SECOND_US)
            spent[use.work_unit] += seconds
            if use.category == "setup":
                setup[use.work_unit] += seconds
            elif use.category == "production":
                found[name, use.work_unit, "performance", "reduced_speed", None, None] += seconds
            elif use.category == "unknown":
                found[name, use.work_unit, "uncovered", "uncovered", None, None] += seconds
            else:
                detail = "minor_stop" if use.is_minor else "stop"
                key = name, use.work_unit, use.loss_category, detail, use.cause, use.reason
                found[key] += seconds
        counted = Fraction(0)
        for count in self.works.counts_of.get(self.name, []):
            if count.operation != name:
                continue
            spent[count.work_unit] += 0
            good = count.produced - count.scrap
            counted += good
            ideal = count.produced * planned.planned_run_s
            found[name, count.work_unit, "performance", "reduced_speed", None, None] -= ideal
            rejects = ideal - good * planned.run_s
            found[name, count.work_unit, "quality", "rejects", None, None] += rejects
        place = max(spent, key=lambda unit: (spent[unit], unit))
        missing = (counted - self.basis(name)) * planned.run_s
        found[name, place, "quality", "not_delivered", None, None] += missing
        found[name, place, "setup", "setup", None, None] += (
            sum(setup.values(), Fraction(0)) - planned.setup_s
        )
        return found

    # ---------- work in process

    def work_in_process(self) -> dict[tuple[str, str], Fraction]:
        """By period and cost group what is in process at its end, before rounding."""
        if not self.actual:
            return {}
        edges = [Period(BEFORE, _EVER), *self.works.periods]
        starts = [period.starts_at for period in edges]
        first = bisect_right(starts, min(line.at for line in self.actual)) - 1
        last = bisect_right(starts, self.known_at) - 1
        last = max(last, bisect_right(starts, max(line.at for line in self.actual)) - 1)
        known = bisect_right(starts, self.known_at) - 1
        groups = {line.group for line in self.card} | {line.group for line in self.actual}
        unit_costs: defaultdict[str, Fraction] = defaultdict(Fraction)
        for line in self.card:
            unit_costs[line.group] += line.unit_cost
        found = {}
        for number_, period in list(enumerate(edges))[first : last + 1]:
            ends = starts[number_ + 1] if number_ + 1 < len(starts) else 10**18
            output = self.output
            if number_ < known:
                output = min(output, self._finished_until(ends))
            for group in groups:
                spent = sum(
                    (line.amount for line in self.actual if line.group == group and line.at < ends),
                    Fraction(0),
                )
                is_ended = self.is_final and number_ >= known
                left = spent - output * unit_costs[group]
                found[period.period_id, group] = Fraction(0) if is_ended else left
        return found

    def _finished_until(self, moment: int) -> Fraction:
        counts = self.works.counts_of.get(self.name, [])
        return sum(
            (
                Fraction(count.produced - count.scrap)
                for count in counts
                if count.operation == self.last_operation and count.at < moment
            ),
            Fraction(0),
        )


@dataclass
class Explained:
    """Why a line differs from what its pieces carry; amounts before rounding."""

    operation: str | None
    group: str
    driver: str
    line_id: str
    is_overhead: bool
    is_machine_time: bool = False
    actual: Fraction = Fraction(0)
    allowed: Fraction = Fraction(0)
    absorbed: Fraction = Fraction(0)
    lot_size: Fraction = Fraction(0)
    quantity: Fraction = Fraction(0)
    price: Fraction = Fraction(0)
    substitution: Fraction = Fraction(0)
    scrap: Fraction = Fraction(0)
    line: Line | None = None

    def parts(self) -> Iterator[tuple[str, str, bool, Fraction]]:
        """Type, detail, whether it is machine time, and amount."""
        yield "lot_size", "lot_size", False, self.lot_size
        yield "quantity", self._of_quantity(), self.is_machine_time, self.quantity - self.scrap
        yield "quantity", "material_scrap", False, self.scrap
        yield "price", self._of_price(), False, self.price
        yield "substitution", "substitution", False, self.substitution

    def _of_quantity(self) -> str:
        if self.is_overhead:
            return "overhead_efficiency" if self.driver in TIMES else "overhead_usage"
        if self.driver == "run_time":
            return "labour_efficiency" if self.group == LABOUR else "machine_efficiency"
        return {
            "subcontract": "subcontract_quantity",
            "material": "material_usage",
            "piece": "piece_quantity",
            "setup_time": "setup_efficiency",
        }[self.driver]

    def _of_price(self) -> str:
        if self.is_overhead:
            return "overhead_spending"
        if self.driver in ("subcontract", "material"):
            return f"{self.driver}_price"
        return "labour_rate" if self.group == LABOUR else "machine_rate"


def _line_of(card: list[Line], item: str, operation: str | None) -> Line | None:
    """The line of an item: its own operation's before another's."""
    known = [line for line in card if line.line_id == item]
    own = [line for line in known if line.operation == operation]
    ranked = own or sorted(known, key=lambda line: (line.operation is None, line.operation or ""))
    return ranked[0] if ranked else None
