"""From money to samples: an order's losses, the machine time behind one, what the machine said.

The part of the page of costs below an order (`dashboards.costs.orders`).
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboards import components, wording
from dashboards.app import Dashboard
from dashboards.components import Child
from dashboards.costs import ledger, selected
from dashboards.costs.ledger import Chosen, Column, Row, go
from dashboards.queries import machine_losses
from dashboards.queries.machine_losses import LossRow, Sample, Stretch
from dashboards.theme import LOOKS

PATH = "/costs"
_SHOWN = 50
_SAMPLES = 300
_LOSS = [
    Column("Lost to", is_words=True),
    Column("Time"),
    Column("Money"),
    Column("Machine, operation", is_words=True),
    Column("Category", is_words=True),
]
_STRETCH = [
    Column("From", is_words=True),
    Column("Length"),
    Column("What it did", is_words=True),
    Column("Alarm", is_words=True),
    Column("Machine", is_words=True),
]
_SAMPLE = [
    Column("Observed", is_words=True),
    Column("Signal", is_words=True),
    Column("Text", is_words=True),
    Column("Value"),
    Column("Quality"),
    Column("Received", is_words=True),
    Column("By", is_words=True),
]

_BEHIND = {
    "uncovered": "Time of which no data is there.",
    "setup": "All setups of the operation; the loss is what they took beyond the planned one.",
    "reduced_speed": "The production of the operation; the loss is what it took beyond the planned "
    "time of its pieces.",
    "rejects": "The production of the operation; the loss is the planned time of rejected pieces, "
    "less what is planned for them.",
    "not_delivered": "The production of the operation; the loss is the planned time of pieces that "
    "were good here and that the order did not deliver.",
}


def key(loss: LossRow) -> str:
    """A loss of an order in the URL."""
    return ledger.key(
        loss.operation_id,
        loss.work_unit_id,
        loss.loss_category,
        loss.loss_detail,
        loss.cause,
        loss.reason_id,
    )


def of_order(dashboard: Dashboard, chosen: Chosen, order_id: str, currency: str) -> Component:
    """The losses of an order, each a link to the machine time behind it."""
    found: list[LossRow] = dashboard.history.ask(machine_losses.order_losses, order_id=order_id)
    if not found:
        return html.P(
            "None: no machine told how long its time was, or workers booked it.", className="note"
        )
    rows = [_loss_row(each, chosen) for each in found]
    lost_s = sum((each.lost_s for each in found), Decimal(0))
    amount = sum((each.amount for each in found), Decimal(0))
    total = ["All", _time(lost_s), ledger.variance(amount), "", ""]
    rows.append(Row(total, kind="total grand"))
    money = replace(_LOSS[2], head=f"Money, {currency}")
    table = ledger.table([*_LOSS[:2], money, *_LOSS[3:]], rows, label="Losses of machine time")
    note = "All of them are the quantity variance of machine time, at standard rates of an hour."
    return html.Div([table, html.P(note, className="note")])


def behind(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """The machine time behind the chosen loss; empty without a choice."""
    loss = _chosen_loss(dashboard, chosen)
    if loss is None:
        return []
    zone = selected.view(dashboard, chosen).zone
    found: list[Stretch] = dashboard.history.ask(machine_losses.stretches, loss=loss, limit=_SHOWN)
    heading = [
        html.H2(f"Behind it: {_name(loss)}"),
        html.Span(
            f"{loss.work_unit_name}, operation {loss.operation_id}: {_time(loss.lost_s)}, "
            f"{wording.variance(loss.amount, loss.currency)}"
        ),
    ]
    if not found:
        return [
            ledger.panel(heading, html.P("No machine time is recorded for it.", className="note"))
        ]
    rows = [_stretch_row(each, chosen, zone) for each in found]
    table = ledger.table(_STRETCH, rows, label="Machine time behind the loss")
    more = (
        f"The longest {len(found)} of {found[0].matching:,}. "
        if len(found) < found[0].matching
        else ""
    )
    said = f"{more}Together {_time(found[0].total_s)}. {_BEHIND.get(loss.loss_detail, '')}"
    zone_name = f"Times: {wording.zone_name(zone, found[0].started_at)}."
    return [ledger.panel(heading, table, html.P(f"{said} {zone_name}", className="note"))]


def samples(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """What the machine said around the chosen stretch; empty without a choice."""
    loss = _chosen_loss(dashboard, chosen)
    at = _moment(chosen.get("at"))
    if loss is None or at is None:
        return []
    view = selected.view(dashboard, chosen)
    found = dashboard.history.ask(machine_losses.stretches, loss=loss, at=at, limit=1)
    if not found:
        return [html.P("Nothing began then.", className="note")]
    since, until = machine_losses.around(found[0].started_at, found[0].ended_at)
    told: list[Sample] = dashboard.history.ask(
        machine_losses.samples,
        order_id=loss.production_order_id,
        work_unit_id=found[0].work_unit_id,
        since=since,
        until=until,
        limit=_SAMPLES,
    )
    span = f"{_at(since, view.zone)} – {wording.clock(until, view.zone, seconds=True)}"
    heading = [
        html.H2(f"What {found[0].work_unit_name} said"),
        html.Span(f"samples as they came, {span}, {machine_losses.AROUND_S} s before and after"),
    ]
    if not told:
        return [
            ledger.panel(
                heading, html.P("No sample: the machine said nothing then.", className="note")
            )
        ]
    rows = [_sample_row(each, found[0], view.zone) for each in told]
    table = ledger.table(_SAMPLE, rows, label="Samples")
    note = (
        f"The first {len(told)} of {told[0].matching:,} samples; those of the stretch itself are "
        "marked."
    )
    return [ledger.panel(heading, table, html.P(note, className="note"))]


def _chosen_loss(dashboard: Dashboard, chosen: Chosen) -> LossRow | None:
    order_id, named = chosen.get("order"), chosen.get("loss")
    if not order_id or not named:
        return None
    found: list[LossRow] = dashboard.history.ask(machine_losses.order_losses, order_id=order_id)
    return next((each for each in found if key(each) == named), None)


def _name(loss: LossRow) -> str:
    return wording.loss(loss.loss_detail, loss.cause, loss.reason_name)


def _loss_row(loss: LossRow, chosen: Chosen) -> Row:
    named = key(loss)
    name = go(
        _name(loss),
        ledger.href(PATH, chosen, loss=named, at=None),
        then="costs-behind",
        label=f"{_name(loss)} at {loss.work_unit_name}: the machine time behind it",
        is_chosen=named == chosen.get("loss"),
    )
    return Row(
        [
            name,
            _time(loss.lost_s),
            ledger.variance(loss.amount),
            f"{loss.work_unit_name}, {loss.operation_id}",
            wording.name_of(loss.loss_category),
        ],
        kind="chosen" if named == chosen.get("loss") else "",
    )


def _stretch_row(stretch: Stretch, chosen: Chosen, zone: ZoneInfo) -> Row:
    at = stretch.started_at.isoformat()
    name = go(
        _at(stretch.started_at, zone),
        ledger.href(PATH, chosen, at=at),
        then="costs-samples",
        label=f"{_at(stretch.started_at, zone)}: what the machine said",
        is_chosen=at == chosen.get("at"),
    )
    return Row(
        [
            name,
            _time(stretch.length_s),
            _did(stretch),
            stretch.alarm_text or "",
            stretch.work_unit_name,
        ],
        kind="chosen" if at == chosen.get("at") else "",
    )


def _did(stretch: Stretch) -> list[Child]:
    kind = components.spent(stretch.category, stretch.cause, is_minor=stretch.is_minor)
    told = [LOOKS[kind].label, stretch.reason_name, stretch.state and f"state {stretch.state}"]
    return [
        html.Span(className=f"swatch spent-{kind}", **{"aria-hidden": "true"}),
        " · ".join(filter(None, told)),
    ]


def _sample_row(sample: Sample, stretch: Stretch, zone: ZoneInfo) -> Row:
    is_within = stretch.started_at <= sample.observed_at < stretch.ended_at
    value = "" if sample.value is None else f"{sample.value:,.6g}"
    return Row(
        [
            f"{_at(sample.observed_at, zone)}.{sample.observed_at.microsecond // 1000:03d}",
            sample.signal,
            sample.text or "",
            value,
            "" if sample.quality is None else str(sample.quality),
            _at(sample.received_at, zone) + (", later" if sample.is_historical else ""),
            sample.collector,
        ],
        kind="part" if is_within else "",
    )


def _at(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return wording.NOTHING
    return wording.local(moment, zone).strftime("%a %-d %b %H:%M:%S")


def _time(seconds: Decimal) -> str:
    return wording.signed_duration(seconds)


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if found.tzinfo else found
