"""Refreshes one after another, and live views between them, show what one full rebuild shows.

The files are merged before the rebuild: its rows do not depend on how they lie there.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

import lake
from pipelines.dbt import TransformationError
from tests.integration.dbt.conftest import COUNTER_ONLY, ELEMENTS, Plant, difference

START = datetime(2026, 6, 8, 4, tzinfo=UTC)
END = datetime(2026, 6, 12, 10, tzinfo=UTC)
HEARTBEATS_OF = "assembly/line1/press01"
SILENT = "machining/line2/saw01"
RETIRED, RETIRED_AT = "machining/line2/wash01", datetime(2026, 6, 12, 8, 30, tzinfo=UTC)
FORGOTTEN = "assembly/line1/pack01"
MOVED, MOVED_AT = "machining/line2/lathe01", datetime(2026, 6, 10, tzinfo=UTC)
TAIL = timedelta(hours=1)
"""What comes after the last refresh: only live views know it."""

THIRD = (END - START) / 3

ARRIVALS = f"""
create temp table told as
select
    site, equipment, signal, observed_at::timestamp as observed_at, value, text, quality,
    is_historical, observed_at::date as observed_date,
    row_number() over (order by observed_at, equipment, signal) as number,
    -- In thirds of the time; every fiftieth sample comes one or two refreshes late.
    case
        when observed_at >= '{END - TAIL}' then 3
        else least(
            2,
            floor((epoch(observed_at) - {START.timestamp()}) / {THIRD.total_seconds()})
            + if(hash(equipment, signal, observed_at) % 50 = 0, 1 + hash(observed_at) % 2, 0)
        )
    end::int as refresh
from read_parquet($files)
-- A unit that falls silent but for one late sample: it corrects all the days after it.
where equipment <> '{SILENT}' or observed_at < '{START + timedelta(hours=20)}'
"""
INSERT = f"""
insert into raw.telemetry
select
    site,
    if(equipment = '{HEARTBEATS_OF}', 'edge', 'import'),
    if(equipment = '{HEARTBEATS_OF}', 'live', 'epoch ' || floor(number / 40000) % 3),
    number, equipment, signal, observed_at, value, text, quality, timestamp '2026-06-13',
    is_historical, observed_date
from told
where refresh = $refresh
"""
HEARTBEATS = f"""
insert into raw.telemetry
select
    'demo', 'edge', 'live', epoch(beat_at)::bigint, '{HEARTBEATS_OF}', '$heartbeat', beat_at, 1,
    'line1', 0, beat_at, false, beat_at::date
from (
    select unnest(generate_series($start, $end, interval 5 second)) as beat_at
) where $late = (hash(beat_at) % 200 < 3)
"""
SAID_OF_STOPS = """
insert into raw.telemetry
select
    'demo', 'terminal-office', 'said', $refresh * 100000 + row_number() over (), work_unit_id,
    '$stop_reason', began, 60 + hash(began, work_unit_id) % 7200,
    json_object(
        'reason_id',
        if(chance % 5 = 0, null, ['cleaning', 'tool_break', 'no_parts'][1 + chance % 3]),
        'by', 'Kim', 'at', timestamp '2026-06-13' + to_minutes(chance % 999),
        'merges', chance % 7 = 0
    ),
    0, timestamp '2026-06-13', true, began::date
from (
    select work_unit_id, began, (hash(work_unit_id, began, 'said') % 100000)::bigint as chance
    from (select distinct work_unit_id from marts.stop_event),
        (select unnest(generate_series($start, $end, interval 47 minute)) as began)
)
where chance % 6 = $refresh
"""
SAID_OF_COUNTS = """
insert into raw.telemetry
select
    'demo', ['terminal-office', 'pages'][1 + chance % 2], 'said',
    50000 + $refresh * 100000 + row_number() over (), work_unit_id,
    '$count_correction', counted_at, if(is_withdrawal, 0, chance % 9 - 4),
    json_object(
        'id', hash(work_unit_id, counted_at), 'result', ['good', 'scrap', 'rework'][1 + chance % 3],
        'by', 'Lee', 'why', 'counted twice', 'before', '100',
        'at', timestamp '2026-06-13' + to_minutes($refresh)
    ),
    0, timestamp '2026-06-13', true, counted_at::date
