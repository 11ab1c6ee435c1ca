"""What was ordered, by which cards it is costed, and which pieces came when. Times are µs.

Belongs here: an order and its pieces, whoever told them. Its time is in `order_time`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tests.oracle.cost_cards import CostCards, OwnCard
from tests.oracle.cost_facts import Works
from tests.oracle.cost_lines import Line, Operation, number, rounded
from tests.oracle.shift_calendar import Row, instant


class Parts(NamedTuple):
    """Of an order: pieces that count for an operation."""

    good: Fraction
    scrap: Fraction
    source: str | None
    sequence: int


@dataclass
class OrderPieces:
    """One order, its cost cards and its pieces."""

    works: Works
    row: Row
    name: str = field(init=False)
    version: str = ""
    """The costing version; empty where none holds."""

    def __post_init__(self) -> None:
        self.name = self.row["production_order_id"]
        version = self.cards.site_version(self.row["site_id"], self.costed_at)
        self.version = self.row["cost_version_id"] or version or ""

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

    def completed_before(self, moment: int, operation: str) -> Fraction | None:
        """Pieces that an operation of a process had completed by then; None: nobody told any."""
        parts = self.pieces[operation]
        is_told = parts.good > 0 or parts.source not in (None, "counted")
        return self._paid_before(moment, operation) if is_told else None

    def _as_pieces_came(self, so_far: Callable[[int], Fraction]) -> Iterator[tuple[int, Fraction]]:
        """Moment and increase of a figure, between moments at which costs change."""
        before = Fraction(0)
        edges = [*self.works.changes, max([self.known_at, *self.works.changes]) + 1]
        for start, end in pairwise([min(self.known_at, *edges) - 1, *edges]):
            reached = so_far(end)
            if reached != before:
                yield start, reached - before
            before = reached
