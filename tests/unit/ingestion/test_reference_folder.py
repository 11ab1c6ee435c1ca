"""Each way a folder of business files can be wrong, and where the report points."""

import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.reference_folder import NothingLoaded, examine
from ingestion.reference_report import MAX_PROBLEMS, Findings, Report
from tests.plant_files import FILES, write_plant
from tests.reference_examining import Loaded, problems

at = datetime.fromisoformat


def test_a_complete_plant_has_no_problem(tmp_path: Path) -> None:
    assert problems(write_plant(tmp_path)) == []


PRODUCTS = "item_id,bom_version,line_id,component_item_id,line_type,quantity_per,cost_share_ratio\n"
BREAKAGES = {
    "unknown column": (
        "item",
        "item_id,name,unit,colour\ncup,Cup,pcs,red\nlid,Lid,pcs,red\n",
        "item.csv, row 1, column colour: item has no such column",
    ),
    "missing column": (
        "item",
        "item_id,name\ncup,Cup\nlid,Lid\n",
        "item.csv, row 1, column unit: required column is missing",
    ),
    "column twice": (
        "item",
        "item_id,name,unit,unit\ncup,Cup,pcs,pcs\n",
        "item.csv, row 1, column unit: named more than once",
    ),
    "row too wide": (
        "item",
        "item_id,name,unit\ncup,Cup, big,pcs\n",
        "item.csv, row 2: more values than columns",
    ),
    "bad cell": (
        "routing_operation",
        FILES["routing_operation"].replace("2.5", "fast"),
        "routing_operation.csv, row 2, column planned_run_s_per_unit, found 'fast': not a number",
    ),
    "duplicate key": (
        "item",
        FILES["item"] + "cup,Mug,pcs\n",
        "item.csv, row 4, column item_id, found 'cup': repeats row 2",
    ),
    "overlapping validity": (
        "equipment",
        FILES["equipment"] + "demo,assembly,demo,area,Hall A,,2026-01-01,\n",
        "equipment.csv, row 6, column site_id, equipment_id, found 'demo, assembly': holds at the",
    ),
    "validity backwards": (
        "equipment",
        FILES["equipment"].replace("Press 1,,,", "Press 1,,2026-02-01,2026-01-01"),
        "equipment.csv, row 5, column valid_to, found '2026-01-01 00:00:00': valid_to must lie",
    ),
    "unknown item": (
        "production_order",
        FILES["production_order"].replace("cup", "mug"),
        "production_order.csv, row 2, column item_id, found 'mug': not in item.csv",
    ),
    "unknown route version": (
        "production_order",
        FILES["production_order"].replace("cup,1", "cup,2"),
        "row 2, column item_id, route_version, found 'cup, 2': not in routing_operation.csv",
    ),
    "unknown order": (
        "order_operation",
        FILES["order_operation"].replace("1001", "1002"),
        "found '1002': not in production_order.csv nor loaded",
    ),
    "unknown parent": (
        "equipment",
        FILES["equipment"].replace("assembly/line1,work_unit", "assembly/line2,work_unit"),
        "equipment.csv, row 5, column site_id, parent_id, found 'demo, assembly/line2': not in",
    ),
    "parent below child": (
        "equipment",
        FILES["equipment"].replace("assembly,work_center", "assembly/line1/press01,work_center"),
        "equipment.csv, row 4, column parent_id, found 'assembly/line1/press01': a work_center",
    ),
    "no parent": (
        "equipment",
        FILES["equipment"].replace("assembly,demo,area", "assembly,,area"),
        "equipment.csv, row 3, column parent_id: a area needs something above it",
    ),
    "site without time zone": (
        "equipment",
        FILES["equipment"].replace("Europe/Copenhagen", ""),
        "equipment.csv, row 2, column time_zone: a site needs a time zone",
    ),
    "name that no topic can carry": (
        "equipment",
        FILES["equipment"] + "demo,press 2,assembly,work_unit,Press 2,,,\n",
        "equipment.csv, row 6, column equipment_id, found 'press 2': not an equipment path",
    ),
    "shifts overlap": (
        "shift_pattern",
        FILES["shift_pattern"] + "demo,demo,night,7,22:00,06:30,shift\n",
        "shift_pattern.csv, row 5, column starts_local, ends_local, found '22:00:00 to 06:30:00'",
    ),
    "break without shift": (
        "shift_pattern",
        FILES["shift_pattern"] + "demo,demo,late,2,18:00,18:30,break\n",
        "shift_pattern.csv, row 5, column shift_id, weekday, found 'late, 2': no shift",
    ),
    "downtime without times": (
        "calendar_exception",
        FILES["calendar_exception"].replace("holiday", "planned_downtime"),
        "calendar_exception.csv, row 2, column starts_at, found '': planned_downtime needs it",
    ),
    "two state signals": (
        "signal_map",
        FILES["signal_map"] + "demo,assembly/line1/press01,Mode,state,,,packml\n",
        "row 4, column site_id, equipment_id, role, found 'demo, assembly/line1/press01, state'",
    ),
    "reason above itself": (
        "reason_code",
        FILES["reason_code"].replace("mechanical,,", "mechanical,jam,"),
        "reason_code.csv, row 2, column parent_reason_id, found 'mechanical': stands above itself",
    ),
    "item made of itself": (
        "bom_line",
        "item_id,bom_version,line_id,component_item_id,quantity_per\ncup,1,10,lid,1\nlid,1,10,cup,1\n",
        "column component_item_id, found 'lid': it is made of itself: cup → lid → cup; remove one",
    ),
    "item made of what is made beside it": (
        "bom_line",
        f"{PRODUCTS}cup,1,10,mug,component,1,\ncup,1,20,lid,co_product,1,\nmug,1,10,lid,,1,\n",
        "it is made of itself: cup → mug → lid → cup; remove one",
    ),
    "co-product of two items": (
        "bom_line",
        f"{PRODUCTS}cup,1,10,lid,co_product,1,\nmug,1,10,lid,co_product,1,\n",
        "row 3, column component_item_id, found 'lid': row 2 makes it beside another item",
    ),
    "co-product with a bill of its own": (
        "bom_line",
        f"{PRODUCTS}cup,1,10,lid,co_product,1,\nlid,1,10,mug,,1,\n",
        "row 2, column component_item_id, found 'lid': row 3 says what it is made of",
    ),
    "product of no quantity": (
        "bom_line",
        f"{PRODUCTS}cup,1,10,lid,by_product,,\n",
        "row 2, column quantity_per, found '': how much of it is made",
    ),
    "product on two lines": (
        "bom_line",
        f"{PRODUCTS}cup,1,10,lid,by_product,1,\ncup,1,20,lid,by_product,2,\n",
        "row 3, column component_item_id, found 'lid': row 2 states it too",
    ),
    "product with scrap": (
        "bom_line",
        "item_id,bom_version,line_id,component_item_id,line_type,quantity_per,scrap_ratio\n"
        "cup,1,10,lid,co_product,1,0.1\n",
        "row 2, column scrap_ratio, found '0.1': a co_product has none; leave it empty",
    ),
    "product beside an item for which its components stand": (
        "bom_line",
        "item_id,bom_version,line_id,component_item_id,line_type,quantity_per,is_phantom\n"
        "cup,1,10,lid,,1,true\nlid,1,10,mug,by_product,1,\n",
        "row 2, column is_phantom, found 'true': lid: its bill of material has co- or by-products",
    ),
    "burden without a rate": (
        "bom_line",
        "item_id,bom_version,line_id,component_item_id,line_type,quantity_per,burden_kind\n"
        "cup,1,10,lid,by_product,1,percent\n",
        "row 2, column burden_rate, found '': a burden needs both",
    ),
    "burden of a component": (
        "bom_line",
        "item_id,bom_version,line_id,component_item_id,quantity_per,burden_kind,burden_rate\n"
        "cup,1,10,lid,1,percent,0.1\n",
        "row 2, column burden_kind, found 'percent': a component has none; leave it empty",
    ),
    "shares of more than the cost": (
        "bom_line",
        f"{PRODUCTS}cup,1,10,lid,co_product,1,0.7\ncup,1,20,mug,co_product,1,0.4\n",
        "row 2, column cost_share_ratio, found '1.1': the co-products together bear more",
    ),
    "version that falls back on itself": (
        "cost_version",
        "cost_version_id,type,site_id,status,fallback_version_id,currency\n"
        "a,standard,demo,active,b,EUR\nb,standard,demo,active,a,EUR\n",
        "cost_version.csv, row 2, column fallback_version_id, found 'a': stands above itself",
    ),
    "fallback in another currency": (
        "cost_version",
        "cost_version_id,type,site_id,status,fallback_version_id,currency\n"
        "a,planned,demo,pending,b,EUR\nb,standard,demo,active,,DKK\n",
        "column fallback_version_id, found 'b': its amounts are DKK, not EUR; name one of the same",
    ),
    "unbalanced quotes": (
        "item",
        'item_id,name,unit\ncup,"Cup,pcs\n',
        "item.csv: not well-formed CSV",
    ),
    "empty file": ("item", "", "item.csv: the first row is empty"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_is_wrong_is_told_with_file_row_column_and_value(
    tmp_path: Path, breakage: str
) -> None:
    table, text, told = BREAKAGES[breakage]

    found = problems(write_plant(tmp_path, **{table: text}))

    assert any(told in problem for problem in found), found


def test_a_phantom_has_no_products_beside_it_whichever_file_comes_last(tmp_path: Path) -> None:
    item = "item_id,name,unit,is_phantom\ncup,Cup,pcs,true\nlid,Lid,pcs,\n"
    line = {"item_id": "cup", "component_item_id": "lid", "line_type": "co_product"}
    bill = PRODUCTS + "cup,1,10,lid,co_product,1,\n"

    told = problems(write_plant(tmp_path / "item", item=item), Loaded(bom_line=[line]))
    both = problems(write_plant(tmp_path / "both", item=item, bom_line=bill))

    assert told == [
        "item.csv, row 2, column is_phantom, found 'true': its bill of material has co- or"
        " by-products, whose cost would count twice; leave it empty"
    ]
    assert both == [
        "bom_line.csv, row 2, column item_id, found 'cup': a phantom has no co_product:"
        " its components stand for it; remove one"
    ]


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    folder = write_plant(tmp_path, item=FILES["item"].replace("cup,Cup", ",Cup"))

    assert problems(folder) == [
        "item.csv, row 2, column item_id, found '': a value is required; fill it in"
    ]


def test_a_shift_over_midnight_may_end_where_the_next_week_starts(tmp_path: Path) -> None:
    night = "demo,demo,night,7,22:00,06:00,shift\n"

    assert problems(write_plant(tmp_path, shift_pattern=FILES["shift_pattern"] + night)) == []


def test_items_may_change_places_in_a_bill_of_material_over_time(tmp_path: Path) -> None:
    lines = (
        "item_id,bom_version,line_id,component_item_id,quantity_per,valid_from,valid_to\n"
        "cup,1,10,lid,1,,2026-03-01\nlid,1,10,cup,1,2026-03-01,\n"
    )

    assert problems(write_plant(tmp_path, bom_line=lines)) == []


def test_spans_of_one_key_may_follow_each_other(tmp_path: Path) -> None:
    rows = FILES["equipment"].replace("Press 1,,,", "Press 1,,,2026-01-01")
    rows += "demo,assembly/line1/press01,assembly/line1,work_unit,Press A,,2026-01-01,\n"

    assert problems(write_plant(tmp_path, equipment=rows)) == []


def test_one_raw_value_may_mean_different_things_in_different_modes(tmp_path: Path) -> None:
    header = "value_map_id,raw_value,operation_mode,mapped_value\npackml,6,,execute\n"
    modes = "packml,4,Setup,setup\npackml,4,Processing,idle\n"
    again = "packml,4,Setup,idle\n"

    assert problems(write_plant(tmp_path / "fit", value_map=header + modes)) == []
    (told,) = problems(write_plant(tmp_path / "unfit", value_map=header + modes + again))
    assert told.startswith("value_map.csv, row 5, column value_map_id, raw_value, operation_mode")


def test_one_signal_tells_the_operation_mode_and_gaps_are_longer_than_nothing(
    tmp_path: Path,
) -> None:
    unit = "demo,assembly/line1/press01"
    signal_map = (
        "site_id,equipment_id,signal,role,pulse_gap_cycles\n"
        f"{unit},ItemState,state,\n{unit},Mode,operation_mode,\n{unit},Pieces,good_count,1.5\n"
    )
    wrong = f"{unit},Mode2,operation_mode,\n{unit},Scrap,reject_count,0\n"

    assert problems(write_plant(tmp_path / "fit", signal_map=signal_map)) == []
    told = problems(write_plant(tmp_path / "unfit", signal_map=signal_map + wrong))
    assert any("row 6, column pulse_gap_cycles, found '0': too small" in each for each in told)
    assert any("row 5, column site_id, equipment_id, role" in each for each in told)


def test_only_consumption_names_the_material_that_it_measures(tmp_path: Path) -> None:
    unit = "demo,assembly/line1/press01"
    signal_map = (
        "site_id,equipment_id,signal,role,material_item_id\n"
        f"{unit},Water,consumption,cup\n{unit},Pieces,good_count,\n"
    )
    wrong = f"{unit},Air,consumption,\n{unit},Scrap,reject_count,cup\n{unit},Oil,consumption,oil\n"

    assert problems(write_plant(tmp_path / "fit", signal_map=signal_map)) == []
    told = problems(write_plant(tmp_path / "unfit", signal_map=signal_map + wrong))
    assert len(told) == 3
    assert any(
        "row 4, column material_item_id: consumption of what is not" in each for each in told
    )
    assert any("row 5, column material_item_id, found 'cup': only a" in each for each in told)
    assert any("row 6, column material_item_id, found 'oil'" in each for each in told)


def test_references_may_lead_to_what_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "production_order.csv").write_text(FILES["production_order"])
    loaded = Loaded(
        equipment=[{"site_id": "demo"}],
        item=[{"item_id": "cup"}],
        routing_operation=[{"item_id": "cup", "route_version": "1"}],
    )

    assert problems(tmp_path, loaded) == []
    assert len(problems(tmp_path)) == 3


def test_what_loaded_rows_refer_to_cannot_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "item.csv").write_text("item_id,name,unit\nlid,Lid,pcs\n")
    order = {"production_order_id": "1001", "item_id": "cup"}

    found = problems(tmp_path, Loaded(production_order=[order]))

    assert len(found) == 1
    assert found[0].startswith("item.csv, column item_id, found 'cup': left out, but loaded rows")


