from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboards.figures import paretos, trends, waterfalls
from dashboards.queries.shifts import oee_per_shift
from tests.unit.dashboards import plant

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def shifts(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    return oee_per_shift(con, first_day=plant.DAY - pd.Timedelta(days=13), work_center_id=None)


def shift_figure(frame: pd.DataFrame, target: float = 0.85) -> go.Figure:
    return trends.oee_per_shift(frame, target=target, withheld_below=0.9, zone=BERLIN)


def losses(*rows: tuple[str, str, bool, float, int]) -> pd.DataFrame:
    columns = ["reason_name", "cause", "is_minor", "lost_s", "stops"]
    return pd.DataFrame(rows, columns=columns)


def words(figure: object) -> list[str]:
    return [note.text for note in figure.layout.annotations]  # type: ignore[attr-defined]


def test_a_line_has_its_own_multiple_and_a_shift_name_its_own_trace(shifts: pd.DataFrame) -> None:
    figure = shift_figure(shifts)

    assert words(figure)[:2] == ["Line 1", "Line 2"]
    assert [trace.name for trace in figure.data] == ["Early shift", "Late shift"] * 2
    assert len(figure.data[0].y) == 14


def test_shift_names_differ_by_more_than_position(shifts: pd.DataFrame) -> None:
    early, late = shift_figure(shifts).data[:2]

    assert early.line.dash != late.line.dash
    assert early.marker.symbol[0] != late.marker.symbol[0]


def test_shifts_stand_at_their_local_time(shifts: pd.DataFrame) -> None:
    early = shift_figure(shifts).data[0]

    assert {at.hour for at in early.x} == {6}


def test_the_target_is_a_line_in_every_multiple(shifts: pd.DataFrame) -> None:
    figure = shift_figure(shifts, target=0.7)

    assert [shape.y0 for shape in figure.layout.shapes] == [0.7, 0.7]


def test_a_provisional_shift_is_hollow_and_says_why(shifts: pd.DataFrame) -> None:
    shifts.loc[0, ["is_provisional", "coverage_ratio"]] = [True, 0.94]
    early = shift_figure(shifts).data[0]

    assert early.marker.symbol[0] == "circle-open"
    assert early.marker.symbol[1] == "circle"
    assert "Provisional" in early.text[0]


def test_a_withheld_oee_is_a_gap_not_a_zero(shifts: pd.DataFrame) -> None:
    shifts.loc[0, "oee_index"] = None
    early = shift_figure(shifts).data[0]

    assert pd.isna(early.y[0])
    assert not early.connectgaps


def test_the_pareto_keeps_the_order_and_ends_at_everything() -> None:
    bars, cumulated = paretos.stop_time(
        losses(("Jam", "internal", False, 5400.0, 6), ("Starved", "external", False, 1800.0, 2))
    ).data

    assert list(bars.x) == [90, 30]
    assert list(cumulated.x) == [0.75, 1.0]


def test_the_pareto_tells_causes_by_pattern_too() -> None:
    bars = paretos.stop_time(
        losses(
            ("Jam", "internal", False, 60.0, 1),
            ("Starved", "external", False, 50.0, 1),
            ("Minor stops", "internal", True, 40.0, 1),
            ("No reason given", "unknown", False, 30.0, 1),
        )
    ).data[0]

    assert len(set(bars.marker.color)) == len(set(bars.marker.pattern.shape)) == 4


def test_a_shift_with_little_data_is_withheld(shifts: pd.DataFrame) -> None:
    shifts.loc[0, ["coverage_ratio", "oee_index"]] = [0.1, 0.0]
    early = shift_figure(shifts).data[0]

    assert pd.isna(early.y[0])


def test_shift_names_of_any_line_stand_in_the_legend_once(shifts: pd.DataFrame) -> None:
    second = shifts["equipment_id"] == "assembly/line2"
    shifts.loc[second, "shift_id"] = shifts.loc[second, "shift_id"].replace("late", "night")
    figure = shift_figure(shifts)

    assert [trace.name for trace in figure.data if trace.showlegend] == [
        "Early shift",
        "Late shift",
        "Night shift",
    ]


def test_long_losses_are_drawn_in_hours() -> None:
    figure = paretos.stop_time(losses(("Jam", "internal", False, 72_000.0, 3)))

    assert list(figure.data[0].x) == [20]
    assert figure.layout.xaxis.title.text == "hours lost"


def test_many_reasons_end_in_one_bar_for_the_rest() -> None:
    rows = [(f"Reason {n}", "internal", False, 100.0 - n, 1) for n in range(30)]
    bars = paretos.stop_time(losses(*rows)).data[0]

    assert len(bars.y) == 9
    assert bars.y[-1] == "22 other reasons"
    assert sum(bars.x) == pytest.approx(sum(row[3] for row in rows) / 60)


def steps(*rows: tuple[str, str | None, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["step", "cause", "seconds"])


def test_the_waterfall_falls_from_planned_time_to_good_time() -> None:
    """WE-32: 10.5 h planned, 1.5 h of setup, half an hour of stops, 8.0 h good."""
    frame = steps(
        ("planned_busy", None, 37_800.0),
        ("process_defects", None, 1_080.0),
        ("good", None, 28_800.0),
        ("reduced_speed", None, 720.0),
        ("unplanned_stops", "internal", 1_500.0),
        ("unplanned_stops", "external", 300.0),
        ("setup_and_adjustment", None, 5_400.0),
    )
    bars = waterfalls.planned_time(frame).data[0]

    assert list(bars.y) == [
        "Planned busy time",
        "Setup",
        "Stopped, internal cause",
        "Waiting, external cause",
        "Reduced speed",
        "Process defects",
        "Good time",
    ]
    tops = [base + length for base, length in zip(bars.base, bars.x, strict=True)]
    assert tops[1:-1] == pytest.approx([bars.x[0], *bars.base[1:-2]])
    assert bars.base[-2] == pytest.approx(bars.x[-1])
    assert [bars.base[0], bars.base[-1]] == [0, 0]
    assert bars.customdata[0].endswith("100.0\N{NARROW NO-BREAK SPACE}%")


def test_a_speed_above_the_standard_is_a_loss_below_nought() -> None:
    frame = steps(
        ("planned_busy", None, 3_600.0), ("reduced_speed", None, -600.0), ("good", None, 4_200.0)
    )
    bars = waterfalls.planned_time(frame).data[0]

    assert list(bars.x) == [60, -10, 70]
    assert list(bars.base) == [0, 70, 0]
    assert bars.customdata[1].startswith("−10")
    assert waterfalls.planned_time(frame).layout.xaxis.range[1] > 70


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (waterfalls.planned_time(steps()), "No shift in this period"),
        (paretos.stop_time(losses()), "No stop in this period"),
        (
            shift_figure(pd.DataFrame()),
            "No shift recorded yet",
        ),
    ],
)
def test_an_empty_frame_says_so(figure: object, said: str) -> None:
    assert words(figure) == [said]
