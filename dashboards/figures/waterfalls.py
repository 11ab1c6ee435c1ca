"""From a whole down to what is left of it, each step where the one before ended.

Belongs here: figures in which bars add up.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate

import pandas as pd
import plotly.graph_objects as go

from dashboards import wording
from dashboards.figures import bars
from dashboards.figures.drawing import message
from dashboards.theme import FAVOURABLE, GOOD, LOST, MONEY, PLANNED_BUSY, UNFAVOURABLE, Look


def planned_time(frame: pd.DataFrame) -> go.Figure:
    """Bars from planned busy time down to good time; each loss hangs where the one before ended.

    Args:
        frame: The columns of `queries.shifts.waterfall`.
    """
    steps = _steps(frame)
    if not steps:
        return message("No shift in this period")
    looks, seconds = [look for look, _ in steps], [each for _, each in steps]
    unit, length = bars.time_unit(seconds[0])
    lengths = [each / length for each in seconds]
    base = [each / length for each in _hangs(seconds)]
    amounts = [
        f"{wording.signed_duration(each)} · {wording.percent(each / seconds[0])}"
        for each in seconds
    ]
    names = [look.label for look in looks]
    layout = bars.layout(unit, 0, 1.02 * max(*base, *lengths))
    return bars.figure(lengths, names, amounts, looks, layout, base=base)


def variances(
    absorbed: Decimal, steps: Mapping[str, Decimal], actual: Decimal, currency: str
) -> go.Figure:
    """Bars from absorbed to actual cost; each variance hangs where the one before ended.

    Args:
        absorbed: What good pieces carry.
        steps: Variances by name, in order.
        actual: What it cost.
        currency: Of the amounts.
    """
    whole, falls, left = float(absorbed), [float(each) for each in steps.values()], float(actual)
    levels = list(accumulate([whole, *falls]))
    start = _cropped(levels)
    names = ["Absorbed: good pieces at standard", *steps, "Actual"]
    amounts = [
        wording.rounded_money(absorbed, currency),
        *(wording.variance(amount, currency) for amount in steps.values()),
        wording.rounded_money(actual, currency),
    ]
    looks = [MONEY, *map(_direction, steps.values()), MONEY]
    title = f"{currency}, from {start:,.0f} on" if start else currency
    top = max(*levels, left)
    layout = bars.money_layout(title, start, top + (top - start) * 0.02)
    lengths = [whole - start, *falls, left - start]
    return bars.figure(lengths, names, amounts, looks, layout, base=[start, *levels[:-1], start])


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


def _hangs(seconds: Sequence[float]) -> list[float]:
    """The ends stand on nought; what is lost between them hangs where the step before ended."""
    hangs = [seconds[0] - sum(seconds[1:number]) for number in range(2, len(seconds))]
    return [0.0, *hangs, 0.0]


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