def test_an_order_stated_anew_no_longer_refers_to_its_old_item(tmp_path: Path) -> None:
    folder = write_plant(tmp_path)
    order = {"production_order_id": "1001", "site_id": "demo", "item_id": "gone"}

    assert problems(folder, Loaded(production_order=[order])) == []


def test_the_report_stops_at_a_hundred_and_counts_the_rest(tmp_path: Path) -> None:
    lines = "".join(f"i{n},,pcs\n" for n in range(MAX_PROBLEMS + 50))
    (tmp_path / "item.csv").write_text(f"item_id,name,unit\n{lines}")
    findings = Findings()

    examine(tmp_path, NothingLoaded(), findings)
    report = Report(tmp_path, [], findings.problems, findings.total)

    assert len(report.errors) == MAX_PROBLEMS
    assert str(report).endswith("… and 50 more")
    assert not report.is_accepted


def test_files_that_are_no_table_are_refused_and_others_ignored(tmp_path: Path) -> None:
    folder = write_plant(tmp_path)
    (folder / "_ready").touch()
    (folder / "notes.txt").touch()
    (folder / "machines.csv").touch()
    (folder / "item.XLS").touch()

    found = problems(folder)

    assert [problem.partition(":")[0] for problem in found] == ["item.XLS", "machines.csv"]


