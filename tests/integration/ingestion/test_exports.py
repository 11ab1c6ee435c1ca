"""A historian's folder into the lake: each line once, whatever becomes of its file."""

from pathlib import Path

import pytest

from ingestion import export_shelf, history
from ingestion.export_form import ExportForm
from ingestion.exports import take_in
from lake import LockTimeout
from takt.settings import Settings
from tests.command import run_takt
from tests.integration.ingestion.conftest import query

FORM = ExportForm(
    settle_s=0,
    time_column="t",
    time_format="s",
    equipment="{folder}",
    signal="{file}",
    value_column="v",
)


def export(folder: Path, name: str, values: range) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{1_700_000_000 + value},{value}" for value in values]
    file.write_text("\n".join(["t,v", *lines]) + "\n")
    return file


def values(settings: Settings) -> list[tuple[object, ...]]:
    return query(
        settings,
        "select equipment, signal, list(cast(value as int) order by observed_at, value),"
        " bool_and(is_historical) from raw.telemetry group by 1, 2 order by 1, 2",
    )


def test_a_line_is_taken_once_also_from_files_that_grow_are_renamed_or_gain_a_column(
    lake_settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    file = export(folder, "line1/press01/Count.csv", range(3))
    same_elsewhere = export(folder, "line1/press02/Count.csv", range(3))

    first = take_in(lake_settings, folder, FORM)
    assert [taken.rows for taken in first] == [3, 3]
    assert take_in(lake_settings, folder, FORM) == []

    export(folder, "line1/press01/Count.csv", range(5))
    same_elsewhere.rename(same_elsewhere.with_name("Count.2026.csv"))
    wider = same_elsewhere.with_name("Count.wider.csv")
    wider.write_text("t,v,unused\n1700000000,0,1\n1700000001,1,1\n1700000002,2,1\n")
    assert [taken.rows for taken in take_in(lake_settings, folder, FORM)] == [2]

    file.write_text(file.read_text().replace("3,3", "3,30"))
    wider.write_text(f"{wider.read_text()}1700000003,3,1\n")
    changed, grown = take_in(lake_settings, folder, FORM)
    assert "lines taken before have changed" in changed.detail
    assert grown.rows == 1

    file.unlink()
    assert values(lake_settings) == [
        ("line1/press01", "Count", [0, 1, 2, 3, 4], True),
        ("line1/press02", "Count", [0, 1, 2, 3], True),
    ]


def test_one_import_of_exports_runs_at_a_time(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)

    with export_shelf.held(settings), pytest.raises(LockTimeout, match="is under way"):
        take_in(settings, tmp_path, FORM)


def test_a_crash_before_the_last_commit_is_made_good_also_when_the_file_has_grown_since(
    lake_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.history_files.CHUNK_ROWS", 2)
    export(tmp_path, "press01/Count.csv", range(5))
    run = history._Import._commit
    calls: list[int] = []

    def dying(self: object, *arguments: object, **options: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        run(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("ingestion.history._Import._commit", dying)
    with pytest.raises(KeyboardInterrupt):
        take_in(lake_settings, tmp_path, FORM)
    export(tmp_path, "press01/Count.csv", range(7))
    take_in(lake_settings, tmp_path, FORM)

    assert values(lake_settings) == [("press01", "Count", [0, 1, 2, 3, 4, 5, 6], True)]


def test_the_command_names_what_it_took_and_where_the_rest_is_kept(
    lake_settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    good = export(folder, "press01/Count.csv", range(2))
    export(folder, "press01/Speed.csv", range(1)).write_text("t,v\n1700000000,1\nnever,2\n")
    export(folder, "press01/Other.csv", range(1)).write_text("a,b\n1,2\n")
    form = tmp_path / "form.toml"
    form.write_text(
        'settle_s = 0\ntime_column = "t"\ntime_format = "s"\nvalue_column = "v"\n'
        'equipment = "{folder}"\nsignal = "{file}"\n'
    )

    said = run_takt(lake_settings, "import", folder, "--form", form, exit_code=1).splitlines()

    assert f"{good}: 2 new samples, the first press01 Count 2023-11-14T22:13:20Z 0.0" in said
    [other] = [line for line in said if "Other.csv" in line]
    assert "left out, the others go on: " in other
    assert "lacks column t" in other
    [speed] = [line for line in said if "Speed.csv:" in line]
    assert "1 new samples, the first press01 Speed " in speed
    assert ", 1 lines cannot be read: they are kept in " in speed
    kept = Path(speed.rpartition(" in ")[2]).read_text().splitlines()
    assert kept[1].startswith("3,time never cannot be read,")
