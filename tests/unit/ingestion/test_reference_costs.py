"""What the files of costs, and of what orders took, must say."""

from pathlib import Path

import pytest

from tests.cost_files import ACTUALS, COSTS, VERSIONS
from tests.plant_files import write_plant
from tests.reference_examining import Loaded, problems


def test_a_plant_with_all_that_orders_took_has_no_problem(tmp_path: Path) -> None:
    assert problems(write_plant(tmp_path, **COSTS, **ACTUALS)) == []


def test_a_costing_sheet_without_lines_brings_back_the_default_one(tmp_path: Path) -> None:
    assert problems(write_plant(tmp_path, costing_sheet="line_id,name\n")) == []


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
    "line below one that is not there": (
        "costing_sheet",
        "labour,prime",
        "labour,direct",
        "row 5, column parent_line_id, found 'direct': not in costing_sheet.csv; correct it or add",
    ),
    "lines below one another": (
        "costing_sheet",
        "prime,,1,Prime cost,",
        "prime,top,1,Prime cost,\ntop,prime,1,Top,",
        "row 2, column parent_line_id, found 'top': it is below itself: prime → top → prime; let",
    ),
    "line below itself": ("costing_sheet", "prime,,", "prime,prime,", "itself: prime → prime; let"),
    "cost group on two lines": (
        "costing_sheet",
        "Works,factory",
        "Works,brass",
        "row 6, column cost_group_id, found 'brass': line metal of row 4 takes it, too; take it",
    ),
    "two lines of one id": (
        "costing_sheet",
        "works,,2,Works",
        "labour,prime,2,Works",
        "row 6, column name, found 'Works': row 5 is line labour, too, with Labour; a line that",
    ),
    "subtotal twice": (
        "costing_sheet",
        "works,,2,Works,factory",
        "prime,,1,Prime cost,",
        "row 6, column line_id, cost_group_id, found 'prime, (empty)': repeats row 2; remove one",
    ),
    "subtotal with a cost group": (
        "costing_sheet",
        "Prime cost,",
        "Prime cost,lid",
        "row 2, column cost_group_id, found 'lid': lines are below prime, so it is their subtotal",
    ),
    "line of nothing": (
        "costing_sheet",
        "Works,factory",
        "Works,",
        "row 6, column cost_group_id, found '': nothing would be on works: name its cost group",
    ),
    "line of Takt's own": ("costing_sheet", "works,,", "total,,", "found 'total': Takt adds that"),
    "line without a name": ("costing_sheet", ",Labour,", ",,", "row 5, column name"),
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