def test_two_files_of_one_table_are_refused(tmp_path: Path) -> None:
    folder = write_plant(tmp_path)
    pq.write_table(pa.table({"item_id": ["cup"]}), folder / "item.parquet")

    assert "item.parquet: item.csv states the same table; remove one of them" in problems(folder)


def test_a_folder_without_business_files_is_a_problem(tmp_path: Path) -> None:
    assert "no business file in it" in problems(tmp_path)[0]
    assert "no business file in it" in problems(tmp_path / "nowhere")[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "item.csv").write_text("item_id;name;unit\nö;Öse;St\n", encoding=encoding)
    findings = Findings()

    tables = examine(tmp_path, NothingLoaded(), findings)

    assert not findings.problems
    assert tables["item"].rows[0].values["name"] == "Öse"


def test_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "item.csv").write_text("item_id,name,unit\nö,Öse,St\n", encoding="latin-1")

    assert problems(tmp_path)[0] == "item.csv: line 2 is not UTF-8; save the file as UTF-8"


@pytest.mark.parametrize("name", ["item.xlsx", "item.parquet"])
def test_a_file_that_is_not_what_it_says_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"item_id,name,unit\n")

    assert problems(tmp_path)[0].startswith(f"{name}: not a readable")


def test_a_spreadsheet_with_broken_xml_inside_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "item.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types")

    assert "item.xlsx: not a readable XLSX file" in problems(tmp_path)[0]


