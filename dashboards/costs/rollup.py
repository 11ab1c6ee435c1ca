"""The page of standard costs: what a unit of an item should cost, and what that is made of.

The tree is asked for level by level, as a reader opens it: a plant of 20,000 items has too many
ways down to be told at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.components import Child
from dashboards.costs import ledger, selected
from dashboards.costs.ledger import Chosen, Column, Row, go
from dashboards.history import NothingPublished
from dashboards.queries import standard_costs
from dashboards.queries.cost_choices import CostVersion
from dashboards.queries.standard_costs import MadeItem, Node, UnitCost
from takt.errors import TaktError

PATH = "/costs/item"
LEVELS = {"rolled_up": "Rolled up", "single": "Single level"}
_CHOICES = 200
_DIGITS = 4
_DEEPEST = 50

_WARNINGS = {
    "no_bom": "has a route and no bill of material",
    "no_route": "has a bill of material and no route",
    "no_rate": "no rate holds for operation {operation}: it costs nothing",
    "zero_cost": "nothing is known of its cost, or it is nought: what it goes into is too cheap",
    "too_large": "it comes to more than any amount may be, and is left out",
    "fallback_used": "a price, a lot or a rate is of another version",
}


@dataclass(frozen=True)
class Looked:
    """What is looked at: a costing version, an item, and the version that it is compared with."""

    version: CostVersion
    other: CostVersion | None
    item: MadeItem
    level: str


def looked(dashboard: Dashboard, chosen: Chosen) -> Looked:
    """What a reader chose; without a choice the item of most levels in the standard version.

    Raises:
        NoCosts: No costing version is loaded.
        NothingPublished: Nothing is made in the version.
        HistoryUnavailable: The lake does not answer.
    """
    versions = selected.known_versions(dashboard)
    by_id = {version.cost_version_id: version for version in versions}
    version = by_id.get(chosen.get("version", ""), versions[0])
    item = _item(dashboard, version, chosen.get("item"))
    level = chosen.get("level", "")
    return Looked(
        version, by_id.get(chosen.get("with", "")), item, level if level in LEVELS else "rolled_up"
    )


def items_like(
    dashboard: Dashboard, version: CostVersion, find: str, *, limit: int = _CHOICES
) -> list[MadeItem]:
    """Made items whose id and name contain a text."""
    found: list[MadeItem] = dashboard.history.ask(
        standard_costs.made_items, cost_version_id=version.cost_version_id, find=find, limit=limit
    )
    return found


def item_choices(dashboard: Dashboard, chosen: Chosen, typed: str) -> list[dict[str, str]]:
    """The items to choose from, the chosen one always among them; none while the lake is away."""
    try:
        found = looked(dashboard, chosen)
        find = "" if typed == _label(found.item) else typed
        items = items_like(dashboard, found.version, find)
        usual = _item(dashboard, found.version, None)
    except TaktError:
        return []
    if found.item not in items:
        items = [found.item, *items]
    return [
        {"value": "" if item == usual else item.item_id, "label": _label(item)} for item in items
    ]


def version_choices(dashboard: Dashboard) -> list[dict[str, str]]:
    """The costing versions to choose from; the usual one is the empty choice."""
    versions = selected.known_versions(dashboard)
    return [
        {
            "value": version.cost_version_id if version != versions[0] else "",
            "label": ledger.version_name(version, _zone(dashboard)),
        }
        for version in versions
    ]


def other_choices(dashboard: Dashboard, version: CostVersion) -> list[dict[str, str]]:
    """The costing versions to compare with; none is the empty choice."""
    versions = selected.known_versions(dashboard)
    others = [
        {
            "value": each.cost_version_id,
            "label": f"vs. {ledger.version_name(each, _zone(dashboard))}",
        }
        for each in versions
        if each != version
    ]
    return [{"value": "", "label": "Compare with …"}, *others] if others else []


def headline(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """What a unit costs, its greatest cost group, what is doubtful."""
    found = looked(dashboard, chosen)
    costs = _unit_costs(dashboard, found.version, found.item)
    total = _sum(costs, found.level)
    of_level = [each for each in costs if each.level == found.level]
    most = max(of_level, key=lambda each: each.unit_cost, default=None)
    tiles = [
        ledger.tile(
            f"A unit of {found.item.item_name}",
            _unit_money(total, found.version.currency),
            ledger.version_name(found.version, _zone(dashboard)),
        ),
        ledger.tile(
            "Most of it",
            wording.name_of(most.cost_group_id) if most else wording.NOTHING,
            f"{_unit_money(most.unit_cost, found.version.currency)}, "
            f"{wording.percent(most.unit_cost / total)}"
            if most and total
            else None,
        ),
    ]
    if found.other:
        tiles.append(_difference_tile(dashboard, found, found.other, total))
    return tiles


def tree(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """What the unit is made of; a made component opens to what it is made of itself."""
    found = looked(dashboard, chosen)
    costs = _unit_costs(dashboard, found.version, found.item)
    names = sorted({each.cost_group_id for each in costs if each.level == found.level})
    columns = [
        Column("Component, or what is done", is_words=True),
        Column("Operation", is_words=True, is_extra=True),
        Column("Quantity per parent unit"),
        Column(f"Unit cost, {found.version.currency}", is_extra=True),
        Column("Cost per parent unit"),
        *(Column(wording.name_of(name)) for name in names),
    ]
    opened = frozenset(chosen.get("open", "").split("."))
    rows = list(_Tree(dashboard, found, chosen, opened, names).rows(found.item.item_id, ()))
    total = [ledger.amount(_sum(costs, found.level, name), _DIGITS) for name in (None, *names)]
    rows.append(Row(["Unit cost", "", "", "", *total], kind="total grand"))
    return [
        ledger.table(columns, rows, label="What a unit is made of"),
        html.P(
            "Quantities hold planned scrap and a unit's share of what a lot needs. What is opened "
            "is per unit of the component that it belongs to.",
            className="note",
        ),
    ]


def warnings(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """What makes the cost doubtful: of the item and of what it is made of directly."""
    found = looked(dashboard, chosen)
    nodes = _nodes(dashboard, found.version, found.item.item_id)
    ids = {node.component_item_id for node in nodes if node.component_item_id}
    told = dashboard.history.ask(
        standard_costs.cost_warnings,
        cost_version_id=found.version.cost_version_id,
        item_ids=tuple(sorted({found.item.item_id, *ids})),
    )
    if not told:
        return []
    notes = [
        html.Li(
            [
                html.Strong(each.item_id),
                " ",
                _WARNINGS.get(each.warning, each.warning).format(operation=each.operation_id),
            ]
        )
        for each in told
    ]
    return [ledger.notes("What makes this doubtful", notes)]


class _Tree:
    """The rows of an item's tree, as far as it is opened."""

    def __init__(
        self,
        dashboard: Dashboard,
        found: Looked,
        chosen: Chosen,
        opened: frozenset[str],
        names: Sequence[str],
    ) -> None:
        self._dashboard = dashboard
        self._found = found
        self._chosen = chosen
        self._opened = opened
        self._names = names

    def rows(self, item_id: str, way: tuple[str, ...]) -> Iterator[Row]:
        """What an item is made of, and what of it is opened; `way` leads to the item."""
        nodes = _nodes(self._dashboard, self._found.version, item_id)
        for _, parts in groupby(nodes, key=_whole):
            part = list(parts)
            here = (*way, part[0].component_item_id or "", part[0].operation_id or "")
            yield self._row(part, here, level=len(way) // 2)
            if part[0].is_made and ledger.key(*here) in self._opened and len(here) < _DEEPEST:
                yield from self.rows(part[0].component_item_id or "", here)

    def _row(self, part: Sequence[Node], here: tuple[str, ...], *, level: int) -> Row:
        first = part[0]
        of_group = {name: Decimal(0) for name in self._names}
        for node in part:
            name = (
                node.cost_group_id
                if self._found.level == "rolled_up" or level
                else node.single_cost_group_id
            )
            of_group[name] = of_group.get(name, Decimal(0)) + node.amount
        told = [node.unit_cost for node in part if node.unit_cost is not None]
        return Row(
            [
                self._name(first, here),
                first.operation_id or "",
                ledger.quantity(first.quantity, first.unit),
                ledger.amount(sum(told, Decimal(0)) if told else None, _DIGITS),
                ledger.amount(sum((node.amount for node in part), Decimal(0)), _DIGITS),
                *(
                    ledger.amount(of_group[name], _DIGITS) if of_group[name] else ""
                    for name in self._names
                ),
            ],
            kind="part" if level else "",
            level=level,
        )

    def _name(self, node: Node, here: tuple[str, ...]) -> Child | list[Child]:
        if node.component_item_id is None:
            return f"{wording.name_of(node.node)}: {wording.name_of(node.cost_group_id)}"
        name = node.component_name or node.component_item_id
        if not node.is_made:
            return [name, html.Small(f" {node.component_item_id}")]
        key = ledger.key(*here)
        is_open = key in self._opened
        left = {each for each in self._opened ^ {key} if each}
        return [
            go(
                [html.Span("▾ " if is_open else "▸ ", **{"aria-hidden": "true"}), name],
                ledger.href(PATH, self._chosen, open=".".join(sorted(left))),
                label=f"{'Close' if is_open else 'Open'} {name}",
            ),
            html.Small(f" {node.component_item_id}"),
        ]


def _zone(dashboard: Dashboard) -> ZoneInfo:
    return ZoneInfo(dashboard.site.time_zone)


def _item(dashboard: Dashboard, version: CostVersion, item_id: str | None) -> MadeItem:
    """A made item; without an id, or of one that is not made, that of most levels."""
    if item_id:
        alike = items_like(dashboard, version, item_id, limit=1_000)
        if found := next((each for each in alike if each.item_id == item_id), None):
            return found
    items = items_like(dashboard, version, "")
    if not items:
        raise NothingPublished(f"no item is made in {version.cost_version_id}")
    return items[0]


def _whole(node: Node) -> tuple[str, ...]:
    """What of a node is one row: a made component is in several cost groups."""
    group = "" if node.node == "component" else node.cost_group_id
    return node.node, node.component_item_id or "", node.operation_id or "", group


def _label(item: MadeItem) -> str:
    return item.item_id if item.item_name == item.item_id else f"{item.item_id} {item.item_name}"


def _nodes(dashboard: Dashboard, version: CostVersion, item_id: str) -> list[Node]:
    found: list[Node] = dashboard.history.ask(
        standard_costs.nodes, cost_version_id=version.cost_version_id, item_id=item_id
    )
    return found


def _unit_costs(dashboard: Dashboard, version: CostVersion, item: MadeItem) -> list[UnitCost]:
    found: list[UnitCost] = dashboard.history.ask(
        standard_costs.unit_costs, cost_version_id=version.cost_version_id, item_id=item.item_id
    )
    return found


def _sum(costs: Sequence[UnitCost], level: str, group: str | None = None) -> Decimal:
    return sum(
        (
            each.unit_cost
            for each in costs
            if each.level == level and group in (None, each.cost_group_id)
        ),
        Decimal(0),
    )


def _difference_tile(
    dashboard: Dashboard, found: Looked, other: CostVersion, total: Decimal
) -> Component:
    label = f"Against {other.cost_version_id}"
    if other.currency != found.version.currency:
        return ledger.tile(label, wording.NOTHING, f"it is in {other.currency}")
    then = _sum(_unit_costs(dashboard, other, found.item), found.level)
    share = f"{wording.signed((total - then) / then * 100, 1)} %" if then else None
    return ledger.tile(
        label,
        html.Span([_unit_money(total - then, found.version.currency), ledger.badge(total - then)]),
        share,
    )


def _unit_money(amount: Decimal, currency: str) -> str:
    return f"{wording.signed(amount, _DIGITS)}\N{NARROW NO-BREAK SPACE}{currency}"
