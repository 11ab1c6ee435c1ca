"""How something went over time: OEE, shift by shift.

Belongs here: figures with a time axis.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards import wording
from dashboards.figures.drawing import INK, finish, message
from dashboards.theme import TARGET

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_ROW_PX = 180
_LEGEND_PX = 60
_GAP_PX = 34


def oee_per_shift(
    frame: pd.DataFrame, *, target: float, withheld_below: float, zone: ZoneInfo
) -> go.Figure:
    """One small multiple a line, one trace a shift name; provisional shifts are hollow.

    Args:
        frame: The columns of `queries.shifts.oee_per_shift`.
        target: Where the target line stands, 0 to 1.
        withheld_below: A shift of which less has data, 0 to 1, is left out.
        zone: The site's time zone.
    """
    if frame.empty:
        return message("No shift recorded yet")
    is_told = frame["coverage_ratio"].fillna(1) >= withheld_below
    frame = frame.assign(oee_index=frame["oee_index"].where(is_told))
    lines = [line for _, line in frame.groupby("equipment_id", sort=False)]
    figure = _small_multiples([line["name"].iloc[0] for line in lines])
    styles = {shift_id: style for style, shift_id in enumerate(frame["shift_id"].unique())}
    told: set[str] = set()
    for row, line in enumerate(lines, start=1):
        for shift_id, shifts in line.groupby("shift_id", sort=False):
            trace = _shift_trace(shifts, styles[shift_id], zone, is_first=shift_id not in told)
            figure.add_trace(trace, row, 1)
            told.add(shift_id)
        figure.add_hline(
            target, row=row, col=1, line={"dash": "4px,3px", "color": TARGET, "width": 1}
        )
    return finish(figure, height=_LEGEND_PX + 30 + _ROW_PX * len(lines), top=30)


def _small_multiples(titles: Sequence[str]) -> go.Figure:
    """Empty axes of ratios over days, one below the other, each with its title."""
    gap = _GAP_PX / (_ROW_PX * len(titles))
    figure = make_subplots(
        len(titles), 1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=gap
    )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", dtick=0.5, fixedrange=True)
    figure.update_xaxes(tickformat="%-d %b", fixedrange=True, showgrid=False, ticklabelstandoff=6)
    for title in figure.layout.annotations:
        title.update(x=0, xanchor="left", yshift=2, font={"size": 13})
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": -gap, "yanchor": "top"}, hovermode="closest"
    )
    return figure


def _shift_trace(shifts: pd.DataFrame, style: int, zone: ZoneInfo, *, is_first: bool) -> go.Scatter:
    shift_id = shifts["shift_id"].iloc[0]
    symbol = _SYMBOLS[style % len(_SYMBOLS)]
    return go.Scatter(
        x=[
            wording.local(at.to_pydatetime(), zone).replace(tzinfo=None)
            for at in shifts["shift_started_at"]
        ],
        y=shifts["oee_index"],
        customdata=list(
            zip(shifts["equipment_id"], shifts["shift_started_at"].astype(str), strict=True)
        ),
        mode="lines+markers",
        connectgaps=False,
        name=wording.shift_name(shift_id),
        legendgroup=shift_id,
        showlegend=is_first,
        line={"color": INK, "width": 1.25, "dash": _DASHES[style % len(_DASHES)]},
        marker={
            "size": 7,
            "symbol": [
                f"{symbol}-open" if hollow else symbol for hollow in shifts["is_provisional"]
            ],
        },
        text=[_shift_in_words(row, zone) for row in shifts.itertuples()],
        hovertemplate="%{text}<extra></extra>",
    )


def _shift_in_words(row: object, zone: ZoneInfo) -> str:
    values = row._asdict()  # type: ignore[attr-defined]
    day = wording.local(values["shift_started_at"].to_pydatetime(), zone).strftime("%a %-d %b")
    lines = [
        f"<b>{values['name']} · {wording.shift_name(values['shift_id'])} {day}</b>",
        f"OEE {wording.percent(_known(values['oee_index']))}",
        f"Availability {wording.percent(_known(values['availability']))} × "
        f"Effectiveness {wording.percent(_known(values['effectiveness']))} × "
        f"Quality {wording.percent(_known(values['quality_ratio']))}",
    ]
    if values["is_provisional"]:
        lines.append(f"Provisional: {wording.percent(_known(values['coverage_ratio']))} has data")
    return "<br>".join(lines)


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
