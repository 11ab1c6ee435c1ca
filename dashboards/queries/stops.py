"""The stops of a period, with or without a reason: each of them, and what they took by reason.

Belongs here: stops as time lost. What people say of them is in `stop_reasons`.
"""

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pandas as pd

from dashboards.queries.answers import frame

# A stop costs the planned busy time of it that lies within the period.
_STOPS = """
    select stop_event.stop_id, stop_event.work_unit_id, dim_work_unit.name as work_unit_name,
        dim_work_unit.work_center_id, dim_work_unit.work_center_name,
        stop_event.started_at, stop_event.ended_at, stop_event.cause, stop_event.is_minor,
        coalesce(
            dim_reason.name, if(stop_event.is_minor, 'Minor stops', 'No reason given')
        ) as reason_name,
        sum(
            epoch_us(least(intervals.ended_at, $until))
            - epoch_us(greatest(intervals.started_at, $since))
        ) as lost_us
    from marts.stop_event
    inner join marts.state_interval as intervals
        on stop_event.site_id = intervals.site_id
        and stop_event.work_unit_id = intervals.work_unit_id
        and intervals.started_at >= stop_event.started_at
        and intervals.started_at < coalesce(stop_event.ended_at, timestamp 'infinity')
        and intervals.category = 'delay'
        and intervals.calendar_kind = 'shift'
    inner join marts.dim_work_unit
        on stop_event.site_id = dim_work_unit.site_id
        and stop_event.work_unit_id = dim_work_unit.work_unit_id
    left join marts.dim_reason
        on stop_event.reason_id = dim_reason.reason_id
    where stop_event.started_at < $until
        and coalesce(stop_event.ended_at, timestamp 'infinity') > $since
        and intervals.started_at < $until
        and intervals.ended_at > $since
        and ($work_center_id is null or dim_work_unit.work_center_id = $work_center_id)
    group by all
"""


def losses(
    con: duckdb.DuckDBPyConnection, *, since: datetime, until: datetime, work_center_id: str | None
) -> pd.DataFrame:
    """Planned busy time lost to stops within a period by reason, most first.

    Columns: reason_name, cause (of most of its stops), is_minor (all of them), lost_s, stops.
    """
    return frame(
        con,
        f"""
        select reason_name, mode(cause) as cause, bool_and(is_minor) as is_minor,
            (sum(lost_us) / 1e6)::double as lost_s, count(*) as stops
        from ({_STOPS})
        group by reason_name
        order by lost_s desc, reason_name
        """,
        since=since,
        until=until,
        work_center_id=work_center_id,
    )


SORTABLE = ("started_at", "work_center_name", "work_unit_name", "reason_name", "lost_s")
"""Columns of `stops` a reader may sort by."""


def stops(
    con: duckdb.DuckDBPyConnection,
    *,
    since: datetime,
    until: datetime,
    work_center_id: str | None,
    work_unit_id: str | None = None,
    reason_name: str | None = None,
    sort: Sequence[tuple[str, bool]] = (),
    first: int = 0,
    limit: int | None = None,
) -> pd.DataFrame:
    """The stops of a period, newest first unless `sort` (column, descending) says otherwise.

    Columns: stop_id, work_center_name, work_unit_name, started_at, ended_at, lost_s (planned
    busy time within the period), reason_name, cause, is_minor; `matching` is how many stops
    there are without `first` and `limit`.
    """
    order = [f"{name} {'desc' if down else 'asc'}" for name, down in sort if name in SORTABLE]
    return frame(
        con,
        f"""
        select stop_id, work_center_name, work_unit_name, started_at, ended_at,
            lost_us / 1e6 as lost_s, reason_name, cause, is_minor, count(*) over () as matching
        from ({_STOPS})
        where ($work_unit_id is null or work_unit_id = $work_unit_id)
            and ($reason_name is null or reason_name = $reason_name)
        order by {", ".join([*order, "started_at desc", "stop_id"])}
        limit $limit offset $first
        """,
        since=since,
        until=until,
        work_center_id=work_center_id,
        work_unit_id=work_unit_id,
        reason_name=reason_name,
        limit=limit if limit is not None else 1_000_000,
        first=first,
    )