def test_a_spreadsheet_reads_as_its_csv_would(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["item_id", "valid_from", "route_version", "operation_id", "sequence", None])
    sheet.append(["cup", at("2026-03-01T06:00:00"), 1, "press", 10, None])
    book.save(tmp_path / "routing_operation.xlsx")
    findings = Findings()

    tables = examine(tmp_path, Loaded(item=[{"item_id": "cup"}]), findings)

    assert not findings.problems
    row = tables["routing_operation"].rows[0]
    assert row.take(("route_version", "sequence", "valid_from")) == (
        "1",
        10,
        at("2026-03-01T06:00:00"),
    )


def test_parquet_times_become_utc(tmp_path: Path) -> None:
    moment = pa.array([1_772_344_800_000_000_123], pa.timestamp("ns", "Europe/Copenhagen"))
    columns = {
        "production_order_id": ["1"],
        "operation_id": ["press"],
        "work_unit_id": ["press01"],
        "started_at": moment,
    }
    pq.write_table(pa.table(columns), tmp_path / "order_operation.parquet")

    tables = examine(tmp_path, NothingLoaded(), Findings())

    assert tables["order_operation"].rows[0].values["started_at"] == at("2026-03-01T06:00:00")


def test_code_tables_that_ship_with_takt_need_no_file(tmp_path: Path) -> None:
    folder = write_plant(tmp_path)
    signal_map = folder / "signal_map.csv"
    rows = signal_map.read_text()
    signal_map.write_text(rows.replace("packml", "tmc"))
    assert problems(folder) == []

    signal_map.write_text(rows.replace("packml", "pakml"))
    assert ["not in value_map.csv" in problem for problem in problems(folder)] == [True]
