"""Cost files as a cost accountant writes them, loaded and rolled up."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

import lake
from ingestion import reference
from pipelines import dbt
from tests.lake_fixtures import Template, fresh_lake
from tests.parsed_project import share_parsed_project
from tests.plant_files import write_plant

PRESS = "assembly/line1/press01"
COST_FILES = {
    "item": """item_id,name,unit,cost_group_id,is_phantom
FG,Finished,pcs,,
RM1,Granulate,kg,resin,
RM2,Lid,pcs,,
PAL,Pallet,pcs,,
SET,Lid and pallet,pcs,,true
BOX,Box of two,pcs,,
BIG,Big,pcs,,
BIGGER,Bigger,pcs,,
""",
    "bom_line": """item_id,bom_version,line_id,component_item_id,operation_id,quantity_per,\
constant_quantity,scrap_ratio
FG,1,10,RM1,mould,2.0,,0.05
FG,1,20,SET,,1,,
SET,1,10,RM2,,1,,
SET,1,20,PAL,,,1,
BOX,1,10,FG,pack,2,,
BIG,1,10,RM1,,900000000000,,
BIGGER,1,10,BIG,,900000000000,,
""",
    "routing_operation": f"""item_id,route_version,operation_id,sequence,work_unit_id,\
planned_run_s_per_unit,planned_setup_s,scrap_ratio,cost_category_id
FG,1,mould,10,{PRESS},360,3600,,machine
SET,1,pack,10,{PRESS},999,999,,machine
BOX,1,pack,10,{PRESS},18,,0.2,machine
""",
    "cost_version": """cost_version_id,type,site_id,valid_from,status,fallback_version_id,currency
std,standard,demo,2026-01-01,active,,EUR
plan,planned,demo,2026-07-01,pending,std,EUR
""",
    "cost_rate": """cost_version_id,cost_category_id,work_unit_id,kind,rate
std,machine,,setup,60
std,machine,,run,60
""",
    "item_cost": """cost_version_id,item_id,unit_cost,costing_lot_quantity
std,RM1,5,
std,RM2,3,
std,PAL,20,
std,FG,,100
plan,RM1,6,
""",
    "overhead_formula": """cost_version_id,overhead_id,kind,base,rate
