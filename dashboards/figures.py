"""Figures, by question: frame in, figure out; an empty frame says what is missing.

Text, grid and background colours come from the style sheet, so that a figure fits light and dark
without being drawn again.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards import components, wording
from dashboards.queries.machine_losses import LossSum
from dashboards.queries.work_in_process import WipRow
from dashboards.theme import (
    FAVOURABLE,
    GOOD,
    LOOKS,
    LOST,
    MONEY,
    PLANNED_BUSY,
    TARGET,
    UNFAVOURABLE,
    Look,
    Spent,
)

_INK = "#6B7785"
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_ROW_PX = 180
_LEGEND_PX = 60
_GAP_PX = 34
_BAR_PX = 41
_LONGEST_PARETO = 9
_LONG_S = 10 * 3600


def message(text: str) -> go.Figure:
    """A figure that only says something."""
    figure = go.Figure()
    figure.add_annotation(text=text, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return _finish(figure, height=200)


def oee_per_shift(
    frame: pd.DataFrame, *, target: float, withheld_below: float, zone: ZoneInfo
) -> go.Figure:
    """One small multiple a line, one trace a shift name; provisional shifts are hollow.

    Args:
        frame: The columns of `shifts.oee_per_shift`.
        target: Where the target line stands, 0 to 1.
        withheld_below: A shift of which less has data, 0 to 1, is left out.
        zone: The site's time zone.
    """
    if frame.empty:
        return message("No shift recorded yet")
    is_told = frame["coverage_ratio"].fillna(1) >= withheld_below
    frame = frame.assign(oee_index=frame["oee_index"].where(is_told))
    lines = list(frame.groupby("equipment_id", sort=False))
    titles = [group["name"].iloc[0] for _, group in lines]
    figure = make_subplots(
        len(lines),
        1,
        shared_xaxes=True,
        subplot_titles=titles,
        vertical_spacing=_GAP_PX / (_ROW_PX * len(lines)),
    )
    styles = {shift_id: style for style, shift_id in enumerate(frame["shift_id"].unique())}
    told: set[str] = set()
    for row, (_, group) in enumerate(lines, start=1):
        for shift_id, shifts in group.groupby("shift_id", sort=False):
            trace = _shift_trace(shifts, styles[shift_id], zone, is_first=shift_id not in told)
            figure.add_trace(trace, row, 1)
            told.add(shift_id)
        figure.add_hline(
            target, row=row, col=1, line={"dash": "4px,3px", "color": TARGET, "width": 1}
        )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", dtick=0.5, fixedrange=True)
    figure.update_xaxes(tickformat="%-d %b", fixedrange=True, showgrid=False, ticklabelstandoff=6)
    for title in figure.layout.annotations[: len(lines)]:
        title.update(x=0, xanchor="left", yshift=2, font={"size": 13})
    figure.update_layout(
        legend={
            "orientation": "h",
            "x": 0,
            "y": -_GAP_PX / (_ROW_PX * len(lines)),
            "yanchor": "top",
        },
        hovermode="closest",
    )
    return _finish(figure, height=_LEGEND_PX + 30 + _ROW_PX * len(lines), top=30)


def pareto(frame: pd.DataFrame) -> go.Figure:
    """Bars by time lost, most first, with the cumulative share as a line.

    Args:
        frame: The columns of `stops.losses`.
    """
    if frame.empty:
        return message("No stop in this period")
    shown = _with_rest(frame)
    amounts = [f"{wording.duration(row.lost_s)} · {row.stops:,}×" for row in shown.itertuples()]
    unit, seconds = ("hours", 3600) if shown["lost_s"].max() > _LONG_S else ("minutes", 60)
    figure = go.Figure()
    figure.add_trace(_loss_bars(shown, amounts, shown["lost_s"] / seconds))
    figure.add_trace(_cumulative_share(shown, shown["lost_s"], "time"))
    _name_bars(figure, shown["reason_name"], amounts)
    figure.update_layout(_pareto_layout(unit))
    return _finish(figure, height=96 + _BAR_PX * len(shown), top=44)


def cost_pareto(frame: pd.DataFrame) -> go.Figure:
    """Bars by money lost, most first, with the cumulative share as a line; by time without rates.

    Args:
        frame: The columns of `stop_reasons.reason_costs`.
    """
    if frame.empty:
        return message("No stop of this period has a reason yet")
    priced = frame[frame["amount"].notna()]
    if priced.empty:
        return pareto(frame.assign(is_minor=False))
    currency = priced["currency"].mode().iloc[0]
    shown = _with_rest(priced[priced["currency"] == currency].assign(is_minor=False))
    amounts = [
        f"{wording.money(row.amount, currency)} · {wording.duration(row.lost_s)} · {row.stops:,}×"
        for row in shown.itertuples()
    ]
    figure = go.Figure()
    figure.add_trace(_loss_bars(shown, amounts, shown["amount"]))
    figure.add_trace(_cumulative_share(shown, shown["amount"], "money"))
    _name_bars(figure, shown["reason_name"], amounts)
    figure.update_layout(_pareto_layout(currency))
    return _finish(figure, height=96 + _BAR_PX * len(shown), top=44)


def waterfall(frame: pd.DataFrame) -> go.Figure:
    """Bars from planned busy time down to good time; each loss hangs where the one before ended.

    Args:
        frame: The columns of `shifts.waterfall`.
    """
    steps = _steps(frame)
    if not steps:
        return message("No shift in this period")
    planned = steps[0][1]
    unit, length = ("hours", 3600) if planned > _LONG_S else ("minutes", 60)
    amounts = [
        f"{wording.signed_duration(each)} · {wording.percent(each / planned)}" for _, each in steps
    ]
    bars = _step_bars(steps, amounts, length)
    figure = go.Figure(bars)
    _name_bars(figure, [look.label for look, _ in steps], amounts)
    figure.update_layout(
        bargap=0.62,
        xaxis={
            "title": {"text": unit, "font": {"size": 12}},
            "range": [0, 1.02 * max(*bars.base, *bars.x)],
            "fixedrange": True,
        },
        yaxis={"autorange": "reversed", "fixedrange": True, "showticklabels": False},
    )
    return _finish(figure, height=72 + _BAR_PX * len(steps), top=24)


def cost_waterfall(
    absorbed: Decimal, steps: Mapping[str, Decimal], actual: Decimal, currency: str
) -> go.Figure:
    """Bars from absorbed to actual cost; each variance hangs where the one before ended.

    Args:
        absorbed: What good pieces carry.
        steps: Variances by name, in order.
        actual: What it cost.
        currency: Of the amounts.
    """
    levels = [float(absorbed)]
    for amount in steps.values():
        levels.append(levels[-1] + float(amount))
    names = ["Absorbed: good pieces at standard", *steps, "Actual"]
    lengths = [float(absorbed), *(float(amount) for amount in steps.values()), float(actual)]
    looks = [MONEY, *(_direction(amount) for amount in steps.values()), MONEY]
    amounts = [
        wording.rounded_money(absorbed, currency),
        *(wording.variance(amount, currency) for amount in steps.values()),
        wording.rounded_money(actual, currency),
    ]
    start = _cropped(levels)
    figure = go.Figure(
        go.Bar(
            x=[length - start if place in (0, len(names) - 1) else length
               for place, length in enumerate(lengths)],
            y=names,
            base=[start, *levels[:-1], start],
            orientation="h",
            marker=_marker(looks),
            customdata=amounts,
            hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
        )
    )  # fmt: skip
    _name_bars(figure, names, amounts)
    title = f"{currency}, from {start:,.0f} on" if start else currency
    top = max(*levels, float(actual))
    figure.update_layout(_bars_layout(title, start, top + (top - start) * 0.02))
    return _finish(figure, height=72 + _BAR_PX * len(names), top=24)


def loss_costs(losses: Sequence[LossSum], currency: str) -> go.Figure:
    """Bars by money lost, most first, with the cumulative share; what was gained hangs below 0.

    Args:
        losses: What each reason or kind cost.
        currency: Of the amounts.
    """
    if not losses:
        return message("No machine time was lost")
    shown = _losses_shown(losses)
    names = [wording.loss(each.loss_detail, each.cause, each.reason_name) for each in shown]
    amounts = [
        f"{wording.rounded_money(each.amount, currency)} · "
        f"{wording.signed_duration(float(each.lost_s))}"
        for each in shown
    ]
    looks = [_loss_look(each) for each in shown]
    figure = go.Figure(
        go.Bar(
            x=[float(each.amount) for each in shown],
            y=names,
            orientation="h",
            marker=_marker(looks),
            customdata=list(zip(amounts, [look.label for look in looks], strict=True)),
            hovertemplate="<b>%{y}</b><br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            showlegend=False,
        )
    )
    lost = pd.Series([max(float(each.amount), 0.0) for each in shown])
    if lost.sum():
        share = lost.cumsum() / lost.sum()
        figure.add_trace(
            go.Scatter(
                x=share[lost > 0],
                y=[name for name, amount in zip(names, lost, strict=True) if amount > 0],
                xaxis="x2",
                mode="lines+markers",
                line={"color": _INK, "width": 1.5},
                marker={"size": 5},
                hovertemplate="%{x:.0%} of what losses cost up to here<extra></extra>",
                name="cumulative share",
            )
        )
    _name_bars(figure, names, amounts)
    figure.update_layout(_pareto_layout(currency))
    figure.update_layout(xaxis={"title": {"text": currency}, "tickformat": ",.0f", "nticks": 6})
    return _finish(figure, height=96 + _BAR_PX * len(shown), top=44)


AGES = {"up to 2 days": 2, "3 to 7 days": 7, "8 to 14 days": 14, "15 to 30 days": 30, "older": None}
"""How work in process is grouped by its age in days, each up to and including."""


def ages(orders: Sequence[WipRow], currency: str) -> go.Figure:
    """What is left in process, in bars by the age of its order, the youngest first."""
    left = dict.fromkeys(AGES, Decimal(0))
    count = dict.fromkeys(AGES, 0)
    for order in orders:
        if order.closing:
            name = next(n for n, most in AGES.items() if most is None or order.age_days <= most)
            left[name] += order.closing
            count[name] += 1
    if not any(count.values()):
        return message("Nothing is in process at the end of the period")
    amounts = [
        f"{wording.rounded_money(left[name], currency)} · {wording.count(count[name], 'order')}"
        if count[name]
        else "nothing"
        for name in AGES
    ]
    values = [float(amount) for amount in left.values()]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(AGES),
            orientation="h",
            marker=_marker([MONEY] * len(AGES)),
            customdata=amounts,
            hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
        )
    )
    _name_bars(figure, AGES, amounts)
    figure.update_layout(_bars_layout(currency, min(0.0, *values), 1.02 * max(0.0, *values)))
    return _finish(figure, height=72 + _BAR_PX * len(AGES), top=24)


def _direction(amount: Decimal) -> Look:
    if not amount:
        return MONEY
    return UNFAVOURABLE if amount > 0 else FAVOURABLE


def _cropped(levels: Sequence[float]) -> float:
    """Where the axis begins: at nought, unless variances were slivers there."""
    low, high = min(levels), max(levels)
    span = high - low
    if low <= 0 or span > high / 3:
        return 0.0
    step = 10 ** (len(str(int(span or 1))) - 1)
    return float(max((low - span) // step * step, 0))


def _bars_layout(title: str, start: float, end: float) -> dict[str, object]:
    return {
        "bargap": 0.62,
        "xaxis": {
            "title": {"text": title, "font": {"size": 12}},
            "range": [start, end],
            "tickformat": ",.0f",
            "nticks": 6,
            "fixedrange": True,
        },
        "yaxis": {"autorange": "reversed", "fixedrange": True, "showticklabels": False},
    }


def _losses_shown(losses: Sequence[LossSum]) -> list[LossSum]:
    if len(losses) <= _LONGEST_PARETO:
        return list(losses)
    gains = [each for each in losses if each.amount < 0]
    most = _LONGEST_PARETO - 1 - len(gains)
    rest = losses[most : len(losses) - len(gains)]
    other = LossSum(
        loss_detail="other",
        cause=None,
        reason_name=f"{len(rest)} other reasons",
        lost_s=sum((each.lost_s for each in rest), Decimal(0)),
        amount=sum((each.amount for each in rest), Decimal(0)),
    )
    return [*losses[:most], other, *gains]


_LOSS_LOOKS = {
    "uncovered": LOOKS[Spent.UNKNOWN],
    "setup": LOOKS[Spent.SETUP],
    "minor_stop": LOOKS[Spent.MINOR_STOP],
    "reduced_speed": LOST["reduced_speed"],
    "rejects": LOST["process_defects"],
    "not_delivered": Look("Good, not delivered", "#CC79A7", "#101418", "x"),
    "other": LOOKS[Spent.NO_ORDER],
}


def _loss_look(loss: LossSum) -> Look:
    if loss.loss_detail in _LOSS_LOOKS:
        return _LOSS_LOOKS[loss.loss_detail]
    return LOOKS[Spent.DELAY_EXTERNAL if loss.cause == "external" else Spent.DELAY_INTERNAL]


def _steps(frame: pd.DataFrame) -> list[tuple[Look, float]]:
    """How each step looks and its seconds, from planned busy time to good time."""
    names = frame["step"] + frame["cause"].map({"external": " external"}).fillna("")
    seconds = frame["seconds"].groupby(names).sum()
    if not seconds.get("planned_busy"):
        return []
    lost = [(look, float(seconds[step])) for step, look in LOST.items() if step in seconds]
    return [
        (PLANNED_BUSY, float(seconds["planned_busy"])),
        *lost,
        (GOOD, float(seconds.get("good", 0.0))),
    ]


def _step_bars(steps: list[tuple[Look, float]], amounts: list[str], length: int) -> go.Bar:
    """The ends stand on nought; what is lost between them hangs where the step before ended."""
    seconds = [each for _, each in steps]
    hangs = [seconds[0] - sum(seconds[1:number]) for number in range(2, len(seconds))]
    looks = [look for look, _ in steps]
    return go.Bar(
        x=[each / length for each in seconds],
        y=[look.label for look in looks],
        base=[base / length for base in (0.0, *hangs, 0.0)],
        orientation="h",
        marker=_marker(looks),
        customdata=amounts,
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )


def _marker(looks: list[Look]) -> dict[str, object]:
    return {
        "color": [look.colour for look in looks],
        "pattern": {
            "shape": [look.pattern for look in looks],
            "fillmode": "overlay",
            "fgcolor": "rgba(16,20,24,.5)",
            "size": 7,
            "solidity": 0.2,
        },
        "line": {"color": _INK, "width": 1},
    }


def _name_bars(figure: go.Figure, names: Iterable[str], amounts: Iterable[str]) -> None:
    """Name and amount above each bar: there is room for them, also on a phone."""
    for name, amount in zip(names, amounts, strict=True):
        figure.add_annotation(
            text=f"{name} · <b>{amount}</b>",
            x=0,
            xref="paper",
            xanchor="left",
            y=name,
            yshift=15,
            borderpad=0,
            showarrow=False,
        )


def _loss_bars(shown: pd.DataFrame, amounts: list[str], lengths: "pd.Series[float]") -> go.Bar:
    looks = [LOOKS[_kind(row)] for row in shown.itertuples()]
    return go.Bar(
        x=lengths,
        y=shown["reason_name"],
        orientation="h",
        marker=_marker(looks),
        customdata=list(zip(amounts, [look.label for look in looks], strict=True)),
        hovertemplate="<b>%{y}</b><br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        showlegend=False,
    )


def _cumulative_share(shown: pd.DataFrame, lost: "pd.Series[float]", what: str) -> go.Scatter:
    return go.Scatter(
        x=lost.cumsum() / lost.sum(),
        y=shown["reason_name"],
        xaxis="x2",
        mode="lines+markers",
        line={"color": _INK, "width": 1.5},
        marker={"size": 5},
        hovertemplate=f"%{{x:.0%}} of the lost {what} up to here<extra></extra>",
        name="cumulative share",
    )


def _pareto_layout(unit: str) -> dict[str, object]:
    return {
        "xaxis": {
            "title": {"text": f"{unit} lost", "font": {"size": 12}},
            "rangemode": "tozero",
            "fixedrange": True,
        },
        "xaxis2": {
            "overlaying": "x",
            "side": "top",
            "range": [0, 1.02],
            "tickvals": [0.5, 0.8, 1],
            "tickangle": 0,
            "tickformat": ".0%",
            "showgrid": False,
            "fixedrange": True,
        },
        "yaxis": {"autorange": "reversed", "fixedrange": True, "showticklabels": False},
        "bargap": 0.62,
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
    }


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
        line={"color": _INK, "width": 1.25, "dash": _DASHES[style % len(_DASHES)]},
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


def _kind(row: object) -> Spent:
    cause = getattr(row, "cause", None)
    if cause == "unknown":
        return Spent.UNKNOWN
    return components.spent("delay", cause, is_minor=bool(getattr(row, "is_minor", False)))


def _with_rest(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= _LONGEST_PARETO:
        return frame
    top, rest = frame.iloc[: _LONGEST_PARETO - 1], frame.iloc[_LONGEST_PARETO - 1 :]
    summed = {
        "reason_name": f"{len(rest)} other reasons",
        "cause": "unknown",
        "is_minor": False,
        **{
            name: rest[name].sum() for name in ("lost_s", "amount", "stops") if name in rest.columns
        },
    }
    return pd.concat([top, pd.DataFrame([summed])], ignore_index=True)


def _finish(figure: go.Figure, *, height: int, top: int = 8) -> go.Figure:
    return figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 8, "t": top, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "inherit", "size": 12, "color": _INK},
        xaxis_automargin=True,
        yaxis_automargin=True,
        uirevision="kept",
        separators=".,",
        modebar={"remove": ["zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale"]},
    )