from (
    select
        *, (hash(work_unit_id, counted_at, 'counted') % 100000)::bigint as chance,
        chance % 6 <> $refresh as is_withdrawal
    from
        (select distinct work_unit_id from marts.stop_event),
        (select unnest(generate_series($first, $end, interval 53 minute)) as counted_at)
)
where chance % 6 = $refresh or chance % 6 = $refresh - 1 and chance % 4 = 0
"""
SUMMED = "if(bool_and({0} is not null), sum({0})::decimal(18, 6), null)"
ADDING_UP = [name.replace("_us", "_s") for name in ELEMENTS]
NOTICED_AFTER = timedelta(minutes=40)
TOLD_LATE = (
    datetime(2026, 6, 10, 3, 30, tzinfo=UTC),  # the next production day begins at 4:00
    END - TAIL - timedelta(minutes=20),
)
LOST_LINK = f"""
insert into raw.telemetry
select
    'demo', 'edge', 'live', epoch($lost_at)::bigint + 1000000000, '{HEARTBEATS_OF}', '$link',
    $lost_at, 0, 'line1: silent', 0,
    $lost_at + interval {int(NOTICED_AFTER.total_seconds())} second, false, $lost_at::date
"""
HOURS_THAT_ADD_UP_TO_NO_SHIFT = f"""
select site_id, work_unit_id, shift_started_at, {", ".join(ADDING_UP)} from marts.work_unit_shift
where definition_id = 'iso22400'
except
select site_id, work_unit_id, shift_started_at, {", ".join(map(SUMMED.format, ADDING_UP))}
from marts.work_unit_hour group by all
"""
NOT_IN_THIS_PLANT = {"cost_warning"}
"""Marts of what the simulated plant has not: doubtful costs."""
RESTATED = """
select
    site_id, work_unit_id, production_date, shift_id, measure, before_value, after_value, cause,
    published_snapshot_id, restated_at
