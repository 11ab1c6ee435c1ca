"""How an item is made in a costing version: its bill of material and its route, phantoms gone.

Belongs here: which rows of bills and routes hold and what they ask for. What that costs is in
`cost_cards`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from tests.oracle.cost_lines import Operation, crew_rate, number, rounded
from tests.oracle.cost_versions import CostVersions, begin, holds
from tests.oracle.shift_calendar import Row, rows


def _flag(text: str | None) -> bool:
    return text == "true"


@dataclass
class Recipes(CostVersions):
    """How the items of a folder of business files are made, by costing version."""

    def is_made(self, version: str, item: str) -> bool:
        """Whether an item has a bill of material or a route then."""
        own = bool(self.components(version, item)) or bool(self.route(version, item))
        return own or self.process_of(version, item) is not None

    @cache  # noqa: B019 - lives as long as the proof
    def process_of(self, version: str, item: str) -> str | None:
        """The item beside which an item is made."""
        for main in self.items:
            for row in self._rows_then(version, "bom_line", main):
                if (row.get("line_type"), row["component_item_id"]) == ("co_product", item):
                    return main
        return None

    def components(
        self, version: str, item: str
    ) -> dict[tuple[str, str | None], tuple[Fraction, Fraction]]:
        """By component and operation: quantity per unit and per lot, phantoms blown through."""
        if _flag(self.items[item]["is_phantom"]):
            return {}
        found: defaultdict[tuple[str, str | None], list[Fraction]] = defaultdict(
            lambda: [Fraction(0), Fraction(0)]
        )
        for line in self._blown_through(version, self._bom(version, item)):
            component, operation, per_unit, per_lot, _ = line
            found[component, operation][0] += per_unit
            found[component, operation][1] += per_lot
        return {key: (per_unit, per_lot) for key, (per_unit, per_lot) in found.items()}

    def _blown_through(
        self, version: str, lines: Iterable[tuple[str, str | None, Fraction, Fraction, bool]]
    ) -> list[tuple[str, str | None, Fraction, Fraction, bool]]:
        found = []
        for component, operation, per_unit, per_lot, is_phantom in lines:
            if not is_phantom:
                found.append((component, operation, per_unit, per_lot, False))
                continue
            below = [
                (
                    part,
                    operation,
                    rounded(per_unit * unit, 9),
                    rounded(per_lot * unit + lot, 9),
                    phantom,
                )
                for part, _, unit, lot, phantom in self._bom(version, component)
            ]
            found += self._blown_through(version, below)
        return found

    def _bom(
        self, version: str, item: str
    ) -> list[tuple[str, str | None, Fraction, Fraction, bool]]:
        return [
            (
                row["component_item_id"],
                row["operation_id"] or None,
                rounded(number(row["quantity_per"]) * (1 + number(row["scrap_ratio"])), 9),
                number(row["constant_quantity"]) + number(row["constant_scrap_quantity"]),
                (
                    _flag(row["is_phantom"])
                    or _flag(self.items[row["component_item_id"]]["is_phantom"])
                )
                and bool(self._rows_then(version, "bom_line", row["component_item_id"])),
            )
            for row in self._rows_then(version, "bom_line", item)
            if row.get("line_type", "") in ("", "component")
        ]

    @cache  # noqa: B019 - lives as long as the proof
    def route(self, version: str, item: str) -> dict[str, Operation]:
        """The operations of an item then, first to last."""
        if _flag(self.items[item]["is_phantom"]):
            return {}
        chosen: dict[str, Row] = {}
        # Of an operation's work units the first by name; any work unit comes last.
        for row in sorted(
            self._rows_then(version, "routing_operation", item),
            key=lambda row: (not row["work_unit_id"], row["work_unit_id"]),
        ):
            chosen.setdefault(row["operation_id"], row)
        found = {}
        started = Fraction(1)
        order = sorted(
            chosen.values(),
            key=lambda row: (int(row["sequence"]), row["operation_id"]),
            reverse=True,
        )
        for row in order:
            scrap = number(row["scrap_ratio"])
            if self.settings.operation_scrap == "of_pieces_started":
                started = rounded(started / (1 - scrap), 9)
            else:
                started = rounded(started * (1 + scrap), 9)
            found[row["operation_id"]] = self._operation(version, row, started)
        return dict(reversed(found.items()))

    def _operation(self, version: str, row: Row, started: Fraction) -> Operation:
        unit, category = row["work_unit_id"] or None, row["cost_category_id"] or None
        crew = Fraction(row["crew_size"]) if row["crew_size"] else None
        rates = self.rates(version, unit, self.costed_at(version), category)
        return Operation(
            row["operation_id"],
            unit,
            category,
            crew,
            _flag(row["is_subcontract"]),
            started,
            number(row["planned_run_s_per_unit"]),
            rounded(number(row["planned_run_s_per_unit"]) * started, 9),
            number(row["planned_setup_s"]),
            {key: crew_rate(rate, key[0], crew) for key, rate in rates.items()},
        )

    def _rows_then(self, version: str, table: str, item: str) -> list[Row]:
        """The rows of the bill or route that holds then; of several the one that began last."""
        column = "bom_version" if table == "bom_line" else "route_version"
        of_item = self._by_item(table)[item]
        then = [row for row in of_item if holds(row, self.costed_at(version))]
        began = {
            name: min(begin(row) for row in of_item if row[column] == name)
            for name in {row[column] for row in then}
        }
        if not began:
            return []
        last = max((at, name) for name, at in began.items())[1]
        return [row for row in then if row[column] == last]

    @cache  # noqa: B019 - lives as long as the proof
    def _by_item(self, table: str) -> defaultdict[str, list[Row]]:
        found = defaultdict(list)
        for row in rows(self.folder, table):
            found[row["item_id"]].append(row)
        return found

    __hash__ = object.__hash__
