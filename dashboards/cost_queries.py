"""Every SQL statement of the pages of costs, one function per question; values are bound.

Nothing is computed here that a mart defines: questions select, filter and sum. All are about the
marts as last published. Amounts are decimals in the currency asked for; of a variance positive is
unfavourable. Times are UTC without a zone, `_s` is seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import duckdb

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class CostVersion:
    """A costing version."""

    cost_version_id: str
    site_id: str | None
    cost_version_type: str
    status: str
    valid_from: datetime | None
    currency: str


@dataclass(frozen=True, kw_only=True)
class Period:
    """An accounting period [starts_at, ends_at); of a closed one the books are final."""

    period_id: str
    starts_at: datetime
    ends_at: datetime
    is_closed: bool


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A site whose orders have costs, and the currency they are in."""

    site_id: str
    currency: str


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the orders of a selection cost.

    Attributes:
        orders: How many have begun.
        running: How many of them have not ended.
        absorbed: Their good pieces at standard cost.
        actual: What they cost, of those that run so far.
        running_variance: The variance of those that run.
    """

    orders: int
    running: int
    absorbed: Decimal
    actual: Decimal
    variance: Decimal
    running_variance: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderRow:
    """An order with its costs and the biggest of its variances.

    Attributes:
        good_quantity: What the last operation of its route made; None: it is not there yet.
        period_id: In which it ended; None: it runs, or ended before the first period.
        detail_type: Of the variance that is biggest, either way; None: there is none.
        detail_amount: That variance.
        matching: How many orders the selection has.
    """

    production_order_id: str
    item_id: str
    item_name: str
    unit: str
    order_quantity: Decimal
    good_quantity: Decimal | None
    is_final: bool
    period_id: str | None
    absorbed: Decimal
    actual: Decimal
    variance: Decimal
    detail_type: str | None
    detail_amount: Decimal | None
    currency: str
    matching: int


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """What a cost group of an operation should cost and cost, by baseline.

    Attributes:
        standard: What its good pieces and one lot may cost.
        absorbed: What its good pieces carry.
        estimate: The order quantity by the versions that the order names.
        standard_quantity: Of `unit`, what its good pieces and one lot may need.
        actual_quantity: Of `unit`, what was used.
    """

    operation_id: str | None
    cost_group_id: str
    estimate: Decimal | None
    standard: Decimal | None
    absorbed: Decimal | None
    actual: Decimal | None
    variance: Decimal | None
    standard_quantity: Decimal | None
    actual_quantity: Decimal | None
    unit: str | None


@dataclass(frozen=True, kw_only=True)
class Variance:
    """A part of a difference between actual and absorbed."""

    variance_type: str
    detail_type: str
    amount: Decimal


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


@dataclass(frozen=True, kw_only=True)
class LossSum:
    """What one reason or kind of loss cost, over orders."""

    loss_detail: str
    cause: str | None
    reason_name: str | None
    lost_s: Decimal
    amount: Decimal


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


@dataclass(frozen=True, kw_only=True)
class WipRow:
    """The work in process of an order over a period."""

    production_order_id: str
    item_id: str
    item_name: str
    opening: Decimal
    material: Decimal
    conversion: Decimal
    overhead: Decimal
    subcontract: Decimal
    output: Decimal
    variance: Decimal
    closing: Decimal
    age_days: int


@dataclass(frozen=True, kw_only=True)
class UnitCost:
    """What a unit of an item costs in a cost group, at one of two levels."""

    cost_group_id: str
    level: str
    unit_cost: Decimal


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of a unit of an item, in one cost group."""

    node: str
    component_item_id: str | None
    component_name: str | None
    is_made: bool
    operation_id: str | None
    cost_group_id: str
    single_cost_group_id: str
    quantity: Decimal | None
    unit: str | None
    unit_cost: Decimal | None
    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class CostWarning:
    """What makes the standard cost of an item doubtful."""

    item_id: str
    warning: str
    operation_id: str | None


@dataclass(frozen=True, kw_only=True)
class MadeItem:
    """An item with a roll-up."""

    item_id: str
    item_name: str


def cost_versions(con: duckdb.DuckDBPyConnection) -> list[CostVersion]:
    """The costing versions: standards first, the latest first."""
    return _rows(
        con,
        CostVersion,
        """
        select cost_version_id, site_id, cost_version_type, status, valid_from, currency
        from marts.dim_cost_version
        order by cost_version_type <> 'standard', status <> 'active', valid_from desc nulls last,
            cost_version_id
        """,
    )


