"""What Dagster knows: every table an asset, every test a check, every job as meant."""

import dagster as dg

from lake.schema import RAW
from takt.contracts import TABLES
from tests.dagster_definitions import Loaded

MARTS = {
    "balance",
    "dim_item",
    "dim_production_order",
    "dim_reason",
    "dim_work_unit",
    "gap",
    "latency",
    "quarantine_summary",
    "mes_waiting_order",
    "live_state_interval",
    "live_work_unit",
    "live_work_unit_hour",
    "loss_cost",
    "order_cost",
    "order_variance",
    "order_variance_shift",
    "sparkplug_conformance",
    "standard_cost",
    "state_interval",
    "stop_event",
    "work_unit_shift",
    "work_unit_shift_order",
    "wip_rollforward",
    "yield_operation",
}


def test_every_table_that_ingestion_fills_is_an_asset(dagster: Loaded) -> None:
    internal = {"ingest_shard"}

    assert dagster.keys("raw") == {table.name for table in RAW} - internal
    assert dagster.keys("reference") == set(TABLES)


def test_every_mart_of_the_contract_is_an_asset(dagster: Loaded) -> None:
    assert dagster.keys("marts") >= MARTS


def test_every_model_is_an_asset_below_its_schema(dagster: Loaded) -> None:
    models = [n for n in dagster.manifest["nodes"].values() if n["resource_type"] == "model"]

    for model in models:
        # An ephemeral model is a named part of others' queries: there is no table to be an asset.
        is_table_or_view = model["config"]["materialized"] != "ephemeral"
        assert (model["name"] in dagster.keys(model["schema"])) is is_table_or_view


def test_models_hang_on_the_tables_they_read(dagster: Loaded) -> None:
    graph = dagster.definitions.resolve_asset_graph()
    sources = dagster.manifest["sources"]
    read = {
        (sources[parent]["source_name"], sources[parent]["name"])
        for node in dagster.manifest["nodes"].values()
        for parent in node["depends_on"]["nodes"]
        if parent in sources
    }

    assert ("raw", "telemetry") in read
    for key in read:
        table = graph.get(dg.AssetKey(key))
        assert not table.is_executable
        assert table.child_keys


def test_every_blocking_dbt_test_is_a_check(dagster: Loaded) -> None:
    tests = {n["name"] for n in dagster.manifest["nodes"].values() if n["resource_type"] == "test"}
    checks = {key.name for key in dagster.definitions.resolve_asset_graph().asset_check_keys}

    assert tests <= checks
    assert {"is_fresh", "is_balanced", "has_not_grown", "has_no_dead_letters"} <= checks


def test_the_watermark_moves_only_after_every_law(dagster: Loaded) -> None:
    parents = dagster.manifest["parent_map"]

    def above(node: str) -> set[str]:
        return {node}.union(*(above(parent) for parent in parents.get(node, [])))

    before = above("model.takt.int_completed_run")
    # dbt runs a test before a model only when all that the test reads lies above the model.
    laws = {name: node for name, node in dagster.manifest["nodes"].items() if "test." in name}
    assert laws
    for name in laws:
        assert set(parents[name]) <= before, name


def test_jobs_schedules_and_sensors_are_there_and_switched_on(dagster: Loaded) -> None:
    repository = dagster.definitions.get_repository_def()

    assert {"refresh", "maintain", "take_in_drop_folder", "check_pipeline"} <= {
        job.name for job in repository.get_all_jobs()
    }
    on = {s.name: s.default_status.value for s in repository.schedule_defs} | {
        s.name: s.default_status.value for s in repository.sensor_defs
    }
    started = (
        "refresh_schedule",
        "maintenance_schedule",
        "check_pipeline_schedule",
        "drop_folder_sensor",
    )
    assert {name: on[name] for name in started} == dict.fromkeys(started, "RUNNING")


def test_the_refresh_builds_every_model(dagster: Loaded) -> None:
    job = dagster.definitions.resolve_job_def("refresh")
    graph = dagster.definitions.resolve_asset_graph()

    assert job.asset_layer.selected_asset_keys == set(graph.executable_asset_keys)


def test_checks_whose_cost_grows_with_the_ledger_are_no_part_of_the_refresh(
    dagster: Loaded,
) -> None:
    refresh, own = (dagster.definitions.resolve_job_def(n) for n in ("refresh", "check_pipeline"))
    names = {key.name for key in refresh.asset_layer.asset_graph.asset_check_keys}

    assert "is_fresh" in names
    assert "is_balanced" not in names
    assert {key.name for key in own.asset_layer.asset_graph.asset_check_keys} == {
        "is_balanced",
        "has_not_grown",
        "has_no_dead_letters",
    }
