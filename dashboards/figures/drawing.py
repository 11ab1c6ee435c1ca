"""What every figure has in common: its frame, its ink, and words where there is nothing to draw.

Text, grid and background colours come from the style sheet, so that a figure fits light and dark
without being drawn again.

Belongs here: what does not depend on a figure's form.
"""

from collections.abc import Callable

import plotly.graph_objects as go

from dashboards.history import HistoryUnavailable, NothingPublished

INK = "#6B7785"
"""Of lines: grey enough for light and for dark."""


def message(text: str) -> go.Figure:
    """A figure that only says something."""
    figure = go.Figure()
    figure.add_annotation(text=text, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return finish(figure, height=200)


def or_message(draw: Callable[[], go.Figure]) -> go.Figure:
    """A figure, or one that says why there is none."""
    try:
        return draw()
    except NothingPublished:
        return message("No history yet: the first refresh has not been published")
    except HistoryUnavailable:
        return message("History does not answer now; it returns by itself")


def finish(figure: go.Figure, *, height: int, top: int = 8) -> go.Figure:
    """The figure in its frame, `height` pixels high, with `top` of them above the axes."""
    return figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 8, "t": top, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "inherit", "size": 12, "color": INK},
        xaxis_automargin=True,
        yaxis_automargin=True,
        uirevision="kept",
        separators=".,",
        modebar={"remove": ["zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale"]},
    )