def cost_periods(con: duckdb.DuckDBPyConnection, *, until: datetime) -> list[Period]:
    """The periods that have begun, the latest first."""
    return _rows(
        con,
        Period,
        """
        select period_id, starts_at, ends_at, is_closed
        from marts.dim_period
        where starts_at <= $until
        order by starts_at desc
        """,
        until=until,
    )


def cost_scopes(con: duckdb.DuckDBPyConnection) -> list[Scope]:
    """The sites and currencies that costs of orders are of."""
    return _rows(
        con,
        Scope,
        """
        select distinct dim_production_order.site_id, order_cost.currency
        from marts.order_cost
        inner join marts.dim_production_order using (production_order_id)
        order by all
        """,
    )


# An order belongs to the period in which it ended; one that runs to the current period.
_ORDERS = """
    select costs.production_order_id, orders.item_id, orders.order_quantity, orders.site_id,
        any_value(costs.period_id) as period_id, bool_and(costs.is_final) as is_final,
        coalesce(sum(costs.amount) filter (where costs.basis = 'absorbed'), 0) as absorbed,
        coalesce(sum(costs.amount) filter (where costs.basis = 'actual'), 0) as actual,
        actual - absorbed as variance, any_value(costs.currency) as currency
    from marts.order_cost as costs
    inner join marts.dim_production_order as orders using (production_order_id)
    where orders.site_id = $site_id
        and costs.currency = $currency
        and costs.basis in ('absorbed', 'actual')
        and ($period_id is null or costs.period_id = $period_id
            or ($is_current and not costs.is_final))
        and ($is_final is null or costs.is_final = $is_final)
        and ($order_id is null or costs.production_order_id = $order_id)
    group by costs.production_order_id, orders.item_id, orders.order_quantity, orders.site_id
"""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which orders a question is about.

    Attributes:
        period_id: Those that ended in it; None: whenever.
        is_current: Those that run, too.
        is_final: Only those that have ended, or only those that run; None: both.
        order_id: Only this one, whatever else is selected.
    """

    site_id: str
    currency: str
    period_id: str | None = None
    is_current: bool = True
    is_final: bool | None = None
    order_id: str | None = None

    @property
    def bound(self) -> dict[str, object]:
        """The values that the statements name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def order_totals(con: duckdb.DuckDBPyConnection, *, selection: Selection) -> Totals:
    """What the selected orders cost together."""
    [totals] = _rows(
        con,
        Totals,
        f"""
        select count(*) as orders, count(*) filter (where not is_final) as running,
            coalesce(sum(absorbed), 0) as absorbed, coalesce(sum(actual), 0) as actual,
            coalesce(sum(variance), 0) as variance,
            coalesce(sum(variance) filter (where not is_final), 0) as running_variance
        from ({_ORDERS})
        """,
        **selection.bound,
    )
    return totals


ORDER_SORTS = {
    "order": "production_order_id",
    "item": "item_name",
    "status": "is_final",
    "quantity": "order_quantity",
    "absorbed": "absorbed",
    "actual": "actual",
    "variance": "variance",
    "cause": "detail_type",
}
"""What a reader may sort the orders by."""


def orders(
    con: duckdb.DuckDBPyConnection,
    *,
    selection: Selection,
    find: str = "",
    sort: str = "variance",
    is_descending: bool = True,
    limit: int,
) -> list[OrderRow]:
    """The selected orders, sorted by one of `ORDER_SORTS`.

    Args:
        con: The lake.
        selection: Which orders.
        find: Only those whose number, item or item's name contains it.
        sort: A key of `ORDER_SORTS`.
        is_descending: The greatest first.
        limit: So many at most.
    """
    direction = "desc" if is_descending else "asc"
    return _rows(
        con,
        OrderRow,
        f"""
        with selected as (
            select orders.*, coalesce(items.name, orders.item_id) as item_name,
                coalesce(items.unit, 'pcs') as unit
            from ({_ORDERS}) as orders
            left join marts.dim_item as items using (item_id)
            where contains(
                lower(concat_ws(' ', production_order_id, item_id, items.name)), lower($find)
            )
        ),
        details as (
            select production_order_id, detail_type, sum(amount) as amount
            from marts.order_variance
            semi join selected using (production_order_id)
            group by production_order_id, detail_type
        ),
        biggest as (
            select production_order_id, arg_max(detail_type, abs(amount)) as detail_type,
                arg_max(amount, abs(amount)) as detail_amount
            from details
            group by production_order_id
        )
        select selected.* exclude (site_id), biggest.detail_type, biggest.detail_amount,
            if(yields.is_whole_route, yields.last_good_quantity, null) as good_quantity,
            count(*) over () as matching
        from selected
        left join biggest using (production_order_id)
        left join marts.yield_route as yields
            on selected.site_id = yields.site_id
            and selected.production_order_id = yields.production_order_id
            and selected.item_id = yields.item_id
        order by {ORDER_SORTS[sort]} {direction} nulls last, selected.production_order_id
        limit $limit
        """,
        find=find,
        limit=limit,
        **selection.bound,
    )


