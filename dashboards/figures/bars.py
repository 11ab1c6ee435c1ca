"""Bars that lie, one below the other, each with its name and amount above it.

Belongs here: what Paretos, waterfalls and ages have in common.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import plotly.graph_objects as go

from dashboards.figures.drawing import INK, finish
from dashboards.theme import Look

GAP = 0.62
"""Share of a bar's place that is left for what stands above it."""

NAMELESS = {"autorange": "reversed", "fixedrange": True, "showticklabels": False}
"""The axis of names: these stand above the bars."""

_BAR_PX = 41
_LONG_S = 10 * 3600


def time_unit(longest_s: float) -> tuple[str, int]:
    """In which unit bars of up to so long are drawn, and how many seconds it has."""
    return ("hours", 3600) if longest_s > _LONG_S else ("minutes", 60)


def figure(
    lengths: Sequence[float],
    names: Sequence[str],
    amounts: Sequence[str],
    looks: Sequence[Look],
    layout: Mapping[str, object],
    *,
    base: Sequence[float] | None = None,
) -> go.Figure:
    """Bars that say their amount above them and under the pointer.

    Args:
        lengths: Of the bars.
        names: Of the bars, no two the same.
        amounts: In words.
        looks: Of the bars.
        layout: Of the axes.
        base: Where each begins; None: all at nought.
    """
    bars = go.Bar(
        x=lengths,
        y=names,
        base=base,
        orientation="h",
        marker=marker(looks),
        customdata=amounts,
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )
    return named(go.Figure(bars), names, amounts, layout, around_px=72, top_px=24)


def named(
    figure: go.Figure,
    names: Collection[str],
    amounts: Iterable[str],
    layout: Mapping[str, object],
    *,
    around_px: int,
    top_px: int,
) -> go.Figure:
    """A figure of bars, finished: names and amounts above them, as high as they need.

    Args:
        figure: With its bars.
        names: Of the bars.
        amounts: In words.
        layout: Of the axes.
        around_px: What axes and legend need.
        top_px: How much of that is above the bars.
    """
    _name(figure, names, amounts)
    figure.update_layout(layout)
    return finish(figure, height=around_px + _BAR_PX * len(names), top=top_px)


def layout(title: str, start: float, end: float, **axis: object) -> dict[str, object]:
    """The layout of bars on one axis from `start` to `end`; `axis` is what else it needs."""
    return {
        "bargap": GAP,
        "xaxis": {
            "title": {"text": title, "font": {"size": 12}},
            "range": [start, end],
            "fixedrange": True,
            **axis,
        },
        "yaxis": NAMELESS,
    }


def money_layout(title: str, start: float, end: float) -> dict[str, object]:
    """The layout of bars of amounts."""
    return layout(title, start, end, tickformat=",.0f", nticks=6)


def marker(looks: Sequence[Look]) -> dict[str, object]:
    """How bars are filled: by colour and by pattern."""
    return {
        "color": [look.colour for look in looks],
        "pattern": {
            "shape": [look.pattern for look in looks],
            "fillmode": "overlay",
            "fgcolor": "rgba(16,20,24,.5)",
            "size": 7,
            "solidity": 0.2,
        },
        "line": {"color": INK, "width": 1},
    }


def _name(figure: go.Figure, names: Iterable[str], amounts: Iterable[str]) -> None:
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
