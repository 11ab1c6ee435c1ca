"""What of an active costing version and of a closed period no later file may change."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cost_files import ACTIVE, ACTUALS, COSTS, PRESS, VERSIONS
from tests.plant_files import FILES, write_plant
from tests.reference_examining import Loaded, problems

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


def test_an_active_version_may_be_stated_again_as_it_is(tmp_path: Path) -> None:
    assert problems(write_plant(tmp_path, **COSTS), ACTIVE) == []


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
