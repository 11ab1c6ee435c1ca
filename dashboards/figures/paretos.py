"""What cost most: bars, most first, with the cumulative share as a line.

Belongs here: figures of losses by reason; the reasons beyond the ninth bar are one.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pandas as pd
import plotly.graph_objects as go

from dashboards import components, wording
from dashboards.figures import bars
from dashboards.figures.drawing import INK, message
from dashboards.queries.machine_losses import LossSum
from dashboards.theme import LOOKS, LOST, Look, Spent

_LONGEST = 9
_LOSS_LOOKS = {
    "uncovered": LOOKS[Spent.UNKNOWN],
    "setup": LOOKS[Spent.SETUP],
    "minor_stop": LOOKS[Spent.MINOR_STOP],
    "reduced_speed": LOST["reduced_speed"],
    "rejects": LOST["process_defects"],
    "not_delivered": Look("Good, not delivered", "#CC79A7", "#101418", "x"),
    "other": LOOKS[Spent.NO_ORDER],
}


def stop_time(frame: pd.DataFrame) -> go.Figure:
    """Bars by time lost to stops.

    Args:
        frame: The columns of `queries.stops.losses`.
    """
    if frame.empty:
        return message("No stop in this period")
    shown = _with_rest(frame)
    unit, seconds = bars.time_unit(shown["lost_s"].max())
    amounts = [f"{wording.duration(row.lost_s)} · {row.stops:,}×" for row in shown.itertuples()]
    return _pareto(
        shown["lost_s"] / seconds,
        shown["reason_name"],
        amounts,
        _stop_looks(shown),
        share=_share(shown["lost_s"], shown["reason_name"], "the lost time"),
        layout=_layout(f"{unit} lost"),
    )


def stop_money(frame: pd.DataFrame) -> go.Figure:
    """Bars by money lost to stops; by time without rates.

    Args:
        frame: The columns of `queries.stop_reasons.reason_costs`.
    """
    if frame.empty:
        return message("No stop of this period has a reason yet")
    priced = frame[frame["amount"].notna()]
    if priced.empty:
        return stop_time(frame.assign(is_minor=False))
    currency = priced["currency"].mode().iloc[0]
    shown = _with_rest(priced[priced["currency"] == currency].assign(is_minor=False))
    amounts = [
        f"{wording.money(row.amount, currency)} · {wording.duration(row.lost_s)} · {row.stops:,}×"
        for row in shown.itertuples()
    ]
    return _pareto(
        shown["amount"],
        shown["reason_name"],
        amounts,
        _stop_looks(shown),
        share=_share(shown["amount"], shown["reason_name"], "the lost money"),
        layout=_layout(f"{currency} lost", tickformat=","),
    )


def machine_losses(losses: Sequence[LossSum], currency: str) -> go.Figure:
    """Bars by money lost with machine time; what was gained hangs below 0 and has no share.

    Args:
        losses: What each reason or kind cost, most first.
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
    lengths = [float(each.amount) for each in shown]
    return _pareto(
        lengths,
        names,
        amounts,
        [_loss_look(each) for each in shown],
        share=_share_of_losses(lengths, names),
        layout=_layout(currency, tickformat=",.0f", nticks=6),
    )


def _pareto(
    lengths: "Sequence[float] | pd.Series[float]",
    names: "Sequence[str] | pd.Series[str]",
    amounts: Sequence[str],
    looks: Sequence[Look],
    *,
    share: go.Scatter | None,
    layout: Mapping[str, object],
) -> go.Figure:
    losses = go.Bar(
        x=lengths,
        y=names,
        orientation="h",
        marker=bars.marker(looks),
        customdata=list(zip(amounts, [look.label for look in looks], strict=True)),
        hovertemplate="<b>%{y}</b><br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        showlegend=False,
    )
    figure = go.Figure([losses, *([share] if share else [])])
    return bars.named(figure, names, amounts, layout, around_px=96, top_px=44)


def _share(
    lost: "pd.Series[float]", names: "Sequence[str] | pd.Series[str]", what: str
) -> go.Scatter:
    """The cumulative share, as a line."""
    return go.Scatter(
        x=lost.cumsum() / lost.sum(),
        y=names,
        xaxis="x2",
        mode="lines+markers",
        line={"color": INK, "width": 1.5},
        marker={"size": 5},
        hovertemplate=f"%{{x:.0%}} of {what} up to here<extra></extra>",
        name="cumulative share",
    )


def _share_of_losses(lengths: Sequence[float], names: Sequence[str]) -> go.Scatter | None:
    """The cumulative share without what was gained; None where nothing was lost."""
    lost = [(length, name) for length, name in zip(lengths, names, strict=True) if length > 0]
    if not lost:
        return None
    amounts, losers = zip(*lost, strict=True)
    return _share(pd.Series(amounts), losers, "what losses cost")


def _layout(title: str, **axis: object) -> dict[str, object]:
    return {
        "xaxis": {
            "title": {"text": title, "font": {"size": 12}},
            "rangemode": "tozero",
            "fixedrange": True,
            **axis,
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
        "yaxis": bars.NAMELESS,
        "bargap": bars.GAP,
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
    }


def _stop_looks(shown: pd.DataFrame) -> list[Look]:
    return [LOOKS[_kind(row)] for row in shown.itertuples()]


def _kind(row: object) -> Spent:
    cause = getattr(row, "cause", None)
    if cause == "unknown":
        return Spent.UNKNOWN
    return components.spent("delay", cause, is_minor=bool(getattr(row, "is_minor", False)))


def _with_rest(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= _LONGEST:
        return frame
    top, rest = frame.iloc[: _LONGEST - 1], frame.iloc[_LONGEST - 1 :]
    summed = {
        "reason_name": f"{len(rest)} other reasons",
        "cause": "unknown",
        "is_minor": False,
        **{
            name: rest[name].sum() for name in ("lost_s", "amount", "stops") if name in rest.columns
        },
    }
    return pd.concat([top, pd.DataFrame([summed])], ignore_index=True)


def _losses_shown(losses: Sequence[LossSum]) -> list[LossSum]:
    if len(losses) <= _LONGEST:
        return list(losses)
    gains = [each for each in losses if each.amount < 0]
    most = _LONGEST - 1 - len(gains)
    rest = losses[most : len(losses) - len(gains)]
    other = LossSum(
        loss_detail="other",
        cause=None,
        reason_name=f"{len(rest)} other reasons",
        lost_s=sum((each.lost_s for each in rest), Decimal(0)),
        amount=sum((each.amount for each in rest), Decimal(0)),
    )
    return [*losses[:most], other, *gains]


def _loss_look(loss: LossSum) -> Look:
    if loss.loss_detail in _LOSS_LOOKS:
        return _LOSS_LOOKS[loss.loss_detail]
    return LOOKS[Spent.DELAY_EXTERNAL if loss.cause == "external" else Spent.DELAY_INTERNAL]
