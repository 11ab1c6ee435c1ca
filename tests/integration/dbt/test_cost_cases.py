"""Cases in which ERP systems told a wrong cost (domain.md WE-41), and textbook ones: each an order.

Through files to marts, all orders in one lake and one build. Each has a work unit of its own.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

import lake
from ingestion import history, reference
from pipelines import dbt
from takt.settings import CostSettings, Settings
from tests.lake_fixtures import Template, fresh_lake
from tests.parsed_project import share_parsed_project

Ask = Callable[[str], list[tuple[object, ...]]]

UNITS = (
    *("odoo1", "odoo2", "odoo3", "erp40862", "erp48153", "erp46788", "erp53754"),
    *("candy", "works", "split", "late", "nothing", "bare", "l_ten", "butter", "looked", "bench"),
)
BOUGHT = ("part", "crude", "milk", "triol", "pioze", "cream", "whey")
"""Items without a work unit: bought ones, and what a process makes beside its item."""
METHODS = {"l_ten": "nrv", "butter": "sales_value"}
FILES = {
    "equipment": "site_id,equipment_id,parent_id,level,name,time_zone\n"
    + "".join(f"{site},{site},,site,{site},UTC\n" for site in ("demo", "bare_site"))
    + "".join(
        f"{'bare_site' if unit == 'bare' else 'demo'},{unit},"
        f"{'bare_site' if unit == 'bare' else 'demo'},work_unit,{unit},\n"
        for unit in UNITS
    ),
    "shift_pattern": "site_id,equipment_id,shift_id,weekday,starts_local,ends_local,kind\n"
    + "".join(f"demo,demo,day,{weekday},00:00,00:00,shift\n" for weekday in range(1, 8)),
    "signal_map": "site_id,equipment_id,signal,role,counter_mode\n"
    "demo,split,State,state,\ndemo,split,Total,total_count,total\n",
    "item": "item_id,name,unit,joint_cost_method\n"
    + "".join(f"{item},{item},pcs,{METHODS.get(item, '')}\n" for item in [*UNITS, *BOUGHT]),
    "bom_line": """item_id,bom_version,line_id,component_item_id,operation_id,quantity_per,\
line_type,burden_kind,burden_rate,valid_from
odoo1,1,1,part,op,1,,,
odoo1,2,1,part,op,2,,,,2026-02-15
works,1,1,part,op,10,,,
l_ten,1,1,crude,op,3.125,component,,
l_ten,1,2,triol,op,1.15625,co_product,,
l_ten,1,3,pioze,op,0.625,co_product,,
butter,1,1,milk,,20,,,
butter,1,2,cream,,1,co_product,,
butter,1,3,whey,,2,by_product,per_quantity,0.5
""",
    # Planned run times are what the cases say, in seconds per unit, six places.
    "routing_operation": """item_id,route_version,operation_id,sequence,work_unit_id,\
planned_run_s_per_unit,planned_setup_s,cost_category_id,valid_from,is_inspection
odoo1,1,op,1,odoo1,3600,,,,
odoo1,2,op,1,odoo1,1800,,,2026-02-15,
odoo2,1,op,1,odoo2,3600,,machine,,
odoo3,1,op,1,odoo3,3600,,machine,,
erp40862,1,op,1,erp40862,360,,machine,,
erp48153,1,op,1,erp48153,5.142857,,machine,,
erp46788,1,op,1,erp46788,15,,machine,,
erp53754,1,op,1,erp53754,1.284132,,machine,,
candy,1,op,1,candy,7200,,candy,,
works,1,op,1,works,3600,,labour,,
split,1,op,1,split,72,,machine,,
late,1,op,1,late,3600,,machine,,
nothing,1,op,1,nothing,0,0,machine,,
l_ten,1,op,1,l_ten,258.75,,machine,,
butter,1,op,1,butter,0,,machine,,
looked,1,op,1,looked,3600,,machine,,
looked,1,test,2,bench,600,,labour,,true
""",
    "cost_version": """cost_version_id,type,site_id,valid_from,status,fallback_version_id,currency
std,standard,demo,2026-01-01,active,,EUR
now,standard,demo,2026-02-01,active,std,EUR
""",
    "cost_rate": """cost_version_id,cost_category_id,work_unit_id,kind,rate,valid_from
