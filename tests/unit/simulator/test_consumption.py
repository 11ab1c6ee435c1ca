"""What orders took beside machine time: the ERP's files and the truth tell the same story."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edge.simulator import true_cost
from edge.simulator.business_data import drop_orders, write_business_data
from edge.simulator.cost_data import FIRST_STANDARD, PARTS, REVISED_STANDARD, Standard
from edge.simulator.periods import first_period, periods
from edge.simulator.plant import TIME_ZONE
from edge.simulator.production import Plant
from edge.simulator.shifts import to_ms, week_monday
from tests.unit.simulator.conftest import END, START
from tests.unit.simulator.test_business_data import rows

TAKEN = ("material_movement", "labour_booking", "subcontract_receipt")
at = datetime.fromisoformat


def truth(folder: Path, table: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(folder / f"{table}.parquet").to_pylist()
    return found


def test_the_truth_tells_what_was_issued_less_what_went_back(
    business_folder: Path, truth_folder: Path
) -> None:
    moved: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in rows(business_folder, "material_movement"):
        if row["is_output"] == "true":
            continue
        sign = -1 if row["is_return"] == "true" else 1
        moved[row["production_order_id"], row["item_id"]] += sign * Decimal(row["quantity"])
    took: defaultdict[tuple[object, ...], object] = defaultdict(Decimal)
    for each in truth(truth_folder, "material"):
        if each["source"] == "issued":
            took[each["production_order_id"], each["item_id"]] += each["quantity"]  # type: ignore[operator]

    assert took == moved
    assert all(quantity > 0 for quantity in moved.values())


def test_what_a_meter_measures_nobody_books(business_folder: Path, truth_folder: Path) -> None:
    orders = {row["production_order_id"]: row for row in rows(business_folder, "production_order")}
    measured = [each for each in truth(truth_folder, "material") if each["source"] == "measured"]
    booked = {row["item_id"] for row in rows(business_folder, "material_movement")}

    assert {each["item_id"] for each in measured}.isdisjoint(booked)
    for each in measured:
        order = orders[str(each["production_order_id"])]
        assert each["operation_id"] == "40"
        assert Decimal(0) < each["quantity"] < Decimal("0.02") * Decimal(order["order_quantity"])
    assert len(measured) > 10


def test_a_process_makes_washers_and_offcuts_beside_its_hinges(
    business_folder: Path, truth_folder: Path
) -> None:
    orders = {row["production_order_id"]: row for row in rows(business_folder, "production_order")}
    told = {
        (row["production_order_id"], row["item_id"]): Decimal(row["quantity"])
        for row in rows(business_folder, "material_movement")
        if row["is_output"] == "true"
    }
    made = {
        (each["production_order_id"], each["item_id"]): each["quantity"]
        for each in truth(truth_folder, "output")
    }
    hinges = {name for name, row in orders.items() if row["item_id"] == "HN-35" and row["ended_at"]}

    assert made == told
    assert {item for _, item in told} == {"WA-8", "OF-2"}
    assert {orders[order]["item_id"] for order, _ in told} == {"HN-35"}
    assert len({order for order, _ in told} & hinges) > len(hinges) / 2
    assert all(
        Decimal("0.9") < told[order, "WA-8"] / Decimal(orders[order]["order_quantity"]) < Decimal(2)
        for order in hinges & {order for order, _ in told}
    )


def test_customers_send_back_less_than_they_got_and_later(business_folder: Path) -> None:
    orders = {row["production_order_id"]: row for row in rows(business_folder, "production_order")}
    returns = rows(business_folder, "customer_return")
    known = [each for each in returns if each["production_order_id"]]

    assert 0 < len(known) < len(returns) < len(orders) / 3
    for each in known:
        order = orders[each["production_order_id"]]
        assert order["item_id"] == each["item_id"]
        assert at(order["ended_at"]) < at(each["returned_at"]) <= END
        assert Decimal(each["quantity"]) < Decimal(order["order_quantity"])


def test_the_truth_tells_what_each_order_that_is_over_cost(truth_folder: Path) -> None:
    costs = truth(truth_folder, "cost")
    kinds = defaultdict(set)
    for each in costs:
        kinds[each["production_order_id"]].add(each["kind"])

    assert all({"machine", "labour", "overhead"} <= found for found in kinds.values())
    assert {"material", "subcontract"} <= set.union(*kinds.values())
    assert all(each["amount"] > 0 for each in costs)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("standard", "lathe_rate", "factory_rate", "steel"),
    [(FIRST_STANDARD, "78", 21, "1.15"), (REVISED_STANDARD, "81.5", 22, "1.19")],
)
def test_standards_are_rolled_up_by_the_plant_itself(
    standard: Standard, lathe_rate: str, factory_rate: int, steel: str
) -> None:
    # 0.0371 kg of bar at 1.42 and 6 % of it, 7.7 s at the saw and the lathe, set up for 5,000.
    saw = (Decimal("1.2") + Decimal(600) / 5_000) / 3_600 * (42 + 34 + factory_rate)
    lathe_s = Decimal("6.5") + Decimal(1_500) / 5_000
    lathe = lathe_s / 3_600 * (Decimal(lathe_rate) + 34 + factory_rate)
    bar = Decimal("0.0371") * Decimal("1.42") * Decimal("1.06")

    found = true_cost.standard("BU-12", standard)
    assert float(found) == pytest.approx(float(saw + lathe + bar), abs=2e-6)
    assert true_cost.standard("ST-2", standard) == Fraction(steel)


def test_a_second_standard_begins_while_orders_run(business_folder: Path) -> None:
    *_, begins = (row["valid_from"] for row in rows(business_folder, "cost_version")[:2])
    orders = rows(business_folder, "production_order")

    assert START < at(begins) < END
    assert any(
        at(row["released_at"]) < at(begins) < at(row["ended_at"])
        for row in orders
        if row["released_at"] and row["ended_at"]
    )
    assert {row["counted_at"] for row in rows(business_folder, "stock")} == {begins}


def test_material_is_short_spoilt_returned_bought_dearer_and_sometimes_not_booked_at_all(
    business_folder: Path,
) -> None:
    movements = rows(business_folder, "material_movement")
    begun = {
        row["production_order_id"]
        for row in rows(business_folder, "order_operation")
        if row["started_at"] and row["operation_id"] == "10"
    }
    prices = defaultdict(set)
    for row in movements:
        prices[row["item_id"]].add(row["unit_price"])
    issues = Counter(
        (row["production_order_id"], row["item_id"], row["operation_id"]) for row in movements
    )

    assert {row["item_id"] for row in movements if row["replaces_item_id"] == "ST-2"} == {"ST-25"}
    assert any(row["is_return"] == "true" for row in movements)
    assert len(prices["ST-2"]) == len(prices["RB-45"]) == 3
    assert prices["PC-7"] == prices["BR-110"] == {""}
    assert 0 < len(begun - {row["production_order_id"] for row in movements}) < len(begun) / 5
    assert max(issues.values()) > 1


def test_workers_tend_several_machines_and_no_second_is_shared_out_twice(
    business_folder: Path, truth_folder: Path
) -> None:
    spans = defaultdict(list)
    for row in rows(business_folder, "labour_booking"):
        if row["kind"] not in ("run", "setup"):
            continue
        spans[row["worker_id"]].append((at(row["started_at"]), at(row["finished_at"] or f"{END}")))
    shared: defaultdict[object, Decimal] = defaultdict(Decimal)
    for each in truth(truth_folder, "labour"):
        assert isinstance(each["labour_s"], Decimal)
        shared[each["worker_id"]] += each["labour_s"]

    assert shared == {worker: length(own) for worker, own in spans.items()}
    assert any(a[0] < b[1] and b[0] < a[1] for a, b in combinations(spans["W-11"], 2))


def length(spans: list[tuple[datetime, datetime]]) -> Decimal:
    """Seconds in at least one of the spans."""
    total, until = timedelta(), datetime.min.replace(tzinfo=UTC)
    for start, end in sorted(spans):
        total += max(end - max(start, until), timedelta())
        until = max(until, end)
    return Decimal(total // timedelta(microseconds=1)) / 1_000_000


def test_only_line_1_books_its_work_and_never_in_a_break(business_folder: Path) -> None:
    told = rows(business_folder, "labour_booking")
    bookings = [row for row in told if row["kind"] in ("run", "setup")]

    assert {row["kind"] for row in told} == {"run", "setup", "inspection", "prevention"}
    assert {row["production_order_id"][-3] for row in bookings} == {"1"}
    assert {row["kind"] for row in bookings} == {"setup", "run"}
    for row in bookings:
        local = at(row["started_at"]).astimezone(TIME_ZONE)
        assert not time(9) <= local.time() < time(9, 15)


def test_vendors_deliver_before_an_order_begins_as_many_good_ones_as_it_needs(
    business_folder: Path, truth_folder: Path
) -> None:
    receipts = rows(business_folder, "subcontract_receipt")
    begun = {
        row["production_order_id"]: at(row["started_at"])
        for row in rows(business_folder, "order_operation")
        if row["started_at"] and row["operation_id"] == "10"
    }
    released = {
        row["production_order_id"]: (at(row["released_at"]), row["item_id"], row["order_quantity"])
        for row in rows(business_folder, "production_order")
        if row["released_at"]
    }
    good: Counter[str] = Counter()
    for row in receipts:
        order = row["production_order_id"]
        good[order] += int(row["quantity"]) - int(row["rejected_quantity"])
        assert released[order][0] <= at(row["received_at"]) <= begun.get(order, END)
        assert released[order][1] == "SP-45"

    assert all(good[order] == int(released[order][2]) for order in good.keys() & begun.keys())
    assert sum(int(row["rejected_quantity"]) for row in receipts) > 0
    assert {row["currency"] for row in receipts} == {"EUR", "CZK"}
    assert sum(each["quantity"] for each in truth(truth_folder, "subcontract")) == sum(  # type: ignore[misc]
        int(row["quantity"]) for row in receipts
    )


def test_an_order_that_goes_on_keeps_what_was_told_of_it(plant: Plant, tmp_path: Path) -> None:
    for hour in (0, 1):
        drop_orders(tmp_path / str(hour), "demo", plant, to_ms(END) - hour * 3_600_000)
    write_business_data(tmp_path / "whole", "demo", plant, to_ms(END))

    for table in TAKEN:
        later, earlier = ({tuple(row.values()) for row in rows(tmp_path / h, table)} for h in "01")
        # What was still going on has an end now.
        assert all(row[-1] == "" for row in earlier - later)
        assert rows(tmp_path / "0", table) == rows(tmp_path / "whole", table)
    assert (tmp_path / "0" / "_ready").exists()


def test_nothing_that_is_still_to_come_is_told(business_folder: Path) -> None:
    times = [
        row[column]
        for table in TAKEN
        for row in rows(business_folder, table)
        for column in row
        if column.endswith("_at") and row[column]
    ]

    assert max(map(at, times)) <= END


def test_products_are_made_of_parts_that_are_made_of_parts() -> None:
    made_of = defaultdict(set)
    for part in PARTS:
        made_of[part.item_id].add(part.component_id)

    assert "BR-110" in made_of["BR-200"]
    assert "BU-12" in made_of["BR-110"]
    assert "RB-20" in made_of["BU-12"]


def test_a_rate_changes_within_a_period(business_folder: Path) -> None:
    (raised_at,) = {row["valid_from"] for row in rows(business_folder, "cost_rate")} - {""}
    starts = {at(row["starts_at"]) for row in rows(business_folder, "period")}

    assert START < at(raised_at) < END
    assert at(raised_at) not in starts


@pytest.mark.parametrize("moment", ["2026-01-01T03:00:00+00:00", "2026-12-31T23:30:00+00:00"])
def test_periods_cover_the_history_and_a_year_to_come(moment: str) -> None:
    start = at(moment)
    monday, now = week_monday(to_ms(start)), start + timedelta(days=40)

    found = list(periods(monday, now))

    assert found[0]["starts_at"] == first_period(monday) < start - timedelta(days=7)
    assert found[-1]["ends_at"] > now + timedelta(days=360)  # type: ignore[operator]