def variances(con: duckdb.DuckDBPyConnection, *, selection: Selection) -> list[Variance]:
    """Why the selected orders cost other than their pieces carry, the biggest first."""
    return _rows(
        con,
        Variance,
        f"""
        select variance_type, detail_type, sum(amount) as amount
        from marts.order_variance
        semi join ({_ORDERS}) using (production_order_id)
        group by variance_type, detail_type
        order by abs(sum(amount)) desc, detail_type
        """,
        **selection.bound,
    )


def loss_sums(con: duckdb.DuckDBPyConnection, *, selection: Selection) -> list[LossSum]:
    """What losses of machine time cost the selected orders, by reason, else by kind; most first."""
    return _rows(
        con,
        LossSum,
        f"""
        select if(dim_reason.name is null, loss_detail, 'stop') as loss_detail,
            mode(loss_cost.cause) as cause, dim_reason.name as reason_name,
            sum(lost_s) as lost_s, sum(amount) as amount
        from marts.loss_cost
        semi join ({_ORDERS}) using (production_order_id)
        left join marts.dim_reason using (reason_id)
        group by 1, dim_reason.name, if(dim_reason.name is null, loss_cost.cause, null)
        order by amount desc, 1, reason_name
        """,
        **selection.bound,
    )


def cost_lines(con: duckdb.DuckDBPyConnection, *, order_id: str) -> list[CostLine]:
    """What each cost group of an order's operations should cost and cost, in order of operation."""
    return _rows(
        con,
        CostLine,
        """
        select operation_id, cost_group_id,
            sum(amount) filter (where basis = 'estimate') as estimate,
            sum(amount) filter (where basis = 'standard') as standard,
            sum(amount) filter (where basis = 'absorbed') as absorbed,
            sum(amount) filter (where basis = 'actual') as actual,
            actual - absorbed as variance,
            sum(quantity) filter (where basis = 'standard') as standard_quantity,
            sum(quantity) filter (where basis = 'actual') as actual_quantity,
            any_value(unit) as unit
        from marts.order_cost
        where production_order_id = $order_id
        group by operation_id, cost_group_id
        order by operation_id nulls last, cost_group_id
        """,
        order_id=order_id,
    )


