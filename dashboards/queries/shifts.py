"""Shifts and days that were: their OEE, when they began, and what their planned time became.

Belongs here: questions about `equipment_shift`, `equipment_day` and `work_unit_shift`.
"""

from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import pandas as pd

from dashboards.queries.answers import frame, row, value

_SHIFT_KEY = "site_id, work_unit_id, production_date, shift_id"


_SHIFTS = """
    select shifts.site_id, shifts.work_unit_id, production_date, shift_id, planned_busy_time_s
    from marts.work_unit_shift as shifts
    inner join marts.dim_work_unit
        on shifts.site_id = dim_work_unit.site_id
        and shifts.work_unit_id = dim_work_unit.work_unit_id
    where definition_id = 'iso22400'
        and shift_started_at >= $since
        and shift_started_at < $until
        and ($work_center_id is null or dim_work_unit.work_center_id = $work_center_id)
"""


def oee_per_shift(
    con: duckdb.DuckDBPyConnection, *, first_day: date, work_center_id: str | None
) -> pd.DataFrame:
    """OEE of every shift by line since a production day, lines by path.

    Columns: equipment_id, name, production_date, shift_id, shift_started_at, oee_index,
    availability, effectiveness, quality_ratio, coverage_ratio, is_provisional.
    """
    return frame(
        con,
        """
        select equipment_id, name, production_date, shift_id, shift_started_at, oee_index,
            availability, effectiveness, quality_ratio, coverage_ratio, is_provisional
        from marts.equipment_shift
        where level = 'work_center'
            and production_date >= $first_day
            and ($work_center_id is null or equipment_id = $work_center_id)
            and planned_busy_time_s > 0
        order by equipment_id, shift_started_at
        """,
        first_day=first_day,
        work_center_id=work_center_id,
    )


def site_oee_per_day(con: duckdb.DuckDBPyConnection, *, before: date, limit: int) -> pd.DataFrame:
    """OEE of the site on its last working days before a production day, oldest first.

    Columns: production_date, oee_index, coverage_ratio, is_provisional.
    """
    return frame(
        con,
        """
        from (
            select production_date, oee_index, coverage_ratio, is_provisional
            from marts.equipment_day
            where level = 'site' and production_date < $before and planned_busy_time_s > 0
            order by production_date desc
            limit $limit
        )
        order by production_date
        """,
        before=before,
        limit=limit,
    )


def period_start(con: duckdb.DuckDBPyConnection, *, first_day: date) -> datetime | None:
    """When the first shift of a production day or of a later one began; None without shifts."""
    start: datetime | None = value(
        con,
        "select min(shift_started_at) from marts.work_unit_shift where production_date >= $day",
        day=first_day,
    )
    return start


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One shift: its name and when its last work unit ends it."""

    shift_id: str
    shift_ended_at: datetime


def shift_at(con: duckdb.DuckDBPyConnection, *, start: datetime) -> Shift | None:
    """The shift that began at a moment; None when none did."""
    return row(
        con,
        Shift,
        """
        select min(shift_id) as shift_id, max(shift_ended_at) as shift_ended_at
        from marts.work_unit_shift
        where shift_started_at = $start
        having count(*) > 0
        """,
        start=start,
    )


def waterfall(
    con: duckdb.DuckDBPyConnection, *, since: datetime, until: datetime, work_center_id: str | None
) -> pd.DataFrame:
    """From planned busy time to good ideal time, over the shifts that began within a period.

    Columns: step (planned_busy, what `marts.loss_time` calls a loss, unmeasured: production of
    pieces whose planned run time is not known, good), cause (of unplanned_stops), seconds.
    """
    return frame(
        con,
        f"""
        with shifts as ({_SHIFTS}),
        steps as (
            select 'planned_busy' as step, null as cause, sum(planned_busy_time_s) as seconds
            from shifts
            union all
            select coalesce(six_big_loss, category),
                if(six_big_loss = 'unplanned_stops', cause, null), sum(lost_s)
            from marts.loss_time semi join shifts using ({_SHIFT_KEY})
            group by all
            union all
            select 'good', null, coalesce(sum(good_ideal_time_s), 0)
            from marts.work_unit_shift_order semi join shifts using ({_SHIFT_KEY})
            where definition_id = 'iso22400'
        )
        select step, cause, seconds::double as seconds from steps where seconds <> 0
        union all
        select 'unmeasured', null, rest::double
        from (select sum(if(step = 'planned_busy', seconds, -seconds)) as rest from steps)
        where rest <> 0
        """,
        since=since,
        until=until,
        work_center_id=work_center_id,
    )
