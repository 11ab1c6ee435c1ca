"""Costing versions of the business files: which holds when, its rates, overheads and prices.

Belongs here: looking up what is stated, along the versions that one falls back on. Times are µs.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from takt.settings import CostSettings
from tests.oracle.shift_calendar import Row, instant, rows

_EVER, _NEVER = -(10**18), 10**18


def begin(row: Row) -> int:
    """When a row begins to hold."""
    return instant(row["valid_from"]) if row.get("valid_from") else _EVER


def holds(row: Row, moment: int) -> bool:
    """Whether a row holds at a moment."""
    ends = instant(row["valid_to"]) if row.get("valid_to") else _NEVER
    return begin(row) <= moment < ends


def nearest(row: Row, moment: int) -> int:
    """The moment next to another at which a row holds."""
    ends = instant(row["valid_to"]) if row.get("valid_to") else _NEVER
    return max(min(moment, ends - 1), begin(row))


@dataclass
class CostVersions:
    """All costing versions of a folder of business files, evaluated `now` (µs)."""

    folder: Path
    now: int
    settings: CostSettings = field(default_factory=CostSettings)

    @cached_property
    def versions(self) -> dict[str, Row]:
        """Costing versions by id."""
        return {row["cost_version_id"]: row for row in rows(self.folder, "cost_version")}

    @cached_property
    def items(self) -> dict[str, Row]:
        """Items by id."""
        return {row["item_id"]: row for row in rows(self.folder, "item")}

    @cached_property
    def _rates(self) -> list[Row]:
        return rows(self.folder, "cost_rate")

    def chain(self, version: str | None) -> list[str]:
        """A version and those it falls back on, itself first."""
        found = []
        while version:
            found.append(version)
            version = self.versions[version]["fallback_version_id"]
        return found

    def site_version(self, site: str, moment: int) -> str | None:
        """The active standard version that a site has at a moment."""
        begun = [
            (begin(row), name)
            for name, row in self.versions.items()
            if row["site_id"] == site
            and (row["type"], row["status"]) == ("standard", "active")
            and begin(row) <= moment
        ]
        return max(begun)[1] if begun else None

    def costed_at(self, version: str) -> int:
        """As of when a version takes bills of material, routes and rates."""
        return begin(self.versions[version]) if self.versions[version]["valid_from"] else self.now

    def rates(
        self, version: str | None, unit: str | None, moment: int, category: str | None
    ) -> dict[tuple[str, str], Fraction]:
        """By category and kind what an hour or piece costs; of no category: of every one."""
        found: dict[tuple[str, str], tuple[tuple[int, bool, int], Fraction]] = {}
        for distance, looked_up in enumerate(self.chain(version)):
            for row in self._rates:
                if row["cost_version_id"] != looked_up or begin(row) > moment:
                    continue
                if row["work_unit_id"] not in ("", unit):
                    continue
                key = row["cost_category_id"] or "conversion", row["kind"]
                if category not in (None, key[0]):
                    continue
                rank = -distance, bool(row["work_unit_id"]), begin(row)
                if key not in found or rank > found[key][0]:
                    found[key] = rank, Fraction(row["rate"])
        return {key: rate for key, (_, rate) in found.items()}

    def overheads(self, version: str | None, kind: str) -> list[tuple[str, str | None, Fraction]]:
        """Overhead, base and rate of a kind; of each overhead those of the nearest version."""
        found: list[tuple[str, str | None, Fraction]] = []
        known: set[str] = set()
        for looked_up in self.chain(version):
            stated = [
                row
                for row in rows(self.folder, "overhead_formula")
                if row["cost_version_id"] == looked_up and row["overhead_id"] not in known
            ]
            known |= {row["overhead_id"] for row in stated}
            found += [
                (row["overhead_id"], row["base"] or None, Fraction(row["rate"]))
                for row in stated
                if row["kind"] == kind
            ]
        return found

    def stated(self, version: str, item: str, column: str) -> Fraction | None:
        """What the nearest version that says anything says of an item's cost or lot."""
        costs = self._item_costs
        for looked_up in self.chain(version):
            text = costs.get((looked_up, item), {}).get(column)
            if text:
                return Fraction(text)
        return None

    @cached_property
    def _item_costs(self) -> dict[tuple[str, str], Row]:
        return {
            (row["cost_version_id"], row["item_id"]): row for row in rows(self.folder, "item_cost")
        }

    def lot(self, version: str, item: str) -> Fraction:
        """The costing lot of an item."""
        return self.stated(version, item, "costing_lot_quantity") or Fraction(1)

    __hash__ = object.__hash__