std,machine,odoo1,run,6.66,
std,fitter,odoo1,run,10,
std,helper,odoo1,run,6.30,
std,machine,odoo2,run,10,
std,machine,odoo3,run,10,
now,machine,odoo3,run,10,
now,machine,odoo3,run,100,2026-04-01
std,machine,erp40862,run,68,
std,machine,erp48153,run,40,
std,machine,erp46788,run,240,
std,machine,erp53754,run,1,
std,candy,candy,run,0,
std,labour,works,run,16.50,
now,labour,works,run,16.90,
now,machine,split,run,60,
now,machine,split,run,90,2026-03-02T08:59:59.123457Z
std,machine,late,run,30,
std,machine,nothing,run,30,
std,machine,l_ten,run,10,
std,machine,butter,run,10,
std,machine,looked,run,30,
std,labour,looked,run,20,
std,labour,bench,run,20,
""",
    "item_cost": """cost_version_id,item_id,unit_cost,sales_price,separable_unit_cost
std,part,6.00,,
std,crude,1,,
std,milk,1,,
std,l_ten,,2.10,0.70
std,triol,,5.40,1.10
std,pioze,,6.20,1.50
std,butter,,8,
std,cream,,12,
""",
    "overhead_formula": """cost_version_id,overhead_id,kind,base,rate
std,factory,per_hour,candy,2
now,factory,per_hour,candy,2.80
""",
    "stock": "site_id,item_id,counted_at,quantity\ndemo,works,2026-01-31,100\n",
    "production_order": """production_order_id,site_id,item_id,route_version,order_quantity,\
cost_version_id,released_at,ended_at,bom_version,production_flow_id,project_id
odoo1,demo,odoo1,1,1,,2026-03-01,2026-03-10,,,
odoo1_new,demo,odoo1,2,10,,2026-03-01,2026-03-10,2,,
odoo1_named,demo,odoo1,1,10,,2026-03-01,2026-03-10,1,,
odoo2,demo,odoo2,1,1,,2026-03-01,2026-03-10,,,
odoo3,demo,odoo3,1,1,,2026-03-01,2026-03-10,,,
erp40862,demo,erp40862,1,20,,2026-03-01,2026-03-10,,,tower
erp40862_bom,demo,erp40862,1,5,,2026-03-01,2026-03-10,,,tower
erp48153,demo,erp48153,1,1400,,2026-03-01,2026-03-10,,,
erp46788,demo,erp46788,1,10,,2026-03-01,2026-04-10,,sweets,
erp53754,demo,erp53754,1,12000,,2026-03-01,2026-03-10,,,
candy,demo,candy,1,1000,std,2026-03-01,2026-05-09,,sweets,
works,demo,works,1,18500,std,2026-03-01,2026-05-09,,sweets,
split,demo,split,1,100,,2026-03-01,2026-03-10,,,
late,demo,late,1,1,,2026-03-01,2026-03-30,,,tower
nothing,demo,nothing,1,0,,2026-03-01,2026-03-30,,,
l_ten,demo,l_ten,1,3200,,2026-03-01,2026-03-30,,,
l_ten_short,demo,l_ten,1,3200,,2026-03-01,2026-03-30,,,
butter,demo,butter,1,1000,,2026-03-01,2026-03-30,,,
looked,demo,looked,1,1,,2026-03-01,2026-03-30,,,
bare,bare_site,bare,,5,,2026-03-01,2026-03-10,,,
""",
    "order_operation": """production_order_id,operation_id,work_unit_id,started_at,finished_at,\
good_quantity
odoo1,op,odoo1,,,1
odoo2,op,odoo2,,,1
odoo3,op,odoo3,,,1
erp40862,op,erp40862,,,20
erp40862_bom,op,erp40862,,,5
erp48153,op,erp48153,,,1400
erp46788,op,erp46788,,,10
erp53754,op,erp53754,,,12000
candy,op,candy,,,1000
works,op,works,,,18500
split,op,split,2026-03-02T08:00:00Z,2026-03-02T10:00:00Z,
late,op,late,,,1
nothing,op,nothing,,,0
l_ten,op,l_ten,,,3200
l_ten_short,op,l_ten,,,3200
butter,op,butter,,,1000
looked,op,looked,,,1
looked,test,bench,,,1
bare,op,bare,,,5
""",
    "material_movement": """movement_id,production_order_id,operation_id,item_id,quantity,\
