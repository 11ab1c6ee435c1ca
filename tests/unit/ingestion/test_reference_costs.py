"""What the files of costs must say, and what of them no later file may change."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.plant_files import FILES, write_plant
from tests.reference_examining import Loaded, problems

PRESS = "assembly/line1/press01"
VERSIONS = """cost_version_id,type,site_id,valid_from,status,currency
std,standard,demo,2026-01-01,active,EUR
"""
COSTS = {
    "cost_version": VERSIONS,
    "item_cost": "cost_version_id,item_id,unit_cost\nstd,cup,5\n",
    "cost_rate": f"""cost_version_id,cost_category_id,work_unit_id,kind,rate
std,labour,{PRESS},run,30
""",
    "overhead_formula": "cost_version_id,overhead_id,kind,rate\nstd,factory,per_hour,21\n",
}
ACTUALS = {
    "material_movement": """movement_id,production_order_id,operation_id,item_id,replaces_item_id,\
lot_id,quantity,unit_price,currency,is_return,moved_at
1,1001,press,lid,cup,L1,175,5.5,SEK,,2026-03-02T06:00:00Z
2,1001,,lid,,L1,2,,,true,2026-03-02T09:00:00Z
""",
    "labour_booking": """booking_id,production_order_id,operation_id,worker_id,kind,\
started_at,finished_at
1,1001,press,w1,setup,2026-03-02T06:00:00Z,2026-03-02T07:30:00Z
2,1001,press,w1,,2026-03-02T07:30:00Z,
""",
    "subcontract_receipt": """receipt_id,production_order_id,operation_id,vendor_id,quantity,\
rejected_quantity,unit_price,received_at
1,1001,coat,V7,80,3,1.2,2026-03-03T12:00:00Z
""",
    "customer_return": """return_id,site_id,item_id,production_order_id,quantity,returned_at,\
reason_id,amount,currency
1,demo,cup,1001,2,2026-04-01T06:00:00Z,jam,12.5,SEK
2,demo,cup,,1,2026-04-01T06:00:00Z,,,
""",
    "exchange_rate": "currency,valid_from,rate\nEUR,,1\nSEK,2026-01-01,0.09\n",
    "stock": """site_id,item_id,counted_at,quantity
demo,lid,2026-02-28T22:00:00Z,1000
demo,cup,2026-02-28T22:00:00Z,0
""",
    "period": """period_id,starts_at,ends_at
