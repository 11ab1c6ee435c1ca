"""From money to samples: losses of machine time, the stretches behind one, what the machine said.

Belongs here: questions about `loss_cost` and the way down from it to raw samples.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows
from dashboards.queries.order_selection import SELECTED, Selection


@dataclass(frozen=True, kw_only=True)
class LossSum:
    """What one reason or kind of loss cost, over orders."""

    loss_detail: str
    cause: str | None
    reason_name: str | None
    lost_s: Decimal
    amount: Decimal


def loss_sums(con: duckdb.DuckDBPyConnection, *, selection: Selection) -> list[LossSum]:
    """What losses of machine time cost the selected orders, by reason, else by kind; most first."""
    return rows(
        con,
        LossSum,
        f"""
        select if(dim_reason.name is null, loss_detail, 'stop') as loss_detail,
            mode(loss_cost.cause) as cause, dim_reason.name as reason_name,
            sum(lost_s) as lost_s, sum(amount) as amount
        from marts.loss_cost
        semi join ({SELECTED}) using (production_order_id)
        left join marts.dim_reason using (reason_id)
        group by 1, dim_reason.name, if(dim_reason.name is null, loss_cost.cause, null)
        order by amount desc, 1, reason_name
        """,
        **selection.bound,
    )


@dataclass(frozen=True, kw_only=True)
class LossRow:
    """A loss of an order's machine time."""

    production_order_id: str
    operation_id: str | None
    work_unit_id: str
    work_unit_name: str
    loss_category: str
    loss_detail: str
    cause: str | None
    reason_id: str | None
    reason_name: str | None
    lost_s: Decimal
    amount: Decimal
    currency: str


def order_losses(con: duckdb.DuckDBPyConnection, *, order_id: str) -> list[LossRow]:
    """The losses of an order, the dearest first."""
    return rows(
        con,
        LossRow,
        """
        select losses.production_order_id, losses.operation_id, losses.work_unit_id,
            coalesce(units.name, losses.work_unit_id) as work_unit_name, losses.loss_category,
            losses.loss_detail, losses.cause, losses.reason_id, reasons.name as reason_name,
            sum(losses.lost_s)::decimal(18, 6) as lost_s,
            sum(losses.amount)::decimal(18, 2) as amount, losses.currency
        from marts.loss_cost as losses
        inner join marts.dim_production_order as orders using (production_order_id)
        left join marts.dim_work_unit as units
            on orders.site_id = units.site_id
            and losses.work_unit_id = units.work_unit_id
        left join marts.dim_reason as reasons
            on losses.reason_id = reasons.reason_id
        where losses.production_order_id = $order_id
        group by all
        order by amount desc, losses.operation_id, losses.work_unit_id, losses.loss_detail,
            losses.cause, losses.reason_id
        """,
        order_id=order_id,
    )


_BEHIND = {
    "stop": "intervals.category = 'delay' and intervals.calendar_kind = 'shift'"
    " and not intervals.is_minor",
    "minor_stop": "intervals.category = 'delay' and intervals.calendar_kind = 'shift'"
    " and intervals.is_minor",
    "uncovered": "intervals.category = 'unknown' and intervals.calendar_kind = 'shift'",
    "setup": "intervals.category = 'setup'",
}


_PRODUCTION = "intervals.category = 'production'"


