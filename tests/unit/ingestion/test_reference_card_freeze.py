"""What of the cost cards that orders are costed by no later file may change."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cost_files import ACTIVE
from tests.plant_files import FILES, write_plant
from tests.reference_examining import Loaded, problems

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
