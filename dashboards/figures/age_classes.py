"""How old something is: work in process by the age of its order.

Belongs here: bars of classes of age.
"""

from collections.abc import Sequence
from decimal import Decimal

import plotly.graph_objects as go

from dashboards import wording
from dashboards.figures import bars
from dashboards.figures.drawing import message
from dashboards.queries.work_in_process import WipRow
from dashboards.theme import MONEY

AGES = {"up to 2 days": 2, "3 to 7 days": 7, "8 to 14 days": 14, "15 to 30 days": 30, "older": None}
"""How work in process is grouped by its age in days, each up to and including."""


def work_in_process(orders: Sequence[WipRow], currency: str) -> go.Figure:
    """What is left in process, in bars by the age of its order, the youngest first."""
    left = dict.fromkeys(AGES, Decimal(0))
    count = dict.fromkeys(AGES, 0)
    for order in orders:
        if order.closing:
            left[_class(order.age_days)] += order.closing
            count[_class(order.age_days)] += 1
    if not any(count.values()):
        return message("Nothing is in process at the end of the period")
    amounts = [
        f"{wording.rounded_money(left[name], currency)} · {wording.count(count[name], 'order')}"
        if count[name]
        else "nothing"
        for name in AGES
    ]
    lengths = [float(amount) for amount in left.values()]
    layout = bars.money_layout(currency, min(0.0, *lengths), 1.02 * max(0.0, *lengths))
    return bars.figure(lengths, list(AGES), amounts, [MONEY] * len(AGES), layout)


def _class(age_days: int) -> str:
    return next(name for name, most in AGES.items() if most is None or age_days <= most)