2026-02,2026-01-31T23:00:00Z,2026-02-28T23:00:00Z
2026-03,2026-02-28T23:00:00Z,2026-03-31T22:00:00Z
""",
}


def test_a_plant_with_all_that_orders_took_has_no_problem(tmp_path: Path) -> None:
    assert problems(write_plant(tmp_path, **COSTS, **ACTUALS)) == []


BREAKAGES = {
    "nothing issued": ("material_movement", "175,", "0,", "found '0': too small"),
    "less than nothing issued": ("material_movement", "175,", "-2,", "found '-2': too small"),
    "negative price": ("material_movement", "5.5", "-5.5", "column unit_price, found '-5.5'"),
    "unknown item": ("material_movement", "press,lid", "press,mug", "found 'mug': not in item.csv"),
    "unknown replaced item": (
        "material_movement",
        "lid,cup",
        "lid,mug",
        "column replaces_item_id, found 'mug': not in item.csv",
    ),
    "item in place of itself": (
        "material_movement",
        "lid,cup",
        "lid,lid",
        "column replaces_item_id, found 'lid': it is the item issued",
    ),
    "currency without a rate": (
        "material_movement",
        "SEK",
        "NOK",
        "column currency, found 'NOK': has no rate at 2026-03-02 06:00:00; add one to exchange_r",
    ),
    "currency whose rate begins later": (
        "exchange_rate",
        "2026-01-01",
        "2026-04-01",
        "material_movement.csv, row 2, column currency, found 'SEK': has no rate at",
    ),
    "no currency": ("exchange_rate", "EUR", "€", "found '€': not a currency code; write the three"),
    "material of an unknown order": ("material_movement", "1,1001", "1,1002", "found '1002'"),
    "time of an unknown order": ("labour_booking", "1,1001", "1,1002", "found '1002': not in"),
    "unknown kind of work": ("labour_booking", "setup", "tea", "found 'tea': not allowed"),
    "work that ends before it began": (
        "labour_booking",
        "T07:30:00Z\n",
        "T05:30:00Z\n",
        "column finished_at, found '2026-03-02 05:30:00': finished_at must lie after started_at",
    ),
    "nothing received": ("subcontract_receipt", "80,", "0,", "found '0': too small"),
    "receipt of an unknown order": ("subcontract_receipt", "1001", "1002", "found '1002'"),
    "more rejected than received": (
        "subcontract_receipt",
        "80,3",
        "80,81",
        "column rejected_quantity, found '81.000000': more than the 80.000000 received",
    ),
    "less than nothing in stock": ("stock", "1000", "-1", "column quantity, found '-1': too small"),
    "stock of an unknown item": ("stock", "demo,lid", "demo,mug", "found 'mug': not in item.csv"),
    "stock at an unknown site": ("stock", "demo,lid", "oslo,lid", "found 'oslo': not in equipment"),
    "stock counted twice at a moment": (
        "stock",
        "demo,cup",
        "demo,lid",
        "row 3, column site_id, item_id, counted_at, found 'demo, lid, 2026-02-28 22:00:00': rep",
    ),
    "stock that nobody counted": ("stock", ",2026-02-28T22:00:00Z,0", ",,0", "column counted_at"),
    "nothing sent back": ("customer_return", "1001,2", "1001,0", "found '0': too small"),
    "return of an unknown order": ("customer_return", "1001", "1002", "found '1002, demo': not in"),
    "return for an unknown reason": ("customer_return", "jam", "tea", "column reason_id, found"),
    "handled in a currency without a rate": (
        "customer_return",
        "SEK",
        "NOK",
        "customer_return.csv, row 2, column currency, found 'NOK': has no rate at 2026-04-01",
    ),
    "worth nothing": ("exchange_rate", "0.09", "0", "column rate, found '0': too small"),
    "two rates at once": ("exchange_rate", "EUR,", "EUR,,1\nEUR,", "found 'EUR, (empty)'"),
    "gap between periods": (
        "period",
        "2026-03,2026-02-28T23",
        "2026-03,2026-03-01T00",
        "row 3, column starts_at, found '2026-03-01 00:00:00': leaves a gap after the period of"
        " row 2, which ends 2026-02-28 23:00:00",
    ),
    "overlap of periods": (
        "period",
        "2026-03,2026-02-28T23",
        "2026-03,2026-02-28T22",
        "row 3, column starts_at, found '2026-02-28 22:00:00': overlaps the period of row 2",
    ),
    "two active standards at once": (
        "cost_version",
        VERSIONS,
        VERSIONS + "new,standard,demo,2026-01-01,active,EUR\n",
        "row 3, column valid_from, found '2026-01-01 00:00:00': row 2 is an active standard",
    ),
}


def test_a_version_tells_in_its_own_currency_without_a_rate(tmp_path: Path) -> None:
    taken = ACTUALS["material_movement"].replace("SEK", "EUR")
    rates = "currency,valid_from,rate\n"
    folder = write_plant(tmp_path, **COSTS, material_movement=taken, exchange_rate=rates)

    assert problems(folder) == []


def test_a_rate_that_loaded_prices_need_cannot_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "exchange_rate.csv").write_text("currency,rate\nEUR,1\n")
    loaded = Loaded(subcontract_receipt=[{"receipt_id": "1", "currency": "CZK"}])

    (found,) = problems(tmp_path, loaded)

    assert found.startswith("exchange_rate.csv, column currency, found 'CZK': left out, but loaded")


def test_an_active_version_cannot_lean_on_one_that_may_still_change(tmp_path: Path) -> None:
    versions = """cost_version_id,type,site_id,valid_from,status,fallback_version_id,currency