# These concern an operation at all its work units.
_OF_OPERATION = ("setup", "not_delivered")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch of machine time behind a loss.

    Attributes:
        matching: How many there are.
        total_s: Their length together.
    """

    work_unit_id: str
    work_unit_name: str
    started_at: datetime
    ended_at: datetime
    length_s: Decimal
    state: str | None
    category: str
    cause: str | None
    is_minor: bool
    reason_name: str | None
    alarm_text: str | None
    stop_id: str | None
    matching: int
    total_s: Decimal


def stretches(
    con: duckdb.DuckDBPyConnection, *, loss: LossRow, limit: int, at: datetime | None = None
) -> list[Stretch]:
    """The machine time behind a loss, the longest stretches first.

    Of a stop, an uncovered time and a setup it is the time itself; of a lost speed and of bad
    pieces it is the production in which they were.

    Args:
        con: The lake.
        loss: Which loss.
        limit: So many at most.
        at: Only the stretch that began then.
    """
    is_stop = loss.loss_detail in ("stop", "minor_stop")
    return rows(
        con,
        Stretch,
        f"""
        with behind as (
            select intervals.*, stops.stop_id, stops.reason_id as explained_reason_id,
                (epoch_us(intervals.ended_at) - epoch_us(intervals.started_at)) as length_us
            from marts.state_interval as intervals
            left join marts.stop_event as stops
                on intervals.category = 'delay'
                and intervals.site_id = stops.site_id
                and intervals.work_unit_id = stops.work_unit_id
                and intervals.started_at >= stops.started_at
                and intervals.started_at < coalesce(stops.ended_at, timestamp 'infinity')
            where intervals.production_order_id = $order_id
                and intervals.operation_id is not distinct from $operation_id
                and ($work_unit_id is null or intervals.work_unit_id = $work_unit_id)
                and {_BEHIND.get(loss.loss_detail, _PRODUCTION)}
                and (not $is_stop or (
                    intervals.cause is not distinct from $cause
                    and stops.reason_id is not distinct from $reason_id
                ))
        )
        select behind.work_unit_id, coalesce(units.name, behind.work_unit_id) as work_unit_name,
            behind.started_at, behind.ended_at, (length_us / 1e6)::decimal(18, 6) as length_s,
            behind.state, behind.category, behind.cause, behind.is_minor,
            reasons.name as reason_name, behind.alarm_text, behind.stop_id,
            count(*) over () as matching,
            (sum(length_us) over () / 1e6)::decimal(18, 6) as total_s
        from behind
        left join marts.dim_work_unit as units
            on behind.site_id = units.site_id
            and behind.work_unit_id = units.work_unit_id
        left join marts.dim_reason as reasons
            on behind.explained_reason_id = reasons.reason_id
        qualify $started_at is null or behind.started_at = $started_at
        order by length_us desc, behind.started_at
        limit $limit
        """,
        order_id=loss.production_order_id,
        operation_id=loss.operation_id,
        work_unit_id=None if loss.loss_detail in _OF_OPERATION else loss.work_unit_id,
        is_stop=is_stop,
        cause=loss.cause,
        reason_id=loss.reason_id,
        started_at=at,
        limit=limit,
    )


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample as it came from a machine; `matching` is how many the window has."""

    observed_at: datetime
    signal: str
    value: float | None
    text: str | None
    quality: int | None
    received_at: datetime | None
    is_historical: bool
    collector: str
    matching: int


def samples(
    con: duckdb.DuckDBPyConnection,
    *,
    order_id: str,
    work_unit_id: str,
    since: datetime,
    until: datetime,
    limit: int,
) -> list[Sample]:
    """The samples of an order's work unit within [since, until], as they came, in order of time."""
    return rows(
        con,
        Sample,
        """
        select observed_at, signal, value, text, quality, received_at, is_historical, collector,
            count(*) over () as matching
        from raw.telemetry
        where site = (
                select site_id from marts.dim_production_order
                where production_order_id = $order_id
            )
            and equipment = $work_unit_id
            and observed_date between $since::date and $until::date
            and observed_at between $since and $until
        order by observed_at, received_at, row_number
        limit $limit
        """,
        order_id=order_id,
        work_unit_id=work_unit_id,
        since=since,
        until=until,
        limit=limit,
    )


AROUND_S = 30
"""So much before and after a stretch its samples are shown."""


def around(started_at: datetime, ended_at: datetime) -> tuple[datetime, datetime]:
    """The window in which the samples of a stretch are shown."""
    margin = timedelta(seconds=AROUND_S)
    return started_at - margin, ended_at + margin
