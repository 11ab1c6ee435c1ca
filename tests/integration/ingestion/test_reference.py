"""Business files into a real lake."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import lake
from ingestion import drop_folder, reference
from takt.settings import Settings
from tests.plant_files import FILES, write_plant


def rows(settings: Settings, query: str, parameters: Sequence[object] = ()) -> list[object]:
    with closing(lake.open(settings, read_only=True)) as con:
        return con.execute(query, parameters).fetchall()


def current(settings: Settings, table: str, columns: str) -> list[object]:
    query = f"select {columns} from reference.{table} where closed_at is null order by all"
    return rows(settings, query)


def snapshots(settings: Settings) -> list[object]:
    return rows(settings, "select count(*) from ducklake_snapshots('lake')")


def test_a_folder_is_loaded_with_its_time(lake_settings: Settings, tmp_path: Path) -> None:
    report = reference.load(lake_settings, write_plant(tmp_path))

    assert report.is_accepted, str(report)
    assert current(lake_settings, "item", "item_id, load_id, loaded_at") == [
        ("cup", report.load_id, report.loaded_at),
        ("lid", report.load_id, report.loaded_at),
    ]
    started = current(lake_settings, "order_operation", "started_at::varchar")
    assert started == [("2026-03-02 05:00:00",)]


def test_the_same_folder_twice_changes_nothing(lake_settings: Settings, tmp_path: Path) -> None:
    folder = write_plant(tmp_path)
    reference.load(lake_settings, folder)
    before = snapshots(lake_settings)

    report = reference.load(lake_settings, folder)

    assert report.is_accepted
    assert report.load_id is None
    assert snapshots(lake_settings) == before


def test_master_rows_that_are_missing_are_closed_and_others_stay(
    lake_settings: Settings, tmp_path: Path
) -> None:
    first = reference.load(lake_settings, write_plant(tmp_path))
    item = "item_id,name,unit\ncup,Mug,pcs\nsaucer,Saucer,pcs\n"

    second = reference.load(lake_settings, write_plant(tmp_path, item=item))

    changes = {change.table: (change.added, change.closed) for change in second.tables}
    assert changes.pop("item") == (2, 2)
    assert set(changes.values()) == {(0, 0)}
    assert rows(
        lake_settings,
        "select item_id, name, load_id, closed_at is not null from reference.item order by all",
    ) == [
        ("cup", "Cup", first.load_id, True),
        ("cup", "Mug", second.load_id, False),
        ("lid", "Lid", first.load_id, True),
        ("saucer", "Saucer", second.load_id, False),
    ]


def test_transactions_are_replaced_by_key_and_others_stay(
    lake_settings: Settings, tmp_path: Path
) -> None:
    reference.load(lake_settings, write_plant(tmp_path))
    orders = FILES["production_order"].partition("\n")[0] + "\n1002,demo,cup,1,70\n"
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "production_order.csv").write_text(orders)

    reference.load(lake_settings, tmp_path / "later")
    (tmp_path / "later" / "production_order.csv").write_text(orders.replace("70", "80"))
    reference.load(lake_settings, tmp_path / "later")

    found = current(lake_settings, "production_order", "production_order_id, order_quantity::int")
    assert found == [("1001", 500), ("1002", 80)]


def test_a_folder_is_loaded_whole_or_not_at_all(lake_settings: Settings, tmp_path: Path) -> None:
    folder = write_plant(tmp_path, production_order=FILES["production_order"].replace("cup", "mug"))

    report = reference.load(lake_settings, folder)

    assert "column item_id, found 'mug'" in str(report)
    assert report.load_id is None
    assert current(lake_settings, "item", "item_id") == []


def test_check_tells_the_same_and_writes_nothing(lake_settings: Settings, tmp_path: Path) -> None:
    folder = write_plant(tmp_path)
    reference.load(lake_settings, folder)
    before = snapshots(lake_settings)
    (folder / "item.csv").write_text("item_id,name,unit\nlid,Lid,pcs\n")
    for table in ("routing_operation", "production_order"):
        (folder / f"{table}.csv").unlink()

    report = reference.check(lake_settings, folder)

    told = str(report)
    assert report.error_count == 2
    assert "found 'cup': left out, but loaded rows of routing_operation refer to it" in told
    assert "found 'cup': left out, but loaded rows of production_order refer to it" in told
    assert snapshots(lake_settings) == before


def test_check_makes_no_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "nowhere", catalog=None)

    assert reference.check(settings, write_plant(tmp_path / "plant")).is_accepted
    assert not settings.home.exists()


def test_a_dropped_folder_is_taken_in_once_it_is_ready(lake_settings: Settings) -> None:
    dropped = write_plant(drop_folder.path(lake_settings) / "monday")
    assert drop_folder.ready_folders(lake_settings) == []
    (dropped / "_ready").touch()
    (ready,) = drop_folder.ready_folders(lake_settings)

    report = drop_folder.take_in(lake_settings, ready)

    assert report.is_accepted
    assert not dropped.exists()
    (kept,) = (lake_settings.home / "archive").glob("*-monday")
    assert f"loaded as {report.load_id}" in (kept / "report.txt").read_text()
    assert (kept / "item.csv").read_text() == FILES["item"]


def test_a_wrong_dropped_folder_is_kept_apart_with_the_reasons(lake_settings: Settings) -> None:
    dropped = write_plant(drop_folder.path(lake_settings) / "monday", item="item_id,name\n")
    (dropped / "_ready").touch()

    report = drop_folder.take_in(lake_settings, dropped)

    assert not report.is_accepted
    (kept,) = (lake_settings.home / "rejected").glob("*-monday")
    assert "item.csv, row 1, column unit" in (kept / "report.txt").read_text()
    assert '"accepted": false' in (kept / "report.json").read_text()
    assert current(lake_settings, "equipment", "equipment_id") == []


COSTS = {
    "cost_version": """cost_version_id,type,site_id,valid_from,status,currency
std,standard,demo,2026-01-01,active,EUR
""",
    "cost_rate": """cost_version_id,work_unit_id,kind,rate,valid_from
std,assembly/line1/press01,run,30.5,
std,assembly/line1/press01,run,31.5,2026-03-15
""",
    "item_cost": "cost_version_id,item_id,unit_cost\nstd,lid,0.62\n",
}


def test_what_is_active_is_corrected_only_by_way_of_pending(
    lake_settings: Settings, tmp_path: Path
) -> None:
    corrected = COSTS | {"item_cost": COSTS["item_cost"].replace("0.62", "0.63")}
    pending = {"cost_version": COSTS["cost_version"].replace("active", "pending")}
    assert reference.load(lake_settings, write_plant(tmp_path / "first", **COSTS)).is_accepted

    again = reference.load(lake_settings, write_plant(tmp_path / "again", **COSTS))
    refused = reference.load(lake_settings, write_plant(tmp_path / "refused", **corrected))
    reset = reference.load(lake_settings, write_plant(tmp_path / "reset", **corrected | pending))
    back = reference.load(lake_settings, write_plant(tmp_path / "back", **corrected))

    assert (again.is_accepted, again.load_id) == (True, None)
    assert "column unit_cost, found '0.630000': it is active with 0.620000" in str(refused)
    assert (refused.error_count, refused.load_id) == (1, None)
    assert reset.is_accepted
    assert back.is_accepted
    found = current(lake_settings, "item_cost", "unit_cost::varchar")
    assert found == [("0.630000",)]