old,standard,demo,2025-01-01,pending,,EUR
std,standard,demo,2026-01-01,active,old,EUR
"""
    active = versions.replace("pending", "active")

    (found,) = problems(write_plant(tmp_path / "unfit", **COSTS | {"cost_version": versions}))

    assert "row 3, column fallback_version_id, found 'old': it is pending, but an active" in found
    assert problems(write_plant(tmp_path / "fit", **COSTS | {"cost_version": active})) == []


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_is_wrong_is_told_with_file_row_column_and_value(
    tmp_path: Path, breakage: str
) -> None:
    table, right, wrong, told = BREAKAGES[breakage]
    files = COSTS | ACTUALS
    assert right in files[table]

    found = problems(
        write_plant(tmp_path, **files | {table: files[table].replace(right, wrong, 1)})
    )

    assert len(found) == 1
    assert ".csv, row " in found[0]
    assert told in found[0]


def test_the_costs_of_a_site_are_in_one_currency(tmp_path: Path) -> None:
    versions = VERSIONS + "new,planned,demo,2026-07-01,pending,DKK\n"

    (found,) = problems(write_plant(tmp_path, **COSTS | {"cost_version": versions}))

    assert "row 3, column currency, found 'DKK': row 2 of demo is in EUR; state the" in found


@pytest.mark.parametrize("status", ["pending", "planned"])
def test_a_version_may_begin_with_another_when_only_one_is_the_active_standard(
    tmp_path: Path, status: str
) -> None:
    kind, status = ("standard", status) if status == "pending" else (status, "active")
    versions = VERSIONS + f"new,{kind},demo,2026-01-01,{status},EUR\n"

    assert problems(write_plant(tmp_path, **COSTS | {"cost_version": versions})) == []


ACTIVE = Loaded(
    item=[{"item_id": "cup"}, {"item_id": "lid"}],
    cost_version=[
        {
            "cost_version_id": "std",
            "type": "standard",
            "site_id": "demo",
            "valid_from": datetime(2026, 1, 1),
            "status": "active",
            "currency": "EUR",
        }
    ],
    item_cost=[{"cost_version_id": "std", "item_id": "cup", "unit_cost": Decimal(5)}],
    cost_rate=[
        {
            "cost_version_id": "std",
            "cost_category_id": "labour",
            "work_unit_id": PRESS,
            "kind": "run",
            "rate": Decimal(30),
        }
    ],
    overhead_formula=[
        {
            "cost_version_id": "std",
            "overhead_id": "factory",
            "kind": "per_hour",
            "rate": Decimal(21),
        }
    ],
)


def test_an_active_version_may_be_stated_again_as_it_is(tmp_path: Path) -> None:
    assert problems(write_plant(tmp_path, **COSTS), ACTIVE) == []


FROZEN = {
    "price": (
        "item_cost",
        "cup,5",
        "cup,6",
        "row 2, column unit_cost, found '6.000000': it is act",
    ),
    "price left out": (
        "item_cost",
        "std,cup,5\n",
        "",
        "found 'std, cup': left out, but it is of a",
    ),
    "overhead": ("overhead_formula", ",21", ",22", "row 2, column rate, found '22.000000': it is"),
    "overhead left out": ("overhead_formula", "std,factory,per_hour,21\n", "", "left out, but it"),
    "overhead added": ("overhead_formula", "21\n", "21\nstd,it,per_hour,1\n", "row 3, column"),
    "rate": (
        "cost_rate",
        ",30",
        ",33",
        "row 2, column rate, found '33.000000': it is active with 30",
    ),
    "rate left out": ("cost_rate", f"std,labour,{PRESS},run,30\n", "", "left out, but it is of a"),
    "currency": ("cost_version", "EUR", "DKK", "row 2, column currency, found 'DKK': it is active"),
    "version left out": (
        "cost_version",
        VERSIONS.partition("\n")[2],
        "",
        "found 'std': left out, b",
    ),
}


@pytest.mark.parametrize("change", FROZEN)
def test_what_an_active_version_holds_is_frozen(tmp_path: Path, change: str) -> None:
    table, loaded, stated, told = FROZEN[change]
    assert loaded in COSTS[table]
    folder = write_plant(tmp_path, **{table: COSTS[table].replace(loaded, stated)})

    way_out = "state a new version, or, where this one was wrong from the start, load it as"
    (found,) = (problem for problem in problems(folder, ACTIVE) if way_out in problem)

    assert found.startswith(f"{table}.csv, ")
    assert told in found


def test_a_price_may_be_added_to_an_active_version_where_there_is_none(tmp_path: Path) -> None:
    prices = COSTS["item_cost"] + "std,lid,1\n"
    folder = write_plant(tmp_path, **COSTS | {"item_cost": prices})
    assert problems(folder, ACTIVE) == []

    # A version that falls back on one with a price has that price.
    (version,) = ACTIVE.tables["cost_version"]
    older = version | {"cost_version_id": "old", "valid_from": datetime(2025, 1, 1)}
    falls_back = version | {"fallback_version_id": "old"}
    stated = {"cost_version_id": "old", "item_id": "lid", "unit_cost": Decimal(2)}
    loaded = Loaded(
        **ACTIVE.tables
        | {
            "cost_version": [falls_back, older],
            "item_cost": [*ACTIVE.tables["item_cost"], stated],
        }
    )
    told = problems(folder, loaded)
    assert any("item_cost.csv, row 3" in problem for problem in told)


@pytest.mark.parametrize(("valid_from", "fits"), [("2026-03-15", True), ("", False)])
def test_a_rate_that_begins_later_may_be_added_to_an_active_version(
    tmp_path: Path, valid_from: str, fits: bool
) -> None:
    rates = f"""cost_version_id,cost_category_id,work_unit_id,kind,rate,valid_from
