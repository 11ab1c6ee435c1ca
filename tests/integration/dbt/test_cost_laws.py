"""What generated orders cost is what a second computation says, in fractions and to the cent.

The laws of the marts (`dbt_project/tests`) are part of every build: it fails where one is broken.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

import lake
from ingestion import reference
from pipelines import dbt
from takt.settings import CostSettings, Settings
from tests.integration.dbt import generated_costs
from tests.integration.dbt.generated_plant import NOW
from tests.oracle.cost_cards import CostCards
from tests.oracle.cost_facts import BEFORE, Period, Works
from tests.oracle.cost_variances import CostVariances
from tests.oracle.order_costs import Actual, OrderCosts, orders
from tests.oracle.shift_calendar import microseconds
from tests.parsed_project import share_parsed_project

ZERO = Fraction(0)
HALF_A_CENT = Fraction(5, 1000)
MILLIONTHS = Fraction(1, 1000)
"""Amounts have six places until they are rounded: what that leaves of hundreds of them."""
LOSS = (
    "production_order_id, operation_id, work_unit_id, loss_category, loss_detail, cause, reason_id"
)
VARIANCE = (
    "production_order_id, operation_id, cost_group_id, variance_type, detail_type, is_machine_time"
)
KEYS = {
    "costing_sheet": "cost_version_id, item_id, level, line_id",
    "order_costing_sheet": "production_order_id, line_id",
    "revaluation": "site_id, cost_version_id, kind, item_id, production_order_id",
    "material_usage": "production_order_id, item_id",
    "order_output": "production_order_id, operation_id",
    "equivalent_unit": "production_order_id, operation_id, period_id, cost_class",
    "cost_of_quality": "production_order_id, operation_id, site_id, item_id, work_unit_id,"
    " production_date, quality_cost_category, result, reason_id, currency",
}
"""Of views that would make each refresh slower, were their keys tested in it."""
Key = tuple[Any, ...]
Figure = TypeVar("Figure")
Amounts = Mapping[Key, Fraction]


COMPARED = {
    *("int_affected_day", "int_hidden_day", "journal"),
    *("int_costing_sheet", "costing_sheet", "order_costing_sheet", "cost_groups_add_up"),
}
"""Models and laws that compare all rows of two relations with one another, and may: of one there is
a handful of days, changed files, accounts or lines of a costing sheet."""


class Proof:
    """Generated works in a lake, built once, beside what they must cost.

    With every third seed the settings of costs are not the default ones.
    """

    def __init__(self, settings: Settings, folder: Path, seed: int, count: int) -> None:
        if seed % 3 == 0:
            others = CostSettings(
                operation_scrap="of_pieces_started", material_price_variance="at_use"
            )
            settings = settings.model_copy(update={"cost": others})
        self._settings = settings
        made = generated_costs.make(seed, count)
        files = made.write(folder / "files")
        report = reference.load(settings, files)
        assert report.load_id is not None, str(report)
        made.tell(settings)
        share_parsed_project(settings.home)
        moment = NOW.replace(tzinfo=None).isoformat(" ")
        dbt.build(settings, variables={"now": moment}, full=True)
        self.cards = CostCards(files, microseconds(NOW), settings.cost)
        self.works = Works(self.cards, made.uses, made.counts, made.measures, made.periods)
        self.orders = {name: CostVariances(each) for name, each in orders(self.works).items()}

    def told(self, columns: str, mart: str, condition: str = "true") -> dict[Key, Fraction]:
        """The last of the columns of each row of a mart, by the others."""
        rows = self.rows(columns, mart, condition)
        return {tuple(key): Fraction(last) for *key, last in rows}

    def rows(self, columns: str, mart: str, condition: str = "true") -> list[tuple[Any, ...]]:
        """Columns of a mart."""
        with closing(lake.open(self._settings, read_only=True)) as con:
            return con.execute(f"select {columns} from marts.{mart} where {condition}").fetchall()

    def plans(self) -> dict[str, str]:
        """How the lake goes about each model and law; a drawn plan leaves out what is too wide."""
        compiled = (dbt.target_path(self._settings) / "compiled").rglob("*.sql")
        with closing(lake.open(self._settings, read_only=True)) as con:
            return {
                file.stem: con.execute(f"explain (format json) {file.read_text()}").fetchall()[0][1]
                for file in compiled
            }

    def known(self, figures: Callable[[CostVariances], Mapping[Any, Figure]]) -> dict[Key, Figure]:
        """Figures of all orders, the order before their keys."""
        return {
            (name, *key): figure
            for name, each in self.orders.items()
            for key, figure in figures(each).items()
        }

    def check(self) -> None:
        """Compare every figure of every order."""
        for compare in (
            compare_standard_costs,
            compare_costs,
            check_costing_sheets,
            compare_variances,
            compare_periods,
            compare_losses,
            compare_shifts,
            compare_machine_rates,
            compare_products,
            compare_work_in_process,
            compare_process_costing,
            compare_quality_hours,
            check_keys,
            check_plans,
        ):
            compare(self)


def compare_standard_costs(proof: Proof) -> None:
    told = proof.told("cost_version_id, item_id, cost_group_id, level, unit_cost", "standard_cost")

    assert_close(told, proof.cards.standard_costs(), Fraction(0))


def compare_costs(proof: Proof) -> None:
    told = proof.told(
        "production_order_id, operation_id, cost_group_id, basis, amount", "order_cost"
    )

    assert_close(told, proof.known(CostVariances.costs), HALF_A_CENT)
    assert {name for name, *_ in told} == {name for name, *_ in proof.known(CostVariances.costs)}


BASES = ("estimate", "standard", "absorbed", "actual")
SHEETS = {
    "costing_sheet": ("cost_version_id, item_id, level", ["unit_cost"]),
    "order_costing_sheet": (
        "production_order_id, currency",
        [*(f"{basis}_amount" for basis in BASES), "variance_amount"],
    ),
}
"""What a costing sheet is of, and its columns of money."""
COSTS = {
    "costing_sheet": ("standard_cost", ["sum(unit_cost)"]),
    "order_costing_sheet": (
        "order_cost",
        [
            *(f"coalesce(sum(amount) filter (basis = '{basis}'), 0)" for basis in BASES),
            "sum(case basis when 'actual' then amount when 'absorbed' then -amount else 0 end)",
        ],
    ),
}


def check_costing_sheets(proof: Proof) -> None:
    """Each subtotal is the sum of the lines that go into it, and the total what the sheet is of."""
    for sheet, (of, money) in SHEETS.items():
        sums = ", ".join(f"sum({column})" for column in money)
        subtotals = proof.rows(f"{of}, line_id, {', '.join(money)}", sheet, "is_subtotal")
        lines = proof.rows(
            f"{of}, parent_line_id, {sums}", sheet, "parent_line_id is not null group by all"
        )
        totals = proof.rows(f"{of}, {', '.join(money)}", sheet, "line_id = 'total'")
        costs, figures = COSTS[sheet]

        assert len(subtotals) > len(totals)
        assert sorted(subtotals) == sorted(lines)
        assert sorted(totals) == sorted(
            proof.rows(f"{of}, {', '.join(figures)}", costs, "true group by all")
        )


def compare_variances(proof: Proof) -> None:
    told = proof.told(
        "production_order_id, operation_id, cost_group_id, variance_type, detail_type,"
        " is_machine_time, amount",
        "order_variance",
        "variance_type <> 'rounding'",
    )
    rounding = proof.told(
        "production_order_id, operation_id, cost_group_id, abs(amount)",
        "order_variance",
        "variance_type = 'rounding'",
    )

    assert_close(told, proof.known(CostVariances.variances), HALF_A_CENT)
    # At most so many variances of a cost group are rounded, and both sides of their sum.
    assert max(rounding.values(), default=Fraction(0)) <= 7 * HALF_A_CENT


def compare_periods(proof: Proof) -> None:
    told = proof.told("distinct production_order_id, period_id, 0", "order_variance")
    ended = {
        (name, proof.works.period(each.order.known_at) if each.order.is_final else None)
        for name, each in proof.orders.items()
    }

    assert set(told) <= ended


def compare_losses(proof: Proof) -> None:
    of_all_shifts = f"true group by {LOSS}"
    seconds = proof.told(f"{LOSS}, sum(lost_s)", "loss_cost", of_all_shifts)
    money = proof.told(f"{LOSS}, sum(amount)", "loss_cost", of_all_shifts)
    known = proof.known(CostVariances.losses)

    assert_close(seconds, {key: lost for key, (lost, _) in known.items()}, Fraction(1, 10**6))
    # They share by largest remainder what is rounded once in each of several cost groups.
    assert_close(money, {key: amount for key, (_, amount) in known.items()}, 5 * HALF_A_CENT)


def compare_shifts(proof: Proof) -> None:
    place = "production_order_id, operation_id, work_unit_id, production_date, shift_id"
    losses = proof.told(
        f"{place}, sum(exact_amount)",
        "loss_cost",
        "true group by all having sum(exact_amount) <> 0",
    )
    variances = proof.told(
        f"{place}, sum(exact_amount)", "order_variance_shift", "is_machine_time group by all"
    )
    shifts = {key[-2:] for key in proof.told(f"{place}, 0", "order_variance_shift") if key[-1]}

    assert_close(variances, losses, HALF_A_CENT)
    # Sharing cents hides no other amount.
    shared = proof.told(f"{VARIANCE}, sum(amount)", "order_variance_shift", "true group by all")
    exact = proof.told(
        f"{VARIANCE}, sum(exact_amount)", "order_variance_shift", "true group by all"
    )
    assert_close(shared, exact, 2 * HALF_A_CENT)
    assert len(shifts) > 1


def compare_machine_rates(proof: Proof) -> None:
    told = proof.told(
        "production_order_id, operation_id, cost_group_id, work_unit_id, sum(exact_amount)",
        "order_variance_shift",
        "detail_type = 'machine_rate' and production_date is not null group by all",
    )
    known = proof.known(CostVariances.machine_rates)
    told_otherwise = {
        (name, line.operation, line.group)
        for name, each in proof.orders.items()
        for line in each.order.actual
        if line.driver == "piece" or line.source == "booked"
    }

    # Of each shift what is less than half a cent is no row.
    assert_close(
        {key: amount for key, amount in told.items() if key[:3] not in told_otherwise},
        {key: amount for key, amount in known.items() if key[:3] not in told_otherwise},
        5 * HALF_A_CENT,
    )


def has_dearer_hours_of_an_operation_at_several_work_units(proof: Proof) -> bool:
    """Whether not only an operation as a whole can have had other rates than planned."""
    known = proof.known(CostVariances.machine_rates)
    units = Counter(key[:3] for key in known)
    return any(amount and units[key[:3]] > 1 for key, amount in known.items())


def compare_products(proof: Proof) -> None:
    told = proof.told(
        "production_order_id, item_id, cost_group_id, actual_amount", "order_product_cost"
    )

    # Each operation's amount is rounded before the products share them.
    assert_close(told, proof.known(CostVariances.products), 5 * HALF_A_CENT)


def compare_work_in_process(proof: Proof) -> None:
    told = proof.told(
        "production_order_id, period_id, cost_group_id, closing_amount", "wip_rollforward"
    )

    # Both sides of each operation are rounded, and of what belongs to none.
    assert_close(told, proof.known(CostVariances.work_in_process), 2 * 5 * HALF_A_CENT)
    flushed = [left for (order, _, group), left in told.items() if is_flushed(proof, order, group)]
    assert flushed
    # A card's unit costs have six places, at most 800 pieces take them out.
    assert min(flushed) > -10 * HALF_A_CENT


def is_flushed(proof: Proof, name: str, group: str) -> bool:
    """Whether all that a cost group of an order needs is backflushed at the standard price."""
    order = proof.orders[name].order
    lines = [line for line in order.card if line.group == group]
    return (
        order.own_card == order.card
        and all(line.driver == "material" and not line.is_overhead for line in lines)
        and not any(line.constant for line in lines)
        and {line.source for line in order.actual if line.group == group} == {"backflushed"}
    )


def compare_process_costing(proof: Proof) -> None:
    added = proof.told(
        "production_order_id, period_id, cost_class, sum(added_amount)",
        "equivalent_unit",
        "true group by all having sum(added_amount) <> 0",
    )
    known: defaultdict[Key, Fraction] = defaultdict(Fraction)
    for name, costs in proof.orders.items():
        order = costs.order
        if order.row["mode"] == "process" and order.pieces:
            for line in order.actual:
                known[name, proof.works.period(line.at), class_of(line)] += line.amount
    # Rounded at the end of each period for each operation.
    assert_close(added, known, 20 * HALF_A_CENT)
    assert {cost_class for _, _, cost_class in added} == {"material", "conversion", "piece"}
    places = [BEFORE, *(period.period_id for period in proof.works.periods), "after"]
    for name, steps in processes(proof).items():
        order = proof.orders[name].order
        check_process(name, order.steps, places, steps)
        check_completed(order, proof.works.periods, steps)


def class_of(line: Actual) -> str:
    """The cost class of what an order used."""
    if line.driver in ("piece", "subcontract") or line.source == "backflushed":
        return "piece"
    return "material" if line.driver == "material" and not line.is_overhead else "conversion"


class Step(NamedTuple):
    """What an operation did to a cost class in a period."""

    completed: Fraction
    in_process: Fraction
    ratio: Fraction
    opening: Fraction
    handed_on: Fraction
    added: Fraction
    transferred: Fraction
    left: Fraction


NOTHING = Step(*8 * [ZERO])
Steps = dict[tuple[str, str, str], Step]
"""By operation, period and cost class."""
OF_ALL = {"material": 1, "piece": 0, "transferred_in": 1}
"""How far units in process are done in classes where nobody has to tell it."""


def processes(proof: Proof) -> dict[str, Steps]:
    """By order what process costing tells."""
    columns = "production_order_id, operation_id, period_id, cost_class, completed_quantity,"
    columns += " in_process_quantity, complete_ratio, opening_amount, transferred_in_amount,"
    columns += " added_amount, transferred_amount, in_process_amount"
    found: defaultdict[str, Steps] = defaultdict(dict)
    for name, operation, period, cost_class, *figures in proof.rows(columns, "equivalent_unit"):
        found[name][operation, period, cost_class] = Step(*map(Fraction, figures))
    return found


def check_process(name: str, operations: list[str], periods: list[str], steps: Steps) -> None:
    """Units and money go from period to period and from operation to operation, none is lost."""
    assert {operation for operation, *_ in steps} == set(operations), name
    for key, step in steps.items():
        check_share((name, *key), step)
    told = [period for period in periods if any(each == period for _, each, _ in steps)]
    for operation in operations:
        for cost_class in ("conversion", *OF_ALL):
            for before, period in pairwise(("", *told)):
                left = steps.get((operation, before, cost_class), NOTHING).left
                assert steps.get((operation, period, cost_class), NOTHING).opening == left, name
    for one, other in pairwise(operations):
        came = ZERO
        for period in told:
            assert handed(steps, one, period) == brought(steps, other, period), (name, one, period)
            here = steps[other, period, "material"]
            came += steps[one, period, "material"].completed - here.completed
            assert here.in_process <= max(came, ZERO), (name, other, period)


def check_share(key: Key, step: Step) -> None:
    """Completed units take their part of the pool, by how far those in process are done."""
    pool = step.opening + step.handed_on + step.added
    units = step.completed + step.in_process * step.ratio
    assert pool == step.transferred + step.left, key
    assert min(step.completed, step.in_process) >= 0, key
    assert 0 <= step.ratio <= 1, key
    assert step.ratio == OF_ALL.get(str(key[-1]), step.ratio), key
    if units:
        assert abs(step.transferred - pool * step.completed / units) <= 2 * HALF_A_CENT, key
    else:
        assert step.transferred in (0, pool), key


def handed(steps: Steps, operation: str, period: str) -> Fraction:
    """What completed units of an operation took with them."""
    return sum((steps[key].transferred for key in steps if key[:2] == (operation, period)), ZERO)


def brought(steps: Steps, operation: str, period: str) -> Fraction:
    """What units of an operation brought along."""
    return sum((steps[key].handed_on for key in steps if key[:2] == (operation, period)), ZERO)


def check_completed(order: OrderCosts, periods: list[Period], steps: Steps) -> None:
    """Units are completed when pieces came, also those of a vendor whom a machine counted for."""
    ends = [*(period.starts_at for period in periods), order.known_at + 1]
    for operation in order.steps:
        completed, most = ZERO, ZERO
        for period, end in zip([BEFORE, *(each.period_id for each in periods)], ends, strict=True):
            completed += steps.get((operation, period, "material"), NOTHING).completed
            known = order.completed_before(end, operation)
            if known is not None and (operation, period, "material") in steps:
                most = max(most, known)
                assert completed == most, (order.name, operation, period)


def compare_quality_hours(proof: Proof) -> None:
    told = proof.told(
        "production_order_id, operation_id, quality_cost_category, sum(quantity)",
        "cost_of_quality",
        "unit = 'h' group by all",
    )
    booked = {
        key: hours
        for key, hours in told.items()
        if key[2] == "prevention" or key[:2] not in proof.works.inspections
    }
    known = {
        key: hours for key, hours in proof.works.quality_hours.items() if key[0] in proof.orders
    }

    assert known
    # Hours have six places, once a day.
    assert_close(booked, known, Fraction(1, 10**5))


def check_keys(proof: Proof) -> None:
    for mart, key in KEYS.items():
        rows = proof.rows(key, mart)
        assert rows, mart
        assert len(rows) == len(set(rows)), mart


def check_plans(proof: Proof) -> None:
    """A join without a key compares all rows with one another: minutes, with a plant's orders."""
    plans = proof.plans()
    compared = {name for name, plan in plans.items() if "BLOCKWISE_NL_JOIN" in plan}

    assert len(plans) > 100
    assert compared <= COMPARED