from marts.restatement order by all
"""
BUSINESS_CHANGES = (
    "update reference.calendar_exception set closed_at = now()::timestamp",
    "insert into reference.calendar_exception by name select 'demo' as site_id,"
    " 'assembly/line1' as equipment_id, date '2026-06-10' as production_date, 'early' as shift_id,"
    " 'planned_downtime' as kind, timestamp '2026-06-10 05:00' as starts_at,"
    " timestamp '2026-06-10 05:30' as ends_at, 'x' as load_id, now()::timestamp as loaded_at",
    "create temp table slower as select * replace (planned_run_s_per_unit * 2 as"
    " planned_run_s_per_unit) from reference.routing_operation"
    " where work_unit_id = 'machining/line2/mill01' and closed_at is null;"
    " update reference.routing_operation set closed_at = now()::timestamp"
    " where work_unit_id = 'machining/line2/mill01';"
    " insert into reference.routing_operation from slower",
    "create temp table counted as select * replace (timestamp '2026-06-09 08:00' as valid_to)"
    f" from reference.signal_map where equipment_id = '{COUNTER_ONLY}' and role = 'good_count'"
    " union all select * replace (timestamp '2026-06-09 10:00' as valid_from)"
    f" from reference.signal_map where equipment_id = '{COUNTER_ONLY}' and role = 'good_count';"
    " update reference.signal_map set closed_at = now()::timestamp"
    f" where equipment_id = '{COUNTER_ONLY}' and role = 'good_count';"
    " insert into reference.signal_map from counted",
    "create temp table resting as select * replace ('idle' as mapped_value) from"
    " reference.value_map where value_map_id = 'gateway' and mapped_value = 'setup';"
    " update reference.value_map set closed_at = now()::timestamp"
    " where value_map_id = 'gateway' and mapped_value = 'setup';"
    " insert into reference.value_map from resting",
    "create temp table other as select * replace ('SH-32' as item_id) from"
    " reference.production_order where item_id = 'SH-20' and closed_at is null"
    " order by production_order_id limit 1;"
    " update reference.production_order set closed_at = now()::timestamp"
    " where production_order_id in (select production_order_id from other);"
    " insert into reference.production_order from other",
)


EQUIPMENT_CHANGES = (
    f"create temp table retired as select * replace (timestamp '{RETIRED_AT:%Y-%m-%d %H:%M}' as"
    f" valid_to) from reference.equipment where equipment_id = '{RETIRED}';"
    f" create temp table moved as select * replace (timestamp '{MOVED_AT:%Y-%m-%d}' as valid_to)"
    f" from reference.equipment where equipment_id = '{MOVED}' union all select * replace"
    f" (timestamp '{MOVED_AT:%Y-%m-%d}' as valid_from, 'assembly/line1' as parent_id)"
    f" from reference.equipment where equipment_id = '{MOVED}';"
    " update reference.equipment set closed_at = now()::timestamp"
    f" where equipment_id in ('{RETIRED}', '{FORGOTTEN}', '{MOVED}');"
    " insert into reference.equipment from retired; insert into reference.equipment from moved",
)


@pytest.mark.timeout(600)  # five builds
def test_refreshes_with_late_data_and_live_views_equal_a_full_rebuild(
    plant: Callable[[datetime, datetime], Plant],
) -> None:
    works = plant(START, END)
    arrive(works, 0, START, START + THIRD)
    works.build(START + THIRD, full=True)
    works.publish()
    published = measures(works)
    arrive(works, 1, START + THIRD, START + 2 * THIRD)
    works.change(*BUSINESS_CHANGES)
    works.build(START + 2 * THIRD)
    first_restated = restated(works)
    assert first_restated == differences(published, measures(works))
    assert causes(works) >= {
        *("data", "calendar", "routing", "signal_map", "value_map", "order", "count_correction")
    }
    arrive(works, 2, START + 2 * THIRD, END - TAIL)
    works.change(*EQUIPMENT_CHANGES)
    with pytest.raises(TransformationError):  # a run that broke off after this mart
        works.build(END - TAIL, select="+state_interval")
    works.build(END - TAIL)
    # Nothing was published since: what the build before has found is still there.
    assert restated(works) == differences(published, measures(works)) != first_restated
    assert "equipment" in causes(works)
    before = restated(works)
    works.publish()
    published = measures(works)
    arrive(works, 3, END - TAIL, END)
    for lost_at in TOLD_LATE:
        with closing(lake.open(works.settings)) as con:
            con.execute(LOST_LINK, {"lost_at": lost_at.replace(tzinfo=None)})
    live_shifts, live_intervals = works.live(END)
    works.build(END)
    stepwise = works.rows_of_marts()
    assert restated(works) == differences(published, measures(works))
    assert len(works.query(RESTATED)) == len(before) + len(restated(works))
    told = works.query(RESTATED)
    # An older version of the project, whose marts people see, did not have all measures.
    works.change("alter table marts.work_unit_shift drop column startup_loss_time_s")
    works.publish()
    assert works.query(HOURS_THAT_ADD_UP_TO_NO_SHIFT) == []
    merged = lake.maintenance.run(works.settings).merged_tables

    works.build(END, full=True)

    rebuilt = works.rows_of_marts()
    assert works.query(RESTATED) == told
    assert merged
    assert {mart for mart, rows in rebuilt.items() if not rows} <= NOT_IN_THIS_PLANT
    for mart, rows in rebuilt.items():
        assert not difference(stepwise[mart], rows), mart
    assert_people_were_heard(rebuilt)
    assert len(live_shifts) == 6
    assert_equipment_was_retired_forgotten_and_moved(rebuilt["state_interval"])
    for lost_at in TOLD_LATE:
        assert unheard(rebuilt["state_interval"], lost_at, lost_at + NOTICED_AFTER) == NOTICED_AFTER
    told_by_pulses = [row for row in rebuilt["state_interval"] if row[1] == COUNTER_ONLY]
    assert {row[8] for row in told_by_pulses} == {"running", "stopped", None}
    assert {row[1] for row in live_intervals} >= {COUNTER_ONLY}
    assert sorted(set(live_shifts) - set(works.shifts())) == []
    assert sorted(set(live_intervals) - set(rebuilt["state_interval"]), key=str) == []


def assert_people_were_heard(marts: dict[str, list[tuple[object, ...]]]) -> None:
    """What was said of stops is there, and corrections of counts, some of them taken back."""
    assert any("Kim" in row for row in marts["stop_event"])
    assert {row[18] for row in marts["count_correction"]} == {True, False}


def assert_equipment_was_retired_forgotten_and_moved(
    intervals: list[tuple[object, ...]],
) -> None:
    assert last_known(intervals, RETIRED) == RETIRED_AT.replace(tzinfo=None)
    assert last_known(intervals, FORGOTTEN) is None
    assert {row[2] for row in intervals if row[1] == MOVED} > {MOVED_AT.date()}


def restated(works: Plant) -> dict[tuple[object, ...], tuple[object, ...]]:
    """What has been restated since the last publication: before and after by key."""
    rows = works.query(RESTATED)
    newest = max((row[8] for row in rows), default=None)
    return {row[:5]: row[5:7] for row in rows if row[8] == newest}


def causes(works: Plant) -> set[str]:
    """Everything that has caused a restatement."""
    return {cause for row in works.query(RESTATED) for cause in str(row[7]).split(", ")}


def measures(works: Plant) -> dict[tuple[object, ...], tuple[bool, object]]:
    """Of each shift and measure: whether it is provisional, and the figure."""
    names = [
        name
        for name, kind, *_ in works.query("describe marts.work_unit_shift")
        if kind in ("DOUBLE", "DECIMAL(18,6)")
    ]
    figures = ", ".join(f"cast({name} as decimal(28, 9))" for name in names)
    rows = works.query(
        f"select site_id, work_unit_id, production_date, shift_id, is_provisional, {figures}"
        " from marts.work_unit_shift where definition_id = 'iso22400'"
    )
    return {
        (*row[:4], name): (bool(row[4]), figure)
        for row in rows
        for name, figure in zip(names, row[5:], strict=True)
    }


def differences(
    published: dict[tuple[object, ...], tuple[bool, object]],
    present: dict[tuple[object, ...], tuple[bool, object]],
) -> dict[tuple[object, ...], tuple[object, object]]:
    """What was final and is another figure now: before and after."""
    after = {key: present.get(key, (False, None))[1] for key in published}
    return {
        key: (figure, after[key])
        for key, (is_provisional, figure) in published.items()
        if not is_provisional and after[key] != figure
    }


def last_known(intervals: list[tuple[object, ...]], work_unit_id: str) -> object:
    """When the last interval of a work unit ends; None when it has none."""
    return max((row[7] for row in intervals if row[1] == work_unit_id), default=None)


def unheard(intervals: list[tuple[object, ...]], start: datetime, end: datetime) -> timedelta:
    """How much of a time has no state, at the work unit that has heartbeats."""
    bounds = start.replace(tzinfo=None), end.replace(tzinfo=None)
    parts = [row[6:8] for row in intervals if (row[1], row[8]) == (HEARTBEATS_OF, None)]
    cut = [(max(since, bounds[0]), min(until, bounds[1])) for since, until in parts]
    return sum((until - since for since, until in cut if until > since), timedelta())


def arrive(works: Plant, refresh: int, start: datetime, end: datetime) -> None:
    """Put what comes before a refresh into the lake: heartbeats of its span, and late ones."""
    span = {"start": start.replace(tzinfo=None), "end": end.replace(tzinfo=None)}
    before = {"start": span["start"] - THIRD, "end": span["start"]}
    with closing(lake.open(works.settings)) as con:
        con.execute(ARRIVALS, {"files": [str(file) for file in works.files]})
        con.execute(INSERT, {"refresh": refresh})
        con.execute(HEARTBEATS, {**span, "late": False})
        if start > START and end < END:
            con.execute(HEARTBEATS, {**before, "late": True})
        if start > START:
            con.execute(SAID_OF_STOPS, {**span, "start": before["start"], "refresh": refresh})
            first = START.replace(tzinfo=None)
            con.execute(SAID_OF_COUNTS, {"first": first, "end": span["end"], "refresh": refresh})
