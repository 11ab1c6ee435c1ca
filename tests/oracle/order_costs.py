"""What orders used and what that cost, by the rules of docs/costs.md, in fractions. Times are µs.

Belongs here: pieces, time and actual costs of an order. Why it cost that is in `cost_variances`,
what a unit should cost in `cost_cards`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise
from typing import NamedTuple

from tests.oracle.cost_cards import CostCards, OwnCard
from tests.oracle.cost_facts import SECOND_US, Use, Works
from tests.oracle.cost_lines import LABOUR, Line, Operation, amount, crew_rate, number, rounded
from tests.oracle.cost_versions import begin, holds
from tests.oracle.shift_calendar import Row, instant, rows

Key = tuple[str | None, str, str, str]
"""Of a line of a card: operation, cost group, driver, line."""


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
class OrderCosts:
    """One order."""

    works: Works
    row: Row
    name: str = field(init=False)
    version: str = ""
    """The costing version; empty where none holds."""

    def __post_init__(self) -> None:
        self.name = self.row["production_order_id"]
        version = self.cards.site_version(self.row["site_id"], self.costed_at)
        self.version = self.row["cost_version_id"] or version or ""

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
    def card(self) -> list[Line]:
        """Its cost card."""
        return self.cards.card(self.version, self.row["item_id"])

    @cached_property
    def own_cards(self) -> CostCards:
        """Cost cards by the versions that it names."""
        named = {
            "bom_line": self.row.get("bom_version"),
            "routing_operation": self.row["route_version"],
        }
        return OwnCard(
            self.cards.folder,
            self.cards.now,
            self.cards.settings,
            base=self.cards,
            item=self.row["item_id"],
            named=named,
            at=self.costed_at,
        )

    @cached_property
    def own_card(self) -> list[Line]:
        """The cost card by the versions that it names."""
        return self.own_cards.card(self.version, self.row["item_id"])

    @cached_property
    def steps(self) -> list[str]:
        """Its operations as a process, in order: of its own route, without one all by name."""
        route = self.own_cards.route(self.version, self.row["item_id"])
        return list(route) or sorted(self.pieces)

    @cached_property
    def route(self) -> dict[str, Operation]:
        """The operations of its cost card."""
        return self.cards.route(self.version, self.row["item_id"])

    @cached_property
    def own_route(self) -> dict[str, Operation]:
        """The operations by which it is made."""
        return self.own_cards.route(self.version, self.row["item_id"])

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
        planned = {line.operation for line in (*self.card, *self.own_card)}
        names = {*told, *reported, *received, *self.own_route, *planned}
        sequence = {name: place for place, name in enumerate(self.own_route, 1)}
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
                found[operation] = (
                    sum(good, Fraction(0)),
                    sum(scrap, Fraction(0)) if scrap else None,
                )
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
    def good(self) -> Fraction:
        """Good pieces of the order's item."""
        return self.pieces[self.last_operation].good if self.last_operation else Fraction(0)

    @cached_property
    def output(self) -> Fraction:
        """Good pieces of the order; of one that is over those of all its products."""
        found = self.good
        for product in self.cards.products(self.version, self.row["item_id"]):
            told = self._told_of(product.item)
            if told is not None:
                found += product.share * (told - product.quantity * self.good)
        return max(rounded(found, 6), Fraction(0))

    def _told_of(self, product: str) -> Fraction | None:
        """How much of a co-product an order that is over is told to have made."""
        told = [
            number(row["quantity"]) * (-1 if row["is_return"] == "true" else 1)
            for row in self.works.movements.get(self.name, [])
            if (row["item_id"], row.get("is_output")) == (product, "true")
        ]
        return sum(told, Fraction(0)) if told and self.is_final else None

    @property
    def delivered(self) -> dict[str, tuple[Fraction, Fraction]]:
        """By product how much a unit bears and how much of it came; nothing of one product."""
        item = self.row["item_id"]
        beside = self.cards.products(self.version, item)
        if not beside:
            return {}
        found = {item: (self.cards.left(self.version, item), self.good)}
        for product in beside:
            told = self._told_of(product.item)
            quantity = product.quantity * self.good if told is None else max(told, Fraction(0))
            found[product.item] = product.share, quantity
        return found

    def basis(self, operation: str | None) -> Fraction:
        """Pieces that an operation's costs are measured against; None: what belongs to none."""
        if self.is_final:
            return self.output
        return max((self.pieces[name].good for name in self._from(operation)), default=Fraction(0))

    def _from(self, operation: str | None) -> list[str]:
        """An operation and those after it; all after None."""
        chain = sorted(self.pieces, key=lambda name: (self.pieces[name].sequence, name))
        return chain if operation is None else chain[chain.index(operation) :]

    # ---------- when pieces came

    def _told_before(self, moment: int, operation: str) -> Fraction:
        """Good pieces that were told of an operation by then: once it is over, as reported."""
        good, _, source, _ = self.pieces[operation]
        if source == "reported":
            stated = [
                row["finished_at"]
                for row in self.works.reports[self.name]
                if row["operation_id"] == operation
            ]
            told_at = max(map(instant, stated)) if all(stated) else self.known_at
            if min(told_at, self.known_at) < moment:
                return good
        receipts = [
            (
                instant(row["received_at"]),
                number(row["quantity"]) - number(row["rejected_quantity"]),
            )
            for row in self.works.receipts.get(self.name, [])
            if row["operation_id"] == operation
        ]
        counts = [
            (count.at, Fraction(count.produced - count.scrap))
            for count in self.works.counts_of.get(self.name, [])
            if count.operation == operation
        ]
        told = [each for at, each in receipts or counts if min(at, self.known_at) < moment]
        return min(max(sum(told, Fraction(0)), Fraction(0)), good)

    def output_before(self, moment: int) -> Fraction:
        """Good pieces that the order had finished by then."""
        if self.known_at < moment:
            return self.output
        if self.last_operation is None:
            return Fraction(0)
        return min(self._told_before(moment, self.last_operation), self.output)

    def _passed_before(self, moment: int, operation: str | None) -> Fraction:
        """What had gone through an operation by then: also what a later one had finished."""
        told = [self._told_before(moment, each) for each in self._from(operation)]
        return max([*told, self.output_before(moment)])

    def _basis_before(self, moment: int, operation: str | None) -> Fraction:
        basis = self.basis(operation)
        if self.known_at < moment:
            return basis
        return min(self._passed_before(moment, operation), basis)

    def _paid_before(self, moment: int, operation: str) -> Fraction:
        parts = self.pieces[operation]
        paid = self.basis(operation) if parts.source is None else parts.good
        return paid if self.known_at < moment else min(self._passed_before(moment, operation), paid)

    def _as_pieces_came(self, so_far: Callable[[int], Fraction]) -> Iterator[tuple[int, Fraction]]:
        """Moment and increase of a figure, between moments at which costs change."""
        before = Fraction(0)
        edges = [*self.works.changes, max([self.known_at, *self.works.changes]) + 1]
        for start, end in pairwise([min(self.known_at, *edges) - 1, *edges]):
            reached = so_far(end)
            if reached != before:
                yield start, reached - before
            before = reached

    # ---------- time

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
            row = self._planned_at(operation, unit)
            crew = Fraction(row["crew_size"]) if row and row["crew_size"] else Fraction(0)
            # A crew of two that worked an hour each spent one hour on the operation.
            heads = crew if crew and category == LABOUR else Fraction(1)
            spent = Spent(operation, unit, driver, start, share / heads, "booked")
            found.append((spent, category, rate * heads))
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
                spent.operation,
                category,
                spent.driver,
                category,
                False,
                spent.source,
                spent.at,
                spent.seconds,
                cost,
            )

    def _in_currency(self, row: Row, moment: int) -> Fraction | None:
        """The price of a row in the order's currency."""
        if not row["unit_price"]:
            return None
        own = self.cards.versions[self.version]["currency"]
        price = Fraction(row["unit_price"])
        if row["currency"] in ("", own):
            return price
        worth, own_worth = (self.works.worth(each, moment) for each in (row["currency"], own))
        assert worth is not None, "files without a rate are refused"
        return None if own_worth is None else rounded(price * worth / own_worth, 6)

    def _vendors(self) -> Iterator[Actual]:
        standard = {
            line.operation: line for line in self.card if line.key[1:3] == ("subcontract",) * 2
        }
        for row in self.works.receipts.get(self.name, []):
            at, quantity = instant(row["received_at"]), number(row["quantity"])
            price = self._in_currency(row, at)
            if price is None:
                line = standard.get(row["operation_id"])
                price = line.price if line else Fraction(0)
            yield Actual(
                row["operation_id"],
                "subcontract",
                "subcontract",
                "subcontract",
                False,
                "received",
                at,
                quantity,
                quantity * price,
            )

    def _by_the_piece(self) -> Iterator[Actual]:
        received = {row["operation_id"] for row in self.works.receipts.get(self.name, [])}
        for line in self.own_card:
            if line.driver not in ("piece", "subcontract") or line.is_overhead:
                continue
            assert line.operation is not None
            if line.driver == "subcontract" and line.operation in received:
                continue
            told = str(self.pieces[line.operation].source)
            source = "accrued" if line.driver == "subcontract" else told
            paid = partial(self._paid_before, operation=line.operation)
            for at, pieces in self._as_pieces_came(paid):
                cost = pieces * self._piece_price(line, line.operation, at)
                yield Actual(*line.key, False, source, at, pieces, cost)

    def _piece_price(self, line: Line, operation: str, moment: int) -> Fraction:
        if line.driver == "piece":
            rates = self._rates(self._unit_of(operation), moment, line.line_id)
            if (line.line_id, "quantity") in rates:
                crew = self.own_route[operation].crew
                return crew_rate(rates[line.line_id, "quantity"], line.line_id, crew)
        return line.price

    def _material(self) -> Iterator[Actual]:
        card = [line for line in self.card if line.driver == "material" and not line.is_overhead]
        movements = [
            row for row in self.works.movements.get(self.name, []) if row.get("is_output") != "true"
        ]
        for row in movements:
            yield self._moved(row, card)
        if not movements:
            for line in self.own_card:
                if line.driver == "material" and not line.is_overhead:
                    for at, quantity in self._flushed(line.operation, line.variable, line.constant):
                        cost = quantity * line.price
                        yield Actual(*line.key, False, "backflushed", at, quantity, cost)

    def _moved(self, row: Row, card: list[Line]) -> Actual:
        at, item, operation = instant(row["moved_at"]), row["item_id"], row["operation_id"] or None
        quantity = number(row["quantity"]) * (-1 if row["is_return"] == "true" else 1)
        standard = self.cards.rolled_up(self.version, item)
        price, paid = sum(standard.values(), Fraction(0)), self._in_currency(row, at)
        is_at_use = self.cards.settings.material_price_variance == "at_use"
        if paid is not None and (is_at_use or not standard):
            price = paid
        cost = quantity * price
        line = _line_of(card, item, operation)
        if line is not None:
            return Actual(*line.key, False, "issued", at, quantity, cost)
        group = self.cards.group_of(item)
        replaced = _line_of(card, row["replaces_item_id"], operation)
        if replaced is None:
            return Actual(operation, group, "material", item, False, "issued", at, quantity, cost)
        return Actual(
            replaced.operation,
            group,
            "material",
            item,
            False,
            "issued",
            at,
            quantity,
            cost,
            (replaced.line_id, replaced.group),
        )

    def _formulas(self, kind: str, moment: int) -> list[tuple[str, str | None, Fraction]]:
        return self.cards.overheads(self.cards.site_version(self.row["site_id"], moment), kind)

    def _surcharges(self, direct: list[Actual]) -> Iterator[Actual]:
        for line in direct:
            if line.driver == "material" and self.cards.is_made(self.version, line.line_id):
                continue
            for overhead, base, rate in self._formulas("surcharge", line.at):
                if base in (None, line.group):
                    replaced = line.replaced and (
                        f"{line.replaced[1]}/{line.replaced[0]}",
                        overhead,
                    )
                    yield line._replace(
                        group=overhead,
                        line_id=f"{line.group}/{line.line_id}",
                        is_overhead=True,
                        amount=line.amount * rate,
                        replaced=replaced or None,
                    )

    def _hourly(self) -> Iterator[Actual]:
        hours = [*self._own_hours(), *self._hours_by_category()]
        for spent, category in hours:
            for overhead, base, rate in self._formulas("per_hour", spent.at):
                if base == category:
                    cost = amount(spent.seconds, rate, spent.driver)
                    yield Actual(
                        spent.operation,
                        overhead,
                        spent.driver,
                        base or "",
                        True,
                        spent.source,
                        spent.at,
                        spent.seconds,
                        cost,
                    )

    def _own_hours(self) -> Iterator[tuple[Spent, str | None]]:
        for spent in self.time:
            if not self._is_vendors(spent):
                yield spent, None

    def _hours_by_category(self) -> Iterator[tuple[Spent, str | None]]:
        """Hours of an operation once per category that pays for it, or what was booked in that."""
        booked = {(each[0], each[1]) for each in self.works.booked.get(self.name, [])}
        for spent, _ in self._own_hours():
            row = self._planned_at(spent.operation, spent.work_unit)
            category = (row["cost_category_id"] or None) if row else None
            rates = self._rates(spent.work_unit, spent.at, category)
            for name in {name for name, _ in rates}:
                if (spent.operation, name) not in booked:
                    yield spent, name
        for spent, name, _ in self.charged:
            if (spent.operation, name) in booked:
                yield spent, name

    def _is_vendors(self, spent: Spent) -> bool:
        row = self._planned_at(spent.operation, spent.work_unit)
        return row is not None and row["is_subcontract"] == "true"

    def _per_unit(self) -> Iterator[Actual]:
        group = self.cards.items[self.row["item_id"]]["item_group_id"] or "no group"
        for at, pieces in self._as_pieces_came(partial(self._basis_before, operation=None)):
            for overhead, base, rate in self._formulas("per_unit", at):
                if base in (None, group):
                    cost = pieces * rate
                    yield Actual(
                        None, overhead, "piece", base or "", True, "counted", at, pieces, cost
                    )


def orders(works: Works) -> dict[str, OrderCosts]:
    """Every order that can be costed."""
    found = (OrderCosts(works, row) for row in rows(works.cards.folder, "production_order"))
    return {order.name: order for order in found if order.version}


def _line_of(card: list[Line], item: str, operation: str | None) -> Line | None:
    """The line of an item: its own operation's before another's."""
    known = [line for line in card if line.line_id == item]
    own = [line for line in known if line.operation == operation]
    ranked = own or sorted(known, key=lambda line: (line.operation is None, line.operation or ""))
    return ranked[0] if ranked else None
