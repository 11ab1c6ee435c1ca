"""The marts of a simulated plant equal what an independent oracle computes from the truth."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pyarrow.parquet as pq
import pytest

from ingestion import history
from tests.integration.dbt.conftest import COUNTER_ONLY, ELEMENTS, FIGURES, KPIS, Plant
from tests.lake_fixtures import with_all_cores
from tests.oracle import costs, failures, figures, standards, use, yields
from tests.oracle.figures import Figures
from tests.oracle.shift_calendar import days, microseconds

START = datetime(2026, 10, 16, 12, tzinfo=UTC)
END = datetime(2026, 10, 30, 9, tzinfo=UTC)
"""A fortnight in which clocks go back."""

NOW = datetime(2026, 10, 31, tzinfo=UTC)
Key = tuple[object, ...]
CENTS = Fraction(3, 100)
"""Amounts of operations are rounded to cents, each by itself."""
TRUE_KINDS = """
select
    production_order_id,
    operation_id,
    case
        when cost_group_id in ('machine', 'labour', 'subcontract') then cost_group_id
        when cost_group_id in ('material', 'steel', 'consumables', 'packaging') then 'material'
        else 'overhead'
    end as kind,
    sum(amount)
from marts.order_cost
where basis = 'actual' and is_final
group by all
"""


@pytest.mark.timeout(600)  # a fortnight is made and built
def test_time_elements_quantities_and_kpis_equal_the_oracle(
    plant: Callable[[datetime, datetime], Plant],
) -> None:
    works = plant(START, END)
    works = replace(works, settings=with_all_cores(works.settings))
    history.import_files(works.settings, works.files)

    works.build(NOW, full=True)

    expected = dict(expected_figures(works))
    assert len(expected) > 700
    shown = dict(shown_figures(works))
    wrong = [
        (key, told)
        for key, figure in expected.items()
        if (told := differences(figure, shown.get(key)))
    ]
    assert not wrong, f"{len(wrong)} of {len(expected)}: {wrong[:3]}"
    unexpected = [key for key in shown if key[2] in ("shift", "day") and key not in expected]
    assert not [key for key in unexpected if is_within(key[1])], unexpected[:3]

    assert_yields_equal_the_oracle(works)
    assert_failures_equal_the_oracle(works)
    assert_use_equals_the_oracle(works)
    assert_standards_equal_the_oracle(works)
    assert_costs_equal_the_oracle(works)
    assert_costs_equal_what_the_plant_knows(works)


def assert_yields_equal_the_oracle(works: Plant) -> None:
    expected = yields.of_operations(works.folder / "truth")
    shown = {
        (order, unit): tuple(map(int, quantities))
        for order, unit, *quantities in works.query(
            "select production_order_id, work_unit_id, sum(input_quantity), sum(good_quantity),"
            " sum(scrap_quantity), sum(rework_quantity) from marts.yield_operation"
            " group by all having sum(input_quantity) <> 0"
        )
    }
    assert shown == {
        key: (each.input, each.good, each.scrap, each.rework) for key, each in expected.items()
    }
    rolled = yields.of_routes(expected, works.folder / "business_data")
    told = dict(
        works.query("select production_order_id, rolled_throughput_yield from marts.yield_route")
    )
    assert told == {order: pytest.approx(float(each)) for order, each in rolled.items()}


def assert_failures_equal_the_oracle(works: Plant) -> None:
    """But for the work unit that tells only pieces: its stops begin later than they did."""
    expected = failures.of_work_units(works.folder / "truth", works.folder / "business_data")
    shown: dict[str, list[failures.Failure]] = {unit: [] for unit in expected}
    for unit, *failure in works.query(
        "select work_unit_id, epoch_us(started_at), epoch_us(ended_at), reason_id,"
        " (repair_time_s * 1000000)::bigint, (operated_before_s * 1000000)::bigint,"
        " (between_failures_s * 1000000)::bigint, (to_failure_s * 1000000)::bigint"
        " from marts.failure_event order by started_at"
    ):
        shown[str(unit)].append(failures.Failure._make(failure))
    del expected[COUNTER_ONLY], shown[COUNTER_ONLY]
    assert shown == expected
    assert sum(map(len, expected.values())) > 50

    observed = [each.between for found in expected.values() for each in found if each.between]
    told = works.query(
        "select sum(between_failures_count), sum(between_failures_s) from"
        f" marts.work_unit_failure_day where work_unit_id <> '{COUNTER_ONLY}'"
    )
    assert told == [(len(observed), Decimal(sum(observed)) / 1_000_000)]


def assert_use_equals_the_oracle(works: Plant) -> None:
    expected = use.of_work_units(works.folder / "truth", works.folder / "business_data")
    shown = {
        unit: use.Use(*map(int, figures), Fraction(cycles))
        for unit, *figures, cycles in works.query(
            "select work_unit_id, sum(production_time_s) * 1000000, sum(setup_time_s) * 1000000,"
            " sum(start_count), sum(cycle_quantity) from marts.work_unit_usage_day group by all"
        )
    }
    told_by_pulses, told = expected.pop(COUNTER_ONLY), shown.pop(COUNTER_ONLY)
    assert shown == expected
    assert (told.setup_time, told.cycles) == (0, told_by_pulses.cycles)


def assert_standards_equal_the_oracle(works: Plant) -> None:
    folders = works.folder / "truth", works.folder / "business_data"
    expected = [
        each for each in standards.changeovers(*folders) if each.work_unit_id != COUNTER_ONLY
    ]
    shown = works.query(
        "select work_unit_id, epoch_us(started_at), epoch_us(ended_at),"
        " (duration_s * 1000000)::bigint, from_item_id, to_item_id, is_complete"
        " from marts.changeover order by work_unit_id, started_at"
    )
    assert list(map(standards.Changeover._make, shown)) == expected
    assert len(expected) > 200

    cycles = standards.cycles(*folders)
    told = {
        (unit, item): measured
        for unit, item, *measured in works.query(
            "select work_unit_id, item_id, observation_count, produced_quantity::bigint,"
            " (production_time_s * 1000000)::bigint, p10_cycle_s, p50_cycle_s, p90_cycle_s"
            f" from marts.standard_drift where work_unit_id <> '{COUNTER_ONLY}'"
        )
    }
    assert told.keys() == {key for key in cycles if key[0] != COUNTER_ONLY}
    for key, (observations, pieces, production_time, *percentiles) in told.items():
        cycle = cycles[key]
        assert (observations, pieces, production_time) == cycle[:3], key
        assert [float(each) for each in percentiles] == pytest.approx(
            [float(each) / 1_000_000 for each in cycle[3:]], abs=1e-6
        )


def assert_costs_equal_the_oracle(works: Plant) -> None:
    truth, business = works.folder / "truth", works.folder / "business_data"
    ended = costs.ended_orders(business, microseconds(START))
    made = {
        (str(version), str(item)): Fraction(cost)
        for version, item, cost in works.query(
            "select cost_version_id, item_id, sum(unit_cost) from marts.standard_cost"
            " where level = 'rolled_up' and item_id in ('BR-110', 'BU-12') group by all"
        )
    }
    machine = list(costs.machine(truth, business, figures.compute(truth, business)))
    expected = {
        "material": costs.material(truth, business, made),
        "labour": costs.booked_labour(business),
        "machine": {part: amount for part, unit, amount in machine if unit != COUNTER_ONLY},
        "subcontract": costs.subcontract(business),
    }
    shown = {
        "material": actual_costs(
            works, "cost_group_id", "material", "steel", "consumables", "packaging"
        ),
        **{
            name: actual_costs(works, "operation_id", name)
            for name in ("labour", "machine", "subcontract")
        },
    }
    for name, amounts in expected.items():
        wrong = {
            part: (float(amount), told)
            for part, amount in amounts.items()
            if part[0] in ended and abs(amount - (told := shown[name].get(part, 0))) > CENTS
        }
        compared = sum(part[0] in ended for part in amounts)
        assert not wrong, f"{name}: {len(wrong)} of {compared}: {dict(list(wrong.items())[:3])}"
        assert compared > 10, name


def assert_costs_equal_what_the_plant_knows(works: Plant) -> None:
    """Of orders to which material was booked; what others used nobody knows."""
    ended = costs.ended_orders(works.folder / "business_data", microseconds(START))
    truth = pq.read_table(works.folder / "truth" / "cost.parquet").to_pylist()
    material = pq.read_table(works.folder / "truth" / "material.parquet").to_pylist()
    issued = ended & {row["production_order_id"] for row in material if row["source"] == "issued"}
    counts_only = set(
        works.query(
            "select production_order_id, operation_id from reference.order_operation"
            f" where work_unit_id = '{COUNTER_ONLY}'"
        )
    )
    expected = {
        (*place, row["kind"]): Fraction(row["amount"])
        for row in truth
        if (place := (row["production_order_id"], row["operation_id"])) not in counts_only
        and row["production_order_id"] in issued
    }
    told = {tuple(part): Fraction(str(amount)) for *part, amount in works.query(TRUE_KINDS)}
    wrong = {
        part: (float(amount), float(told.get(part, 0)))
        for part, amount in expected.items()
        if abs(amount - told.get(part, 0)) > CENTS
    }
    assert not wrong, f"{len(wrong)} of {len(expected)}: {dict(list(wrong.items())[:5])}"
    kinds = {"material", "machine", "labour", "subcontract", "overhead"}
    assert {kind for _, _, kind in expected} == kinds
    assert_products_are_what_came_of_them(works, ended)
    assert_a_second_standard_revalues(works)
    assert works.query(
        "select list(distinct quality_cost_category order by quality_cost_category),"
        " bool_and(amount is not null) from marts.cost_of_quality"
    ) == [(["appraisal", "external_failure", "internal_failure", "prevention"], True)]
    assert works.query("select distinct production_flow_id from marts.flow_rollforward") == [
        ("hinges",)
    ]
    assert works.query(
        "select distinct item_id, opening_amount + transferred_in_amount + added_amount"
        " = transferred_amount + in_process_amount from marts.equivalent_unit"
    ) == [("SH-20", True)]
    went_in, cost = (
        dict(works.query(f"select production_order_id, sum({amount}) from marts.{mart} group by 1"))
        for amount, mart in (
            ("added_amount", "equivalent_unit"),
            ("amount", "order_cost where basis = 'actual'"),
        )
    )
    assert len(went_in) > 5
    assert all(abs(cost[order] - amount) <= CENTS for order, amount in went_in.items())


def assert_a_second_standard_revalues(works: Plant) -> None:
    costed = works.query(
        "select distinct cost_version_id from intermediate.int_order_costing order by all"
    )
    assert costed == [("revised",), ("standard",)]
    # 6,400 kg at 1.15 and then 1.19.
    assert works.query(
        "select previous_version_id, previous_amount, amount from marts.revaluation"
        " where cost_version_id = 'revised' and kind = 'stock' and item_id = 'ST-2'"
    ) == [("standard", Decimal("7360.00"), Decimal("7616.00"))]
    in_process = {
        order
        for (order,) in works.query(
            "select production_order_id from marts.revaluation"
            " where kind = 'in_process' and difference_amount is not null"
        )
    }
    begun, released = (
        set(
            works.query(
                f"select production_order_id from reference.production_order {joined}"
                f" inner join reference.cost_version on valid_from > {since}"
                " where cost_version.cost_version_id = 'revised'"
                " and coalesce(ended_at > valid_from, true)"
            )
        )
        for since, joined in (
            ("started_at", "inner join reference.order_operation using (production_order_id)"),
            ("released_at", ""),
        )
    )
    assert begun
    assert {order for (order,) in begun} <= in_process <= {order for (order,) in released}


def assert_products_are_what_came_of_them(works: Plant, ended: set[str]) -> None:
    washers = {
        row["production_order_id"]: row["quantity"]
        for row in pq.read_table(works.folder / "truth" / "output.parquet").to_pylist()
        if row["item_id"] == "WA-8" and row["production_order_id"] in ended
    }
    told = dict(
        works.query(
            "select distinct production_order_id, quantity from marts.order_product_cost"
            " where item_id = 'WA-8' and is_final"
        )
    )
    assert washers
    assert {order: told[order] for order in washers} == washers


def actual_costs(works: Plant, part: str, *groups: str) -> dict[Key, Fraction]:
    """What each ended order cost, by operation or cost group."""
    found = works.query(
        f"select production_order_id, {part}, sum(amount) from marts.order_cost where"
        " basis = 'actual' and is_final and cost_group_id in"
        f" ({', '.join(map(repr, groups))}) group by all"
    )
    return {(order, of): Fraction(amount) for order, of, amount in found}


def is_within(started_at: object) -> bool:
    """Whether a day or shift that starts then is over before the truth ends."""
    assert isinstance(started_at, int)
    return microseconds(START) <= started_at < microseconds(END) - 2 * 86_400_000_000


def expected_figures(works: Plant) -> Iterator[tuple[Key, Figures]]:
    """By work unit, start of the shift or day, and order (`shift`, `day` for all of it)."""
    business = works.folder / "business_data"
    shifts = figures.compute(works.folder / "truth", business)
    whole_days = days(business, microseconds(START), microseconds(END))
    for day, figure in figures.of_days(shifts, whole_days):
        yield (day.work_unit_id, day.started_at, "day"), figure
    for each in shifts:
        unit, start = each.shift.work_unit_id, each.shift.started_at
        yield (unit, start, "shift"), each.whole
        if each.whole.unknown_time_us:
            # Which order ran while nothing was heard is known to the ERP, not to the truth.
            continue
        for order, figure in each.by_order.items():
            yield (unit, start, order), figure


def shown_figures(works: Plant) -> Iterator[tuple[Key, Key]]:
    day_started_at = (
        "(select min(started_at) from marts.state_interval as i where i.work_unit_id"
        " = work_unit_day.work_unit_id and i.production_date = work_unit_day.production_date)"
    )
    for mart, order, started_at in (
        ("work_unit_shift", "'shift'", "shift_started_at"),
        ("work_unit_shift_order", "production_order_id", "shift_started_at"),
        ("work_unit_day", "'day'", day_started_at),
    ):
        rows = works.query(
            f"select work_unit_id, epoch_us({started_at}), {order}, {FIGURES}"
            f" from marts.{mart} where definition_id = 'iso22400'"
        )
        for row in rows:
            yield row[:3], row[3:]


def differences(figure: Figures, shown: Key | None) -> list[tuple[str, object, object]]:
    """Name, expected and shown value of what differs at all; KPIs by more than 1e-9."""
    if shown is None:
        return [("row", figure, None)]
    found: list[tuple[str, object, object]] = []
    for name, value in zip(ELEMENTS, shown, strict=False):
        assert isinstance(value, Decimal)
        amount = value * 1_000_000 if name.endswith("_us") else value
        if amount != getattr(figure, name):
            found.append((name, getattr(figure, name), amount))
    for name, value in zip(KPIS, shown[len(ELEMENTS) :], strict=True):
        exact: Fraction | None = getattr(figure, name)
        if exact is None or value is None:
            is_equal = exact is value
        else:
            assert isinstance(value, float)
            is_equal = abs(float(exact) - value) <= 1e-9
        if not is_equal:
            found.append((name, exact, value))
    return found