std,labour,{PRESS},run,30,
std,labour,{PRESS},setup,40,{valid_from}
"""
    folder = write_plant(tmp_path, cost_rate=rates)

    assert (problems(folder, ACTIVE) == []) is fits


def test_a_rate_between_those_of_an_active_version_is_refused(tmp_path: Path) -> None:
    rate = {"cost_version_id": "std", "kind": "run", "rate": Decimal(30)}
    later = rate | {"valid_from": datetime(2026, 3, 15)}
    rates = "cost_version_id,kind,rate,valid_from\nstd,run,30,\nstd,run,30,2026-03-15\n"
    between = "std,run,31,2026-03-01\n"
    loaded = Loaded(**ACTIVE.tables | {"cost_rate": [rate, later]})

    (found,) = problems(write_plant(tmp_path, cost_rate=rates + between), loaded)

    assert "cost_rate.csv, row 4, " in found
    assert "added to a version that is active" in found


def test_an_item_that_is_new_itself_brings_its_cost_into_an_active_version(tmp_path: Path) -> None:
    item = FILES["item"] + "mug,Mug,pcs\n"
    costs = COSTS["item_cost"] + "std,mug,7\n"

    assert problems(write_plant(tmp_path, item=item, item_cost=costs), ACTIVE) == []


def test_a_version_set_back_to_pending_may_be_corrected(tmp_path: Path) -> None:
    costs = {name: text.replace("5\n", "6\n") for name, text in COSTS.items()}
    costs["cost_version"] = VERSIONS.replace("active", "pending")

    assert problems(write_plant(tmp_path, **costs), ACTIVE) == []


BILL = """item_id,bom_version,line_id,component_item_id,line_type,quantity_per,valid_from,valid_to
cup,1,10,lid,,2,2025-01-01,{valid_to}
cup,1,20,chip,co_product,0.1,2025-01-01,
"""
LINE = {
    "item_id": "cup",
    "bom_version": "1",
    "line_id": "10",
    "component_item_id": "lid",
    "quantity_per": Decimal(2),
    "valid_from": datetime(2025, 1, 1),
}
FURTHER = LINE | {
    "line_id": "20",
    "component_item_id": "chip",
    "line_type": "co_product",
    "quantity_per": Decimal("0.1"),
}
CARD_ITEMS = (
    FILES["item"].replace("unit\n", "unit,joint_cost_method\n") + "chip,Chip,pcs,\ncap,Cap,pcs,\n"
)
BILLED = Loaded(
    **ACTIVE.tables
    | {
        "bom_line": [LINE, FURTHER],
        "item": [{"item_id": "cup"}],
        "production_order": [{"site_id": "demo", "released_at": datetime(2026, 3, 1)}],
    }
)
UNRELEASED = Loaded(**BILLED.tables | {"production_order": [{"site_id": "demo"}]})
SEVERAL = BILL + "cup,2,10,lid,,3,{begins},\n"
CHANGED_BILLS = {
    "quantity": (
        BILL.replace(",2,2025", ",3,2025"),
        "row 2, column quantity_per, found '3.000000': it is 2 in costing version std, which is",
    ),
    "line added": (BILL + "cup,1,30,lid,,1,,\n", "row 4, column item_id, bom_version, line_id, f"),
    "line left out": (BILL.partition("cup,1,20")[0], "found 'cup, 1, 20': left out, but it is of"),
    "bill left out": (BILL.partition("cup")[0], "found 'cup, 1': left out, but it is of costing"),
    "line ended before": (BILL.format(valid_to="2025-06-01"), "found 'cup, 1, 10': left out, bu"),
    "bill of what was bought": (
        BILL + "lid,1,10,cap,,3,,\n",
        "row 4, column item_id, found 'lid': lid would be made in costing version std, which is a",
    ),
    "version in its place": (
        SEVERAL.format(valid_to="", begins="2025-06-01"),
        "row 4, column bom_version, found '2': it would take the place of 1 in costing version std",
    ),
}


@pytest.mark.parametrize("change", CHANGED_BILLS)
def test_a_bill_of_material_is_frozen_once_an_order_is_released_by_an_active_version(
    tmp_path: Path, change: str
) -> None:
    stated, told = CHANGED_BILLS[change]
    folder = write_plant(tmp_path, item=CARD_ITEMS, bom_line=stated.format(valid_to=""))

    (found,) = problems(folder, BILLED)

    assert found.startswith("bom_line.csv, ")
    assert told in found
    assert "state a new bom_version that begins later, or, where this one was wrong" in found
    assert problems(folder, UNRELEASED) == []


@pytest.mark.parametrize(
    "stated",
    [
        BILL.format(valid_to=""),
        BILL.format(valid_to="2026-02-01").replace("lid,,", "lid,component,"),
        SEVERAL.format(valid_to="2026-02-01", begins="2026-02-01"),
        BILL.format(valid_to="") + "lid,1,10,cap,,3,2026-02-01,\ncap,1,10,rim,,1,,\n",
    ],
    ids=["as it is", "ended later", "a later version", "bills where none was"],
)
def test_a_bill_of_material_may_change_from_a_later_moment_on(tmp_path: Path, stated: str) -> None:
    folder = write_plant(tmp_path, item=CARD_ITEMS + "rim,Rim,pcs,\n", bom_line=stated)

    assert problems(folder, BILLED) == []


def test_how_a_joint_cost_is_divided_is_frozen_with_its_bill_of_material(tmp_path: Path) -> None:
    methods = CARD_ITEMS.replace("cup,Cup,pcs", "cup,Cup,pcs,physical")
    assert methods != CARD_ITEMS
    folder = write_plant(tmp_path, item=methods)

    (found,) = problems(folder, BILLED)

    assert "item.csv, row 2, column joint_cost_method, found 'physical': cup is divided" in found
    assert problems(folder, UNRELEASED) == []


ON_CARDS = "item_id,name,unit,is_phantom,cost_group_id,item_group_id\n"
AS_LOADED = "cup,Cup,pcs,,,mugs\nlid,Lid,pcs,false,tops,\nchip,Chip,pcs,,,\n"
GROUPED = Loaded(
    **BILLED.tables
    | {
        "item": [
            {"item_id": "cup", "item_group_id": "mugs"},
            {"item_id": "lid", "cost_group_id": "tops"},
            {"item_id": "chip"},
            {"item_id": "cap"},
        ],
        "overhead_formula": [{"cost_version_id": "std", "kind": "per_unit", "base": "mugs"}],
    }
)


@pytest.mark.parametrize(
    ("loaded", "stated", "told"),
    [
        ("lid,Lid,pcs,false", "lid,Lid,pcs,true", "row 3, column is_phantom, found 'True'"),
        ("tops", "", "row 3, column cost_group_id, found '(empty)': it is tops in costing version"),
        ("mugs", "pots", "row 2, column item_group_id, found 'pots': it is mugs in costing"),
    ],
)
def test_what_the_cards_take_of_an_item_is_frozen_with_them(
    tmp_path: Path, loaded: str, stated: str, told: str
) -> None:
    folder = write_plant(tmp_path, item=ON_CARDS + AS_LOADED.replace(loaded, stated))

    (found,) = problems(folder, GROUPED)

    assert told in found
    assert "keep it, or, where that was wrong from the start" in found
    assert problems(folder, UNRELEASED) == []


def test_what_no_card_has_of_an_item_may_change(tmp_path: Path) -> None:
    # No overhead goes by groups, a material of no group is one of the group material.
    items = AS_LOADED.replace("cup,Cup,pcs,,,mugs", "cup,Cup,pcs,false,material,pots")
    others = items + "cap,Cap,pcs,true,tops,mugs\n"
    loaded = Loaded(**GROUPED.tables | {"overhead_formula": []})

    assert problems(write_plant(tmp_path, item=ON_CARDS + others), loaded) == []


MARCH = datetime(2026, 3, 1)
BEGUN = [{"production_order_id": "1001", "started_at": MARCH}]


@pytest.mark.parametrize(
    ("order", "operations", "is_frozen"),
    [
        ({"ended_at": MARCH}, [], True),
        ({}, BEGUN, True),
        ({"cost_version_id": "std", "status": "started"}, [], True),
        ({"ended_at": datetime(2025, 12, 31)}, [], False),
        ({"cost_version_id": "old", "ended_at": MARCH}, [], False),
        ({"cost_version_id": "std", "status": "created"}, [], False),
    ],
    ids=["ended", "begun", "named", "ended before", "names another", "planned"],
)
def test_an_order_without_a_release_freezes_what_it_is_costed_by_once_it_has_begun(
    tmp_path: Path, order: dict[str, object], operations: list[dict[str, object]], is_frozen: bool
) -> None:
    order = {"production_order_id": "1001", "site_id": "demo"} | order
    loaded = Loaded(**BILLED.tables | {"production_order": [order], "order_operation": operations})
    bill = BILL.format(valid_to="").replace(",2,2025", ",3,2025")
    folder = write_plant(tmp_path, item=CARD_ITEMS, bom_line=bill)

    assert bool(problems(folder, loaded)) is is_frozen


def test_a_closed_period_keeps_its_name_and_bounds(tmp_path: Path) -> None:
    february = {
        "period_id": "2026-02",
        "starts_at": datetime(2026, 1, 31, 23),
        "ends_at": datetime(2026, 2, 28, 23),
    }
    kept = write_plant(tmp_path / "kept", period=ACTUALS["period"])
    assert problems(kept, Loaded(closed_period=[february])) == []

    renamed = ACTUALS["period"].replace("2026-02,", "P02,")
    (told,) = problems(
        write_plant(tmp_path / "renamed", period=renamed), Loaded(closed_period=[february])
    )
    assert "period.csv" in told
    assert "2026-02" in told
    assert "takt reopen it first" in told