unit_price,is_output,moved_at
1,odoo1,op,part,1,1.02,,2026-03-02
2,works,op,part,183200,5.80,,2026-03-02
3,l_ten_short,op,crude,10000,,,2026-03-02
4,l_ten_short,op,triol,3700,,true,2026-03-12
5,l_ten_short,op,pioze,1900,,true,2026-03-12
""",
    "labour_booking": """booking_id,production_order_id,operation_id,worker_id,cost_category_id,\
kind,started_at,finished_at
1,odoo1,op,kim,fitter,,2026-03-02T10:00:00Z,2026-03-02T11:00:00Z
2,odoo1,op,lee,helper,,2026-03-02T10:00:00Z,2026-03-02T11:00:00Z
3,odoo2,op,ann,unpaid,,2026-03-02T10:00:00Z,2026-03-02T11:00:00Z
4,odoo2,op,bob,unpaid,,2026-03-02T10:30:00Z,2026-03-02T11:30:00Z
5,odoo3,op,cid,unpaid,,2026-03-02T10:00:00Z,2026-03-02T11:00:00Z
6,erp46788,op,dan,unpaid,,2026-03-31T23:59:00Z,2026-04-01T00:00:00Z
6b,erp46788,op,dan,unpaid,,2026-04-01T00:00:00Z,2026-04-01T00:02:00Z
7,late,op,eve,unpaid,,2026-04-02T08:00:00Z,2026-04-02T09:00:00Z
8,l_ten_short,op,gus,unpaid,,2026-03-02,2026-03-11T14:00:00Z
9,looked,op,ida,,inspection,2026-03-02T10:00:00Z,2026-03-02T10:30:00Z
10,looked,test,ida,,inspection,2026-03-02T11:00:00Z,2026-03-02T11:15:00Z
11,looked,op,ida,,prevention,2026-03-02T12:00:00Z,2026-03-02T13:00:00Z
"""
    # 25 cooks of 100 h each; ten workers of 1,893 h each.
    + "".join(f"c{n},candy,op,cook{n},candy,,2026-03-02,2026-03-06T04:00:00Z\n" for n in range(25))
    + "".join(f"w{n},works,op,works{n},,,2026-02-10,2026-04-29T21:00:00Z\n" for n in range(10)),
    "customer_return": """return_id,site_id,item_id,production_order_id,quantity,returned_at,\
