"""History files hold everything once, whatever stretches they are written in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edge.configuration import OpcUaSource, load
from edge.simulator import marker
from edge.simulator.edge_config import write_edge_config
from edge.simulator.history import history_gap, prepare, write_history
from edge.simulator.signals import SIGNALS
from takt.settings import PlantSettings, Settings
from tests.unit.simulator.conftest import SEED

START = datetime(2026, 10, 14, 3, 17, tzinfo=UTC)
STOP = START + timedelta(days=1, hours=9, seconds=1.234)
END = STOP + timedelta(hours=30)
REPEATABLE = {
    (equipment, signal.name)
    for equipment, signals in SIGNALS.items()
    for signal in signals
    if signal.is_repeatable
}


def rows(files: list[Path]) -> list[tuple]:
    table = pa.concat_tables([pq.read_table(file) for file in files])
    names = ("observed_at", "equipment", "signal", "value", "text")
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def test_files_have_the_columns_of_the_import_in_time_order(tmp_path: Path) -> None:
    files = write_history(tmp_path, "demo", SEED, START, END)

    for file in files:
        table = pq.read_table(file)
        assert table["observed_at"].type == pa.timestamp("us", "UTC")
        assert table["value"].type == pa.float64()
        assert set(table["site"].to_pylist()) == {"demo"}
        assert pc.all(pc.xor(table["value"].is_null(), table["text"].is_null())).as_py()
        times = table["observed_at"].cast(pa.int64()).to_numpy()
        assert (times[1:] >= times[:-1]).all()


def test_the_same_seed_and_start_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_history(tmp_path / "first", "demo", SEED, START, END)
    second = write_history(tmp_path / "second", "demo", SEED, START, END)

    assert [file.name for file in first] == [file.name for file in second]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


def test_a_period_written_in_two_goes_says_the_same(tmp_path: Path, settings: Settings) -> None:
    whole = rows(write_history(tmp_path / "whole", "demo", SEED, START, END))
    folder = tmp_path / "plant"

    files = prepare(folder, settings, SEED, START, STOP)
    files += history_gap(folder, settings, SEED, START, END)

    pieced = rows(files)
    assert set(whole) - set(pieced) == set()
    # All that is said besides is what held at the seam, once more.
    for observed_at, equipment, signal, _, _ in set(pieced) - set(whole):
        assert (equipment, signal) in REPEATABLE
        assert observed_at == STOP
    once = [row for row in pieced if row[1:3] not in REPEATABLE]
    assert len(once) == len(set(once)) == len([row for row in whole if row[1:3] not in REPEATABLE])


def test_every_machine_is_heard_at_both_ends_of_every_file(tmp_path: Path) -> None:
    for file in write_history(tmp_path, "demo", SEED, START, END):
        times = pq.read_table(file, columns=["equipment", "observed_at"])
        spans = times.group_by("equipment").aggregate(
            [("observed_at", "min"), ("observed_at", "max")]
        )
        assert spans.num_rows == 8
        assert len(set(spans["observed_at_min"].to_pylist())) == 1
        assert len(set(spans["observed_at_max"].to_pylist())) == 1


def test_nothing_is_missing_when_nothing_was_missed(tmp_path: Path, settings: Settings) -> None:
    prepare(tmp_path, settings, SEED, START, STOP)

    assert history_gap(tmp_path, settings, SEED, START, STOP) == []


def test_preparing_for_a_start_without_history_writes_no_file(
    tmp_path: Path, settings: Settings
) -> None:
    assert prepare(tmp_path, settings, SEED, START, START) == []
    assert marker.read(tmp_path) == START


def test_the_collector_can_read_the_configuration_written_for_it(
    tmp_path: Path, settings: Settings
) -> None:
    prepare(tmp_path, settings, SEED, START, START)

    configuration = load(settings.home / "edge.toml")
    controllers = configuration.sources["controllers"]
    gateways = configuration.sources["gateways"]
    assert isinstance(controllers, OpcUaSource)
    assert len(controllers.nodes) == 26
    assert not set(controllers.equipment) & set(gateways.serves)
    assert {*controllers.equipment, *gateways.serves} == set(SIGNALS)


def test_the_demos_collector_follows_a_port_that_was_changed(settings: Settings) -> None:
    file = settings.home / "edge.toml"
    write_edge_config(file, settings)
    moved = settings.model_copy(update={"plant": PlantSettings(port=48_401)})

    write_edge_config(file, moved)

    source = load(file).sources["controllers"]
    assert isinstance(source, OpcUaSource)
    assert source.endpoint.endswith(":48401")


def test_a_collectors_configuration_that_a_person_wrote_is_left_alone(settings: Settings) -> None:
    file = settings.home / "edge.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("site = 'mine'")

    write_edge_config(file, settings)

    assert file.read_text() == "site = 'mine'"