def order_losses(con: duckdb.DuckDBPyConnection, *, order_id: str) -> list[LossRow]:
    """The losses of an order, the dearest first."""
    return _rows(
        con,
        LossRow,
        """
        select losses.production_order_id, losses.operation_id, losses.work_unit_id,
            coalesce(units.name, losses.work_unit_id) as work_unit_name, losses.loss_category,
            losses.loss_detail, losses.cause, losses.reason_id, reasons.name as reason_name,
            losses.lost_s, losses.amount, losses.currency
        from marts.loss_cost as losses
        inner join marts.dim_production_order as orders using (production_order_id)
        left join marts.dim_work_unit as units
            on orders.site_id = units.site_id
            and losses.work_unit_id = units.work_unit_id
        left join marts.dim_reason as reasons
            on losses.reason_id = reasons.reason_id
        where losses.production_order_id = $order_id
        order by losses.amount desc, losses.operation_id, losses.work_unit_id, losses.loss_detail,
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
OF_OPERATION = ("setup", "not_delivered")
"""Kinds of losses that concern an operation at all its work units."""


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
    return _rows(
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
        work_unit_id=None if loss.loss_detail in OF_OPERATION else loss.work_unit_id,
        is_stop=is_stop,
        cause=loss.cause,
        reason_id=loss.reason_id,
        started_at=at,
        limit=limit,
    )


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
    return _rows(
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


def work_in_process(
    con: duckdb.DuckDBPyConnection, *, site_id: str, currency: str, period_id: str
) -> list[WipRow]:
    """The work in process of a period by order, the most left first."""
    return _rows(
        con,
        WipRow,
        """
        select wip.production_order_id, orders.item_id,
            coalesce(items.name, orders.item_id) as item_name,
            sum(opening_amount) as opening, sum(material_amount) as material,
            sum(conversion_amount) as conversion, sum(overhead_amount) as overhead,
            sum(subcontract_amount) as subcontract, sum(output_amount) as output,
            sum(variance_amount) as variance, sum(closing_amount) as closing,
            max(age_days) as age_days
        from marts.wip_rollforward as wip
        inner join marts.dim_production_order as orders using (production_order_id)
        left join marts.dim_item as items using (item_id)
        where wip.period_id = $period_id
            and orders.site_id = $site_id
            and wip.currency = $currency
        group by wip.production_order_id, orders.item_id, items.name
        order by abs(closing) desc, wip.production_order_id
        """,
        site_id=site_id,
        currency=currency,
        period_id=period_id,
    )


def made_items(
    con: duckdb.DuckDBPyConnection, *, cost_version_id: str, find: str = "", limit: int
) -> list[MadeItem]:
    """Items that are made in a costing version, those of most levels first."""
    return _rows(
        con,
        MadeItem,
        """
        select rollup.item_id, coalesce(any_value(items.name), rollup.item_id) as item_name
        from marts.cost_rollup as rollup
        left join marts.dim_item as items using (item_id)
        where rollup.cost_version_id = $cost_version_id
            and contains(lower(concat_ws(' ', rollup.item_id, items.name)), lower($find))
        group by rollup.item_id
        order by max(rollup.low_level) desc, rollup.item_id
        limit $limit
        """,
        cost_version_id=cost_version_id,
        find=find,
        limit=limit,
    )


def unit_costs(
    con: duckdb.DuckDBPyConnection, *, cost_version_id: str, item_id: str
) -> list[UnitCost]:
    """The standard cost of an item by cost group and level."""
    return _rows(
        con,
        UnitCost,
        """
        select cost_group_id, level, unit_cost
        from marts.standard_cost
        where cost_version_id = $cost_version_id and item_id = $item_id
        order by cost_group_id, level
        """,
        cost_version_id=cost_version_id,
        item_id=item_id,
    )


def nodes(con: duckdb.DuckDBPyConnection, *, cost_version_id: str, item_id: str) -> list[Node]:
    """What a unit of a made item consists of, one level deep; components first."""
    return _rows(
        con,
        Node,
        """
        select rollup.node, rollup.component_item_id, items.name as component_name,
            rollup.is_made, rollup.operation_id, rollup.cost_group_id,
            rollup.single_cost_group_id, rollup.quantity, rollup.unit, rollup.unit_cost,
            rollup.amount, rollup.currency
        from marts.cost_rollup as rollup
        left join marts.dim_item as items
            on rollup.component_item_id = items.item_id
        where rollup.cost_version_id = $cost_version_id and rollup.item_id = $item_id
        order by rollup.node <> 'component', rollup.operation_id nulls last,
            rollup.component_item_id,
            list_position(['setup', 'run', 'piece', 'subcontract', 'overhead'], rollup.node),
            rollup.cost_group_id
        """,
        cost_version_id=cost_version_id,
        item_id=item_id,
    )


def cost_warnings(
    con: duckdb.DuckDBPyConnection, *, cost_version_id: str, item_ids: Sequence[str]
) -> list[CostWarning]:
    """What makes the standard costs of some items doubtful."""
    return _rows(
        con,
        CostWarning,
        """
        select item_id, warning, operation_id
        from marts.cost_warning
        where cost_version_id = $cost_version_id and list_contains($item_ids, item_id)
        order by item_id, warning, operation_id
        """,
        cost_version_id=cost_version_id,
        item_ids=list(item_ids),
    )


AROUND_S = 30
"""So much before and after a stretch its samples are shown."""


def around(started_at: datetime, ended_at: datetime) -> tuple[datetime, datetime]:
    """The window in which the samples of a stretch are shown."""
    margin = timedelta(seconds=AROUND_S)
    return started_at - margin, ended_at + margin


def _rows(con: duckdb.DuckDBPyConnection, kind: type[Row], sql: str, **values: object) -> list[Row]:
    cursor = con.execute(sql, values)
    names = [column[0] for column in cursor.description or []]
    return [kind(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