amount,currency
1,demo,looked,looked,1,2026-04-20,2.50,EUR
2,demo,looked,,1,2026-04-20,,
3,demo,looked,,1,2025-04-20,5,EUR
4,demo,looked,,1,2099-01-01,,
""",
}
SAMPLES = """site,equipment,signal,observed_at,value,text
demo,split,State,2026-03-02T08:00:00Z,,execute
demo,split,Total,2026-03-02T08:00:00Z,0,
demo,split,Total,2026-03-02T09:30:00Z,100,
demo,split,State,2026-03-02T10:00:00Z,,idle
"""
NOW = "2026-05-10 00:00:00"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def works(
    catalog_server: str, built_lake: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """An installation with all orders, built once. Material differs in price when it is used."""
    folder = tmp_path_factory.mktemp("cases")
    with fresh_lake(catalog_server, folder, built_lake) as fresh:
        cost = CostSettings(material_price_variance="at_use")
        settings = fresh.model_copy(update={"cost": cost})
        for table, text in FILES.items():
            (folder / "files").mkdir(exist_ok=True)
            (folder / "files" / f"{table}.csv").write_text(text)
        report = reference.load(settings, folder / "files")
        assert report.load_id is not None, str(report)
        (folder / "samples.csv").write_text(SAMPLES)
        history.import_files(settings, [folder / "samples.csv"])
        share_parsed_project(settings.home)
        dbt.build(settings, variables={"now": NOW}, full=True)
        yield settings


@pytest.fixture(scope="module")
def ask(works: Settings) -> Iterator[Ask]:
    with closing(lake.open(works, read_only=True)) as con:
        yield lambda sql: con.execute(sql).fetchall()


def actual(ask: Ask, order: str) -> dict[object, Decimal]:
    """Actual cost by cost group."""
    return amounts(
        ask,
        "select cost_group_id, sum(amount) from marts.order_cost where basis = 'actual'"
        f" and production_order_id = '{order}' group by cost_group_id",
    )


def variances(ask: Ask, order: str) -> dict[object, Decimal]:
    """Amounts by detail."""
    return amounts(
        ask,
        "select detail_type, sum(amount) from marts.order_variance"
        f" where production_order_id = '{order}' group by detail_type",
    )


def amounts(ask: Ask, sql: str) -> dict[object, Decimal]:
    return {name: Decimal(str(amount)) for name, amount in ask(sql)}


def test_odoo_167502_two_workers_at_one_machine_cost_23_98_and_not_its_hour_twice(ask: Ask) -> None:
    told = actual(ask, "odoo1")

    assert sum(told.values()) == Decimal("23.98")
    assert told["machine"] == Decimal("6.66")


def test_odoo_286555_overlapping_logs_keep_the_machine_for_an_hour_and_a_half(ask: Ask) -> None:
    assert actual(ask, "odoo2")["machine"] == Decimal("15.00")


def test_odoo_131523_a_rate_raised_later_leaves_history_as_it_was(ask: Ask) -> None:
    assert actual(ask, "odoo3")["machine"] == Decimal("10.00")


def test_erpnext_40862_twenty_pieces_cost_four_times_what_five_cost(ask: Ask) -> None:
    estimated = amounts(
        ask,
        "select production_order_id, amount from marts.order_cost where basis = 'estimate'"
        " and starts_with(production_order_id, 'erp40862')",
    )

    assert estimated == {"erp40862": Decimal("136.00"), "erp40862_bom": Decimal("34.00")}
    assert actual(ask, "erp40862") == {"machine": Decimal("136.00")}


@pytest.mark.parametrize(
    ("order", "minutes", "amount"),
    [("erp48153", "120.00", "80.00"), ("erp53754", "256.83", "4.28")],
)
def test_erpnext_48153_and_53754_time_is_in_proportion_to_any_quantity(
    ask: Ask, order: str, minutes: str, amount: str
) -> None:
    told = ask(
        "select round(quantity * 60, 2), amount from marts.order_cost where basis = 'estimate'"
        f" and production_order_id = '{order}'"
    )

    assert told == [(Decimal(minutes), Decimal(amount))]


def test_an_estimate_goes_by_the_versions_that_the_order_names_at_the_standard_prices(
    ask: Ask,
) -> None:
    estimated = ask(
        "select production_order_id, cost_group_id, amount from marts.order_cost"
        " where basis = 'estimate' and starts_with(production_order_id, 'odoo1_') order by all"
    )

    # Two parts instead of one, half an hour instead of an hour, both from after the version began.
    assert estimated == [
        ("odoo1_named", "fitter", Decimal("100.00")),
        ("odoo1_named", "helper", Decimal("63.00")),
        ("odoo1_named", "machine", Decimal("66.60")),
        ("odoo1_named", "material", Decimal("60.00")),
        ("odoo1_new", "fitter", Decimal("50.00")),
        ("odoo1_new", "helper", Decimal("31.50")),
        ("odoo1_new", "machine", Decimal("33.30")),
        ("odoo1_new", "material", Decimal("120.00")),
    ]


def test_erpnext_46788_the_second_job_card_costs_its_own_two_minutes(ask: Ask) -> None:
    told = ask(
        "select period_id, sum(conversion_amount) from marts.wip_rollforward"
        " where production_order_id = 'erp46788' group by period_id order by period_id"
    )

    assert told == [("2026-03", Decimal("4.00")), ("2026-04", Decimal("8.00"))]


def test_we_25_overheads_spend_2000_and_are_1000_less_efficient(ask: Ask) -> None:
    assert variances(ask, "candy") == {
        "overhead_spending": Decimal("2000.00"),
        "overhead_efficiency": Decimal("1000.00"),
    }


def test_we_27_material_and_labour_vary_in_price_and_quantity(ask: Ask) -> None:
    assert variances(ask, "works") == {
        "material_price": Decimal("-36640.00"),
        "material_usage": Decimal("-10800.00"),
        "labour_rate": Decimal("7572.00"),
        "labour_efficiency": Decimal("7095.00"),
    }


def test_a_new_version_revalues_what_is_in_stock(ask: Ask) -> None:
    # Ten parts at 6.00, an hour at 16.50 and then at 16.90.
    assert ask(
        "select cost_version_id, item_id, previous_amount, amount, difference_amount"
        " from marts.revaluation"
    ) == [("now", "works", Decimal("7650.00"), Decimal("7690.00"), Decimal("40.00"))]


def products(ask: Ask, order: str) -> dict[object, tuple[object, ...]]:
    """Absorbed and actual cost by product."""
    return {
        item: tuple(costs)
        for item, *costs in ask(
            "select item_id, sum(absorbed_amount), sum(actual_amount)"
            f" from marts.order_product_cost where production_order_id = '{order}' group by item_id"
        )
    }


def test_we_39_a_joint_cost_of_12300_is_borne_by_what_the_products_are_worth(ask: Ask) -> None:
    assert products(ask, "l_ten") == {
        "l_ten": (Decimal("1849.75"), Decimal("1849.75")),
        "triol": (Decimal("6569.08"), Decimal("6569.08")),
        "pioze": (Decimal("3881.17"), Decimal("3881.17")),
    }
    assert amounts(
        ask,
        "select item_id, sum(unit_cost) from marts.standard_cost where cost_version_id = 'now'"
        " and level = 'single' and item_id in ('l_ten', 'triol', 'pioze') group by item_id",
    ) == {
        "l_ten": Decimal("0.578046"),
        "triol": Decimal("1.775428"),
        "pioze": Decimal("1.940584"),
    }


def test_a_co_product_that_came_short_is_a_quantity_variance_of_its_process(ask: Ask) -> None:
    absorbed, actual = zip(*products(ask, "l_ten_short").values(), strict=True)

    # 100 gal of Pioze at 1.940584.
    assert sum(actual) - sum(absorbed) == Decimal("194.06")
    assert variances(ask, "l_ten_short") == {
        "material_usage": Decimal("157.77"),
        "machine_efficiency": Decimal("36.29"),
    }


def test_we_39_elsie_dairy_bears_by_price_and_pays_to_be_rid_of_whey(ask: Ask) -> None:
    assert products(ask, "butter") == {
        "butter": (Decimal("8400.00"), Decimal("8400.00")),
        "cream": (Decimal("12600.00"), Decimal("12600.00")),
    }
    assert actual(ask, "butter")["by_product_burden"] == Decimal("1000.00")


def test_hours_that_prevent_and_examine_are_costs_of_quality_and_not_of_the_order(ask: Ask) -> None:
    # An hour at 30.00 as planned; at the inspection fifteen minutes at 20.00 instead of ten.
    assert actual(ask, "looked") == {"machine": Decimal("30.00"), "labour": Decimal("5.00")}
    assert variances(ask, "looked") == {"labour_efficiency": Decimal("1.67")}
    assert amounts(
        ask,
        "select quality_cost_category, sum(amount) from marts.cost_of_quality"
        " where item_id = 'looked' group by quality_cost_category",
    ) == {
        "prevention": Decimal("20.00"),
        "appraisal": Decimal("15.00"),
        "external_failure": Decimal("69.16"),
    }
    # No costing version held then; what has not come back yet is told once it has.
    assert ask(
        "select production_date, quantity, currency from marts.cost_of_quality"
        " where quality_cost_category = 'external_failure' and amount is null"
    ) == [(date(2025, 4, 20), 1, "EUR")]


def test_a_flow_varies_as_its_orders_do_in_the_period_and_closes_with_what_it_used(
    ask: Ask,
) -> None:
    assert amounts(
        ask,
        "select detail_type, sum(amount) from marts.flow_variance"
        " where production_flow_id = 'sweets' and period_id = '2026-05' group by detail_type",
    ) == variances(ask, "candy") | variances(ask, "works")
    closes = ask(
        "select production_flow_id, period_id, sum(variance_amount), sum(closing_amount),"
        " sum(used_amount) - sum(output_amount) = sum(variance_amount)"
        " and sum(opening_amount) + sum(material_amount) + sum(conversion_amount)"
        " + sum(overhead_amount) + sum(subcontract_amount) - sum(closing_amount) = sum(used_amount)"
        " from marts.flow_rollforward group by all order by period_id"
    )
    total = Decimal(2000) + 1000 - 36_640 - 10_800 + 7_572 + 7_095
    assert [each[:4] for each in closes][-1] == ("sweets", "2026-05", total, Decimal(0))
    assert all(each[4] for each in closes)


def test_a_project_is_compared_with_the_estimate_of_all_its_orders(ask: Ask) -> None:
    told = ask(
        "select sum(estimate_amount), sum(actual_amount), sum(difference_amount),"
        " sum(work_in_process_amount), any_value(order_count), bool_and(is_final)"
        " from marts.project_cost where project_id = 'tower'"
    )

    # 136.00 and 34.00 (ERPNext 40862), and the hour at 30.00 that was booked late.
    assert told == [(Decimal(200), Decimal(200), Decimal(0), Decimal(0), 3, True)]


def test_a_rate_that_changes_while_a_machine_runs_counts_from_that_microsecond(ask: Ask) -> None:
    told = ask(
        "select used_s from intermediate.int_operation_time where production_order_id = 'split'"
        " order by moment_at"
    )

    assert told == [(Decimal("3599.123457"),), (Decimal("3600.876543"),)]
    # 59.98539095 + 90.021913575.
    assert actual(ask, "split") == {"machine": Decimal("150.01")}


def test_a_booking_after_the_end_of_its_order_belongs_to_its_end(ask: Ask) -> None:
    told = ask(
        "select period_id, sum(conversion_amount), sum(closing_amount) from marts.wip_rollforward"
        " where production_order_id = 'late' group by period_id"
    )

    assert told == [("2026-03", Decimal("30.00"), Decimal("0.00"))]


def test_an_order_of_a_site_without_a_costing_version_is_told_and_not_costed(ask: Ask) -> None:
    assert ask("select * from marts.order_cost where production_order_id = 'bare'") == []
    assert ask(
        "select period_id, problem, subject from marts.period_check"
        " where production_order_id = 'bare'"
    ) == [("2026-03", "uncosted_order", "bare")]


def test_an_order_of_nothing_has_amounts_and_no_division_by_nought(ask: Ask) -> None:
    told = ask(
        "select basis, amount from marts.order_cost where production_order_id = 'nothing'"
        " order by basis"
    )

    assert told == [(basis, Decimal(0)) for basis in ("absorbed", "actual", "estimate", "standard")]


def test_every_column_of_money_is_decimal(ask: Ask) -> None:
    columns = ask(
        "select table_name, column_name, data_type from duckdb_columns()"
        " where database_name = 'lake' and (column_name like '%amount' or column_name like"
        " '%unit_cost' or column_name like '%unit_price' or column_name in ('rate', 'price'))"
    )

    tables = {table for table, _, _ in columns}
    assert {"order_cost", "order_variance", "loss_cost", "wip_rollforward", "journal"} <= tables
    assert [each for each in columns if not str(each[2]).startswith("DECIMAL")] == []


def test_no_cost_is_divided_or_averaged_in_floating_point(works: Settings) -> None:
    compiled = sorted(dbt.target_path(works).glob("compiled/takt/models/**/costs/**/*.sql"))
    inexact = {}
    for file in compiled:
        # How the one macro that divides finds a quotient, tests/unit/test_money.py proves.
        outside = re.sub(r"/\* exact: \*/.*?/\* :exact \*/", "", file.read_text(), flags=re.DOTALL)
        sql = re.sub(r"'[^']*'|--[^\n]*|/\*.*?\*/", "''", outside, flags=re.DOTALL)
        found = re.findall(r"(?<!/)/(?!/)|\bavg\s*\(|\bdouble\b|\bfloat\b", sql.lower())
        if found:
            inexact[file.name] = found

    assert len(compiled) > 30
    assert inexact == {}


def test_the_hours_of_the_cases_are_those_they_state() -> None:
    cook = datetime(2026, 3, 6, 4, tzinfo=UTC) - datetime(2026, 3, 2, tzinfo=UTC)
    worker = datetime(2026, 4, 29, 21, tzinfo=UTC) - datetime(2026, 2, 10, tzinfo=UTC)

    assert (cook * 25, worker * 10) == (timedelta(hours=2500), timedelta(hours=18_930))
