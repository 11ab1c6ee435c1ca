"""Exports of historians, as they really look, to rows of the import form."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.export_form import ExportForm, load_form
from ingestion.export_rows import (
    BadLine,
    ExportError,
    Fixed,
    Rows,
    fresh,
    rows_of_csv,
    rows_of_parquet,
)
from takt.errors import ConfigurationError

LONG = {
    "time_column": "Time",
    "signal_column": "Tag",
    "value_column": "Value",
    "equipment": "line1",
}

FIXED = Fixed("line1", "Speed", "demo")


def read(folder: Path, content: str, **form: object) -> Rows:
    file = folder / "export.csv"
    file.write_bytes(content.encode(str(form.get("encoding", "utf-8"))))
    new = fresh(file, "", set(), is_at_rest=True)
    assert new is not None
    return rows_of_csv(file, new, ExportForm.model_validate(form), FIXED)


def samples(rows: Rows) -> list[tuple[object, ...]]:
    return [
        (row["equipment"], row["signal"], row["observed_at"], row["value"], row["text"])
        for row in rows.good.to_pylist()
    ]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_decimal_commas_local_times_and_texts(tmp_path):
    rows = read(
        tmp_path,
        "Zeit;Größe;Wert\n29.03.2026 01:59:59;Drehzahl;12,5\n29.03.2026 03:00:00;Zustand;läuft\n",
        **{**LONG, "time_column": "Zeit", "signal_column": "Größe", "value_column": "Wert"},
        delimiter=";",
        decimal=",",
        encoding="latin-1",
        time_format="%d.%m.%Y %H:%M:%S",
        time_zone="Europe/Berlin",
        texts=["Zustand"],
    )

    assert rows.bad == []
    assert samples(rows) == [
        ("line1", "Drehzahl", at("2026-03-29T00:59:59"), 12.5, None),
        ("line1", "Zustand", at("2026-03-29T01:00:00"), None, "läuft"),
    ]
    assert set(rows.good["is_historical"].to_pylist()) == {True}


@pytest.mark.parametrize(
    ("zone", "times", "expected", "reason"),
    [
        (
            "Europe/Berlin",
            ["2026-10-25 01:59", "2026-10-25 02:00", "2026-10-25 02:59", "2026-10-25 03:00"],
            ["2026-10-24T23:59", "2026-10-25T02:00"],
            "was there twice",
        ),
        (
            "Europe/Berlin",
            ["2026-03-29 01:59", "2026-03-29 02:00", "2026-03-29 02:59", "2026-03-29 03:00"],
            ["2026-03-29T00:59", "2026-03-29T01:00"],
            "did not exist",
        ),
        (
            "Australia/Lord_Howe",
            ["2026-04-05 01:29", "2026-04-05 01:30", "2026-04-05 01:59", "2026-04-05 02:00"],
            ["2026-04-04T14:29", "2026-04-04T15:30"],
            "was there twice",
        ),
    ],
)
def test_times_at_which_clocks_change_are_read_only_with_their_offset(
    tmp_path, zone, times, expected, reason
):
    for time_format in ("iso", "%Y-%m-%d %H:%M"):
        told = {**LONG, "time_zone": zone, "time_format": time_format}
        rows = read(tmp_path, "\n".join(["Time,Tag,Value", *(f"{t},A,1" for t in times)]), **told)

        assert [moment for _, _, moment, _, _ in samples(rows)] == [at(time) for time in expected]
        expected_reasons = [f"time {time} {reason}: clocks" for time in times[1:3]]
        assert [why[: len(expected_reasons[0])] for _, why, *_ in rows.bad] == expected_reasons


@pytest.mark.parametrize(
    ("time", "time_format"),
    [
        ("2026-10-25T00:30:00Z", "iso"),
        ("2026-10-25 02:30:00+02:00", "iso"),
        ("2026-10-25 02:30 +0200", "%Y-%m-%d %H:%M %z"),
        ("1792888200", "s"),
    ],
)
def test_times_that_say_their_zone_are_read_in_each_night(tmp_path, time, time_format):
    told = {**LONG, "time_zone": "Europe/Berlin", "time_format": time_format}

    [sample] = samples(read(tmp_path, f"Time,Tag,Value\n{time},A,1\n", **told))
    assert sample[2].timestamp() == at("2026-10-25T00:30").timestamp()


def test_a_wide_file_is_one_signal_a_column_and_an_empty_cell_is_no_sample(tmp_path):
    content = "t,machine,Speed,Temp 1\n1700000000123,line1/a,1,\n1700000000124,line1/b,2,3.5\n"
    wide = {"time_column": "t", "time_format": "ms", "equipment_column": "machine"}
    first, second = datetime.fromtimestamp(1700000000.123, UTC), at("2023-11-14T22:13:20.124")
    expected = [
        ("line1/a", "Speed", first, 1.0, None),
        ("line1/b", "Speed", second, 2.0, None),
        ("line1/b", "Temp 1", second, 3.5, None),
    ]

    assert sorted(samples(read(tmp_path, content, **wide, is_wide=True))) == expected
    named = read(tmp_path, content, **wide, signals={"Temp 1": "Temperature"})
    assert samples(named) == [("line1/b", "Temperature", second, 3.5, None)]


def test_lines_that_cannot_be_read_are_named_and_the_others_go_on(tmp_path):
    rows = read(
        tmp_path,
        "Time,Tag,Value\n2026-01-01T00:00:00Z,A,1\nyesterday,A,2\n2026-01-01,B\n\n"
        "2026-01-01T00:00:01Z,$link,3\n2026-01-01T00:00:02Z,A,\n2026-01-01T00:00:03Z,A,4\n",
        **LONG,
    )

    assert [value for _, _, _, value, _ in samples(rows)] == [1.0, 4.0]
    assert [(line, reason) for line, reason, *_ in rows.bad] == [
        (3, "time yesterday cannot be read"),
        (4, "2 columns instead of 3"),
        (6, "signal $link is no name"),
        (7, "value is empty"),
    ]


@pytest.mark.parametrize(("decimal", "value"), [(".", "1,5"), (",", "1.234,5")])
def test_what_is_no_number_is_a_text_only_where_the_form_says_so(tmp_path, decimal, value):
    content = f"Time;Tag;Value\n2026-01-01;A;{value}\n2026-01-01;B;x\n2026-01-01;B;2\n"
    form = {**LONG, "delimiter": ";", "decimal": decimal}
    told = [(f"value {value} is no number"), "value x is no number"]

    assert [reason for _, reason, *_ in read(tmp_path, content, **form).bad] == told
    named = read(tmp_path, content, **form, texts=["B"])
    assert [reason for _, reason, *_ in named.bad] == told[:1]
    assert [sample[3:] for sample in samples(named)] == [(None, "x"), (2.0, None)]
    assert read(tmp_path, content, **form, is_text=True).bad == []


def test_a_bad_value_keeps_its_row_and_an_unknown_quality_is_a_bad_line(tmp_path):
    qualities = ["Good", "64", "bad", "BAD", "216", ""]
    lines = [f"2026-01-01T00:00:0{place}Z,A,{place},{q}" for place, q in enumerate(qualities)]
    content = "\n".join(["Time,Tag,Value,Q", *lines]).replace("A,3,BAD", "A,,BAD")

    rows = read(tmp_path, content, **LONG, quality_column="Q")
    assert [(row["value"], row["quality"]) for row in rows.good.to_pylist()] == [
        (0.0, 0),
        (1.0, 1),
        (None, 2),
        (None, 2),
    ]
    assert [reason for _, reason, *_ in rows.bad] == [
        "quality 216 is not in qualities",
        "quality (empty) is not in qualities",
    ]
    assert read(tmp_path, content, **LONG).good.num_rows == 5
    with pytest.raises(ExportError, match="lacks column Quality"):
        read(tmp_path, content, **LONG, quality_column="Quality")


def test_a_quality_of_a_wide_file_is_of_all_its_cells(tmp_path):
    wide = {"time_column": "t", "is_wide": True, "equipment": "line1", "quality_column": "Q"}
    rows = read(tmp_path, "t,A,B,Q\n2026-01-01,1,2,x\n", **wide, qualities={"X": 2})

    assert [row[1:] for row in samples(rows)] == [
        ("A", at("2026-01-01"), None, None),
        ("B", at("2026-01-01"), None, None),
    ]


def test_rejected_lines_are_an_export_for_the_form_that_was_mended(tmp_path):
    wide = {"time_column": "t", "is_wide": True, "equipment": "line1", "delimiter": ";"}
    rows = read(tmp_path, "t;A;B\n2026-01-01T00:00:00Z;1,5;2\n2026-01-01T00:00:01Z;3;4,5\n", **wide)
    rejected = "\n".join(";".join(map(str, line)) for line in (BadLine._fields, *rows.bad))
    mended = {"time_column": "time", "equipment_column": "equipment", "signal_column": "signal"}

    again = read(tmp_path, rejected, **mended, value_column="value", delimiter=";", decimal=",")
    assert again.bad == []
    assert sorted(sample[1:4] for sample in [*samples(rows), *samples(again)]) == [
        ("A", at("2026-01-01T00:00:00"), 1.5),
        ("A", at("2026-01-01T00:00:01"), 3.0),
        ("B", at("2026-01-01T00:00:00"), 2.0),
        ("B", at("2026-01-01T00:00:01"), 4.5),
    ]


def test_parquet_and_compressed_files_are_read_too(tmp_path):
    file = tmp_path / "export.parquet"
    moments = pa.array([1_700_000_000_000_000], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"Time": moments, "Tag": ["A"], "Value": [1.5]}), file)
    form = ExportForm.model_validate(LONG)
    packed = tmp_path / "export.csv.gz"
    packed.write_bytes(gzip.compress(b"Time,Tag,Value\n2023-11-14T22:13:20Z,A,1.5\n"))
    new = fresh(packed, "", set(), is_at_rest=True)
    assert new is not None

    expected = [("line1", "A", at("2023-11-14T22:13:20"), 1.5, None)]
    assert samples(rows_of_parquet(file, form, FIXED)) == expected
    assert samples(rows_of_csv(packed, new, form, FIXED)) == expected


def test_a_file_without_a_column_of_the_form_is_refused_whole(tmp_path):
    with pytest.raises(ExportError, match="lacks column Value; it has Time, Tag"):
        read(tmp_path, "Time,Tag\n2026-01-01,A\n", **LONG)


@pytest.mark.parametrize(
    ("content", "form", "told"),
    [
        ("Time,Tag,value,Value\n2026-01-01,A,1,2\n", {}, "repeats column value; name each once"),
        ("Time,Tag,Value\n2026-01-01,A,1\n", {"time_format": "%Q"}, "export.csv: "),
        ("", {}, "no readable CSV file"),
    ],
)
def test_what_is_no_such_export_is_one_line(tmp_path, content, form, told):
    with pytest.raises(ExportError, match=told) as raised:
        read(tmp_path, content, **LONG, **form)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_byte_outside_the_encoding_is_one_line(tmp_path, encoding):
    file = tmp_path / "export.csv"
    file.write_bytes(b"Time,Tag,Value\n2026-01-01,A\x81,1\n")
    new = fresh(file, "", set(), is_at_rest=True)
    assert new is not None

    with pytest.raises(ExportError, match="no readable CSV file: ") as raised:
        rows_of_csv(file, new, ExportForm.model_validate({**LONG, "encoding": encoding}), FIXED)
    assert "\n" not in str(raised.value)


def test_a_compressed_file_that_was_cut_is_refused(tmp_path):
    file = tmp_path / "export.csv.gz"
    file.write_bytes(gzip.compress(b"Time,Tag,Value\n" * 1_000)[:-20])

    with pytest.raises(ExportError, match="cannot be read"):
        fresh(file, "", set(), is_at_rest=True)


@given(st.lists(st.integers(0, 9), min_size=1), st.data(), st.booleans())
def test_of_a_file_that_grows_each_line_is_new_once(tmp_path_factory, values, drawn, is_ended):
    file = tmp_path_factory.mktemp("grown") / "export.csv"
    lines = [f"{value},{place}" for place, value in enumerate(values)]
    cuts = [*sorted(drawn.draw(st.lists(st.integers(1, len(lines)), max_size=3))), len(lines)]
    known: set[str] = set()
    taken: list[str] = []
    for cut in cuts:
        file.write_text("\n".join(["head,line", *lines[:cut]]) + ("\n" if is_ended else ""))
        if (new := fresh(file, "", known, is_at_rest=True)) is not None:
            known.add(new.digest)
            taken += new.content.decode().splitlines()[1:]

    assert taken == lines
    assert fresh(file.rename(file.with_suffix(".old")), "", known, is_at_rest=True) is None


def test_half_a_line_waits_until_its_file_is_at_rest(tmp_path):
    file = tmp_path / "export.csv"
    file.write_text("Time,Value\n1,1\n2,1")

    half = fresh(file, "", set(), is_at_rest=False)
    assert half is not None
    assert half.content == b"Time,Value\n1,1\n"
    assert fresh(file, "", {half.digest}, is_at_rest=False) is None
    file.write_text("Time,Value\n1,1\n2,123\n")
    ended = fresh(file, "", {half.digest}, is_at_rest=False)
    assert ended is not None
    assert ended.content == b"Time,Value\n2,123\n"


@pytest.mark.parametrize("changed", [2, 3, 5])
def test_a_file_of_which_a_line_has_changed_starts_as_it_did(tmp_path, changed):
    lines = [f"2026-01-01T00:00:0{place}Z,A,{place}" for place in range(5)]
    mended = list(lines)
    lines[changed - 2] = "never,A,0"

    def starts(content: list[str]) -> set[str]:
        return set(read(tmp_path, "\n".join(["Time,Tag,Value", *content, ""]), **LONG).starts)

    assert starts(lines) & starts(mended)
    assert not starts(lines) & starts([line.replace("2026", "2027") for line in lines])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("delimeter = ';'", "delimeter: Extra inputs"),
        ("time_zone = 'Berlin'", "time_zone: 'Berlin' is no time zone"),
        ("encoding = 'utf-16'", "encoding: lines of 'utf-16' cannot be told apart"),
        ("encoding = 'ansi'", "encoding: 'ansi' is no encoding"),
        ("time_format = 'h'", "time_format: 'h' is none of iso, s, ms, us"),
        ("is_wide = true", "wide files have signals or is_wide"),
        ("equipment_column = 'E'", "equipment must be given once"),
    ],
)
def test_a_wrong_form_is_one_line(tmp_path, line, told):
    file = tmp_path / "form.toml"
    good = "\n".join(f"{key} = '{value}'" for key, value in LONG.items())
    file.write_text(f"{good}\n{line}\n")

    with pytest.raises(ConfigurationError) as raised:
        load_form(file)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