std,factory,per_hour,machine,30
""",
    "production_order": "production_order_id,site_id,item_id,route_version,order_quantity\n",
    "order_operation": "production_order_id,operation_id,work_unit_id,started_at\n",
}
COSTS = """
select item_id, level, cost_group_id, unit_cost from marts.standard_cost
where cost_version_id = $version and item_id in ('FG', 'BOX')
"""


LEVELS = ("single", "rolled_up")


@pytest.fixture(scope="module")
def rolled_up(
    catalog_server: str, built_lake: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., list[tuple[object, ...]]]]:
    """Asks the lake after the files were loaded and rolled up."""
    folder = tmp_path_factory.mktemp("costs")
    with fresh_lake(catalog_server, folder, built_lake) as settings:
        report = reference.load(settings, write_plant(folder / "files", **COST_FILES))
        assert report.load_id is not None, str(report)
        share_parsed_project(settings.home)
        dbt.build(settings, variables={"now": "2026-03-02 00:00:00"}, full=True)
        with closing(lake.open(settings, read_only=True)) as con:
            yield lambda sql, **values: con.execute(sql, values).fetchall()


def costs(ask: Callable[..., list[tuple[object, ...]]], version: str) -> dict[object, object]:
    return {tuple(key): cost for *key, cost in ask(COSTS, version=version)}


def test_the_files_of_we_32_give_23_60_through_two_levels_and_a_phantom(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    # A box has 20 % on top of the good ones: 18 s of packing become 21.6 s, 2 pieces 2.4.
    made = {"resin": "10.50", "material": "3.20", "machine": "6.60", "factory": "3.30"}
    box = {"resin": "25.20", "material": "7.68", "machine": "16.20", "factory": "8.10"}
    assert costs(rolled_up, "std") == {
        **{("FG", level, group): Decimal(cost) for group, cost in made.items() for level in LEVELS},
        **{("BOX", "rolled_up", group): Decimal(cost) for group, cost in box.items()},
        ("BOX", "single", "material"): Decimal("56.64"),
        ("BOX", "single", "machine"): Decimal("0.36"),
        ("BOX", "single", "factory"): Decimal("0.18"),
    }


def test_the_queries_of_the_page_give_what_it_says(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    page = (Path(__file__).parents[3] / "docs/costs.md").read_text()
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    unit_cost, sheet, products, warnings, change, revalued, changed, shifts, *_ = queries
    (of_processes,) = (query for query in queries if "marts.equivalent_unit" in query)
    (total,) = re.findall(r"The sum is \*\*([\d.]+)\*\* EUR", page)

    assert rolled_up(unit_cost) == [("FG", Decimal(total), "EUR")]
    assert rolled_up(sheet)[-1] == ("Total", Decimal(total), Decimal(total))
    assert {warning for _, warning, _ in rolled_up(warnings)} <= set(
        re.findall(r"^\| (\w+) \|", page, re.MULTILINE)
    )
    assert rolled_up(products) == []
    dearer = rolled_up(change.replace("'planned'", "'plan'").replace("'RB-20'", "'RM1'"))
    assert ("FG", "resin", Decimal("10.5"), Decimal("12.6"), Decimal("2.1")) in dearer
    for none in (changed, revalued, of_processes, shifts):
        assert rolled_up(none) == []


def test_a_phantom_adds_nothing_of_its_own(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    assert rolled_up("select count(*) from marts.standard_cost where item_id = 'SET'") == [(0,)]


def test_what_a_unit_is_made_of_is_told_one_level_at_a_time(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    box = rolled_up(
        "select node, component_item_id, low_level, is_made, cost_group_id, quantity, amount"
        " from marts.cost_rollup where cost_version_id = 'std' and item_id = 'BOX' order by all"
    )

    of_a_piece = {"factory": "7.92", "machine": "15.84", "material": "7.68", "resin": "25.20"}
    assert box == [
        *(
            ("component", "FG", 1, True, group, Decimal("2.4"), Decimal(amount))
            for group, amount in of_a_piece.items()
        ),
        ("overhead", None, 1, False, "factory", Decimal("0.006"), Decimal("0.18")),
        ("run", None, 1, False, "machine", Decimal("0.006"), Decimal("0.36")),
    ]


def test_a_planned_version_has_a_tree_of_its_own(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    told = rolled_up(
        "select component_item_id, amount from marts.cost_rollup"
        " where cost_version_id = 'plan' and item_id = 'FG' and node = 'component' order by all"
    )

    assert told == [
        ("PAL", Decimal("0.20")),
        ("RM1", Decimal("12.60")),
        ("RM2", Decimal("3.00")),
    ]


def test_a_planned_version_falls_back_for_what_it_does_not_state(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    planned, standard = costs(rolled_up, "plan"), costs(rolled_up, "std")

    assert planned["FG", "rolled_up", "resin"] == Decimal("12.60")
    assert planned["FG", "rolled_up", "machine"] == standard["FG", "rolled_up", "machine"]


def test_what_a_planned_version_would_change_is_told_line_by_line(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    # A kilogram of RM1 is a euro dearer: 2.1 of them are in FG, and two FG a box, a fifth scrapped.
    lines = rolled_up(
        "select item_id, node, component_item_id, difference_amount"
        " from marts.cost_version_comparison where cost_version_id = 'plan'"
        " and compared_version_id = 'std' and item_id in ('RM1', 'FG', 'BOX')"
        " and difference_amount <> 0 order by item_id"
    )

    assert lines == [
        ("BOX", "component", "FG", Decimal("5.040000")),
        ("FG", "component", "RM1", Decimal("2.100000")),
        ("RM1", "purchase", None, Decimal("1.000000")),
    ]


def test_the_lines_of_an_item_add_up_to_the_difference_of_its_standard_cost(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    told = "(select item_id, sum(difference_amount) as difference"
    told += " from marts.cost_version_comparison where cost_version_id = 'plan' group by item_id)"
    of_version = "(select item_id, sum(unit_cost) as unit_cost from marts.standard_cost"
    of_version += " where level = 'rolled_up' and cost_version_id = '{}' group by item_id)"

    differing = rolled_up(
        f"select item_id from {told} as told full join {of_version.format('plan')} as plan"
        f" using (item_id) full join {of_version.format('std')} as std using (item_id)"
        " where difference is distinct from plan.unit_cost - std.unit_cost and item_id not in"
        " (select item_id from marts.cost_warning where warning = 'too_large')"
    )

    assert differing == []


def test_what_makes_a_cost_doubtful_is_said(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    warned = rolled_up("select item_id, warning, operation_id from marts.cost_warning order by all")

    assert {("RM2", "fallback_used", None), ("FG", "fallback_used", "mould")} <= set(warned)
    assert "SET" not in {item for item, *_ in warned}
    assert ("RM1", "fallback_used", None) not in warned


def test_what_nobody_can_have_meant_keeps_nobody_from_their_costs(
    rolled_up: Callable[..., list[tuple[object, ...]]],
) -> None:
    warned = rolled_up(
        "select item_id from marts.cost_warning"
        " where warning = 'too_large' and cost_version_id = 'std'"
    )
    assert {("BIG",), ("BIGGER",)} & set(warned)
    assert rolled_up(
        "select sum(unit_cost) from marts.standard_cost"
        " where item_id = 'FG' and cost_version_id = 'std' and level = 'single'"
    ) == [(Decimal("23.60"),)]