def assert_close(told: Amounts, known: Amounts, tolerance: Fraction) -> None:
    """No amount differs by more; one that is not told is nought."""
    allowed = tolerance + (MILLIONTHS if tolerance else 0)
    both = {key: (told.get(key, Fraction(0)), known.get(key, Fraction(0))) for key in told | known}
    apart = {
        key: (float(one), float(other))
        for key, (one, other) in both.items()
        if abs(one - other) > allowed
    }
    some = dict(sorted(apart.items(), key=str)[:8])
    assert not apart, f"{len(apart)} of {len(known)} (told, known): {some}"


@pytest.fixture
def prove(built_settings: Settings, tmp_path: Path) -> Callable[[int, int], Proof]:
    """Generates by a seed so many orders, builds, and compares."""

    def proved(seed: int, count: int) -> Proof:
        proof = Proof(built_settings, tmp_path, seed, count)
        proof.check()
        return proof

    return proved


@pytest.mark.timeout(400)
def test_generated_orders_cost_what_a_second_computation_says(
    prove: Callable[[int, int], Proof],
) -> None:
    assert has_dearer_hours_of_an_operation_at_several_work_units(prove(2, 60))


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(20, 30))
def test_many_generated_orders_cost_what_a_second_computation_says(
    prove: Callable[[int, int], Proof], seed: int
) -> None:
    prove(seed, 150)
