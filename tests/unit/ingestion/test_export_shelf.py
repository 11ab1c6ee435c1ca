"""What of exports is on its way, without a lake."""

from pathlib import Path

import pyarrow as pa
import pytest

from ingestion import export_shelf, exports
from ingestion.export_form import ExportForm
from ingestion.export_rows import Rows
from ingestion.export_shelf import Known
from ingestion.history_files import chunks
from takt.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_a_file_that_a_power_cut_left_empty_stops_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def importing(_: Settings, files: list[Path]) -> None:
        list(chunks(files[0], "2026-01-01"))

    monkeypatch.setattr("ingestion.history.import_files", importing)
    with export_shelf.held(settings) as shelf:
        (shelf / "Count.csv-0123.parquet").touch()
        (shelf / "Count.csv-4567.new").touch()
        export_shelf.finish(settings, shelf)
        assert [file.name for file in shelf.iterdir()] == ["lock"]


def test_what_is_staged_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_loaded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "ingestion.export_shelf.sync_paths", lambda paths, _: said.append(paths[0].suffix)
    )
    monkeypatch.setattr("ingestion.history.import_files", lambda *_: said.append("loaded"))
    rows = Rows(pa.table({"value": [1.0]}), [], ["0" * 16])
    with export_shelf.held(settings) as shelf:
        export_shelf.load(settings, shelf, "Count.csv-1", rows, Known(set(), set(), set()))

    assert said == [".new", ".parquet", "loaded"]


def test_a_file_that_was_read_is_read_again_only_when_it_has_changed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr("lake.schema.create", lambda _: None)
    monkeypatch.setattr(export_shelf, "known", lambda _: Known(set(), set(), set()))
    monkeypatch.setattr(exports, "fresh", lambda file, *_, **__: read.append(file.name))
    form = ExportForm(
        settle_s=0, time_column="t", equipment="press01", signal="Count", value_column="v"
    )
    file, seen = tmp_path / "Count.csv", set[exports.Seen]()
    for content in ("t,v\n", "t,v\n", "t,v\n2026-01-01,1\n"):
        if not file.exists() or file.read_text() != content:
            file.write_text(content)
        exports.take_in(settings, tmp_path, form, seen=seen)

    assert read == ["Count.csv", "Count.csv"]
