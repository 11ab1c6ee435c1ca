"""A tiny lake in memory with the marts that pages read, in the shape of the real ones."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import duckdb

NOW = datetime(2026, 3, 4, 9, 40, 12)
"""Wednesday 10:40 in Berlin, in the early shift that began at 06:00."""

DAY = NOW.date()
SHIFT_START = datetime(2026, 3, 4, 5, 0)
SHIFT_END = datetime(2026, 3, 4, 13, 0)
LINES = {"assembly/line1": "Line 1", "assembly/line2": "Line 2"}
UNITS = {
    "assembly/line1/press01": "Press 01",
    "assembly/line1/press02": "Press 02",
    "assembly/line1/weld01": "Welding cell",
    "assembly/line1/pack01": "Packer 01",
    "assembly/line2/mill01": "Mill 01",
    "assembly/line2/mill02": "Mill 02",
    "assembly/line2/wash01": "Washer",
    "assembly/line2/pack02": "Packer 02",
}
REASONS = {
    "jam": ("Jammed feeder", "internal"),
    "tool": ("Tool broken", "internal"),
    "starved": ("No material from upstream", "external"),
    "adjust": ("Adjustment", "internal"),
    "staff": ("No operator", "external"),
}

LOSSES = (
    ("setup_and_adjustment", "setup", None),
    ("unplanned_stops", "delay", "internal"),
    ("unplanned_stops", "delay", "external"),
    ("idling_and_minor_stops", "delay", "internal"),
    (None, "down", None),
    (None, "unknown", None),
    ("reduced_speed", "production", None),
    ("process_defects", "production", None),
)

_KPI_COLUMNS = """
    planned_busy_time_s decimal(18, 6), unknown_time_s decimal(18, 6),
    lost_time_s decimal(18, 6), good_quantity decimal(18, 6), scrap_quantity decimal(18, 6),
    availability double, effectiveness double, quality_ratio double, oee_index double,
    coverage_ratio double, is_provisional boolean
"""
_TABLES = f"""
create schema marts; create schema raw; create schema pipeline;
create table marts.live_overview(
    equipment_id varchar, level varchar, name varchar, work_center_id varchar, time_zone varchar,
    production_date date, shift_id varchar, shift_started_at timestamp, shift_ended_at timestamp,
    {_KPI_COLUMNS.replace("is_provisional", "is_covered")},
    state varchar, category varchar, cause varchar, is_minor boolean,
    state_since_at timestamp, reason_name varchar, production_order_id varchar,
    item_name varchar, unit varchar, order_quantity decimal(18, 6),
    order_good_quantity decimal(18, 6), expected_finish_at timestamp,
    computed_through_at timestamp
);
create table marts.live_ribbon(
    work_unit_id varchar, started_at timestamp, ended_at timestamp, state varchar,
    category varchar, cause varchar, is_minor boolean, reason_name varchar
);
create table marts.equipment_shift(
    equipment_id varchar, level varchar, name varchar, production_date date, shift_id varchar,
    shift_started_at timestamp, {_KPI_COLUMNS}
);
create table marts.equipment_day(
    equipment_id varchar, level varchar, production_date date, planned_busy_time_s decimal(18, 6),
    oee_index double, coverage_ratio double, is_provisional boolean
);
create table marts.state_interval(
    site_id varchar, work_unit_id varchar, started_at timestamp, ended_at timestamp,
    category varchar, calendar_kind varchar
);
create table marts.work_unit_shift(
    site_id varchar, work_unit_id varchar, production_date date, shift_id varchar,
    shift_started_at timestamp, shift_ended_at timestamp, planned_busy_time_s decimal(18, 6),
    definition_id varchar
);
create table marts.work_unit_shift_order(
    site_id varchar, work_unit_id varchar, production_date date, shift_id varchar,
    good_ideal_time_s decimal(18, 6), definition_id varchar
);
create table marts.loss_time(
    site_id varchar, work_unit_id varchar, production_date date, shift_id varchar,
    six_big_loss varchar, category varchar, cause varchar, lost_s decimal(18, 6)
);
create table marts.dim_work_unit(
    site_id varchar, work_unit_id varchar, name varchar, work_center_id varchar,
    work_center_name varchar
);
create table marts.dim_reason(reason_id varchar, name varchar, parent_reason_id varchar);
create table marts.stop_event(
    stop_id varchar, site_id varchar, work_unit_id varchar, started_at timestamp,
    ended_at timestamp, cause varchar, reason_id varchar, is_minor boolean
);
create view marts.stop_cost as
    select stop_id, site_id, work_unit_id, started_at, ended_at, cause, reason_id, is_minor,
        not is_minor and reason_id is null and cause <> 'external' as is_unclassified,
        if(cause = 'internal', 'E17 guard open', null) as alarm_text,
        (epoch_us(coalesce(ended_at, '{NOW}')) - epoch_us(started_at)) / 1e6 as duration_s,
        duration_s::decimal(18, 6) as planned_busy_time_s,
        (duration_s / 20)::decimal(18, 6) as lost_quantity,
        (duration_s / 40)::decimal(18, 2) as lost_amount, 'EUR' as currency
    from marts.stop_event;
create view marts.unclassified_stop as from marts.stop_cost where is_unclassified;
create table marts.stop_classification(
    classification_id varchar, site_id varchar, work_unit_id varchar, started_at timestamp,
    ended_at timestamp, reason_id varchar, classified_by varchar, classified_at timestamp,
    is_superseded boolean
);
create table raw.batch(committed_at timestamp);
create table pipeline.publication(snapshot_id bigint, published_at timestamp);
"""


def empty_lake(file: Path | str = ":memory:") -> duckdb.DuckDBPyConnection:
    """The tables without a row: a lake nobody has connected a machine to."""
    con = duckdb.connect(file)
    con.execute(_TABLES)
    return con


def tiny_lake(file: Path | str = ":memory:", seed: int = 1) -> duckdb.DuckDBPyConnection:
    """Two lines of four machines in a running shift, and the fortnight before it."""
    con = empty_lake(file)
    random = Random(seed)
    con.execute("begin")
    _dimensions(con)
    _history(con, random)
    _shift(con, random)
    con.execute("commit")
    con.execute("insert into raw.batch values (?)", [NOW - timedelta(seconds=1)])
    con.execute("insert into pipeline.publication values (7, ?)", [NOW - timedelta(minutes=2)])
    return con


def _dimensions(con: duckdb.DuckDBPyConnection) -> None:
    for unit_id, name in UNITS.items():
        line = unit_id.rpartition("/")[0]
        con.execute(
            "insert into marts.dim_work_unit values ('demo', ?, ?, ?, ?)",
            [unit_id, name, line, LINES[line]],
        )
    for reason_id, (name, _) in REASONS.items():
        con.execute(
            "insert into marts.dim_reason(reason_id, name) values (?, ?)", [reason_id, name]
        )


def _history(con: duckdb.DuckDBPyConnection, random: Random) -> None:
    for back in range(13, -1, -1):
        day = DAY - timedelta(days=back)
        for shift_id, hour in (("early", 5), ("late", 13)):
            start = datetime(day.year, day.month, day.day, hour)
            if start > NOW:
                continue
            _shift_history(con, random, day, shift_id, start)


def _shift_history(
    con: duckdb.DuckDBPyConnection, random: Random, day: date, shift_id: str, start: datetime
) -> None:
    for equipment_id, name in {"demo": "Demo plant", **LINES}.items():
        level = "site" if equipment_id == "demo" else "work_center"
        con.execute(
            f"insert into marts.equipment_shift values ({', '.join('?' * 17)})",
            [equipment_id, level, name, day, shift_id, start, *_kpis(random)],
        )
    if shift_id == "early":
        oee = random.uniform(0.55, 0.8)
        con.execute(
            "insert into marts.equipment_day values ('demo', 'site', ?, 54000, ?, 1, false)",
            [day, oee],
        )
    for unit_id in UNITS:
        con.execute(
            "insert into marts.work_unit_shift values ('demo', ?, ?, ?, ?, ?, 28800, 'iso22400')",
            [unit_id, day, shift_id, start, start + timedelta(hours=8)],
        )
        _losses(con, random, [unit_id, day, shift_id])
        for number, (at, length) in enumerate(_moments(random, start, 5)):
            reason = random.choice([*REASONS, None])
            cause = REASONS[reason][1] if reason else "unknown"
            con.execute(
                "insert into marts.stop_event values (?, 'demo', ?, ?, ?, ?, ?, ?)",
                [
                    f"{unit_id}-{start:%d%H}-{number}", unit_id, at, at + length, cause, reason,
                    length < timedelta(minutes=2),
                ],
            )  # fmt: skip
            con.execute(
                "insert into marts.state_interval values ('demo', ?, ?, ?, 'delay', 'shift')",
                [unit_id, at, at + length],
            )


def _losses(con: duckdb.DuckDBPyConnection, random: Random, shift: list[object]) -> None:
    """Of eight hours: stops and their causes, lost speed, bad pieces; the rest is good."""
    left = Decimal(28_800)
    for loss, category, cause in LOSSES:
        lost = Decimal(random.randint(60, 1_800))
        left -= lost
        con.execute(
            "insert into marts.loss_time values ('demo', ?, ?, ?, ?, ?, ?, ?)",
            [*shift, loss, category, cause, lost],
        )
    con.execute(
        "insert into marts.work_unit_shift_order values ('demo', ?, ?, ?, ?, 'iso22400')",
        [*shift, left],
    )


def _moments(random: Random, start: datetime, count: int) -> Iterator[tuple[datetime, timedelta]]:
    for _ in range(count):
        at = start + timedelta(minutes=random.uniform(0, 460))
        yield at, timedelta(minutes=random.expovariate(1 / 9) + 0.5)


def _kpis(random: Random, coverage: float = 1.0) -> list[object]:
    planned = Decimal(27_000)
    availability = random.uniform(0.68, 0.92)
    effectiveness = random.uniform(0.82, 0.97)
    quality = random.uniform(0.96, 0.998)
    oee = availability * effectiveness * quality
    good = Decimal(random.randint(1_200, 9_000))
    return [
        planned, planned * Decimal(1 - coverage), planned * Decimal(1 - oee), good,
        Decimal(int(float(good) * (1 / quality - 1))), availability, effectiveness, quality, oee,
        coverage, coverage < 0.98,
    ]  # fmt: skip


def _shift(con: duckdb.DuckDBPyConnection, random: Random) -> None:
    shift = [DAY, "early", SHIFT_START, SHIFT_END]
    nothing = [None] * 12
    for equipment_id, name in {"demo": "Demo plant", **LINES}.items():
        is_site = equipment_id == "demo"
        _insert(
            con,
            [
                equipment_id, "site" if is_site else "work_center", name,
                None if is_site else equipment_id, "Europe/Berlin", *shift, *_kpis(random)[:-1],
                True, *nothing, NOW,
            ],
        )  # fmt: skip
    for number, (unit_id, name) in enumerate(UNITS.items()):
        states = _ribbon(con, random, unit_id, number)
        coverage = 0.94 if number == 6 else 1.0
        order = [
            f"PO-10{40 + number}", random.choice(["Bracket 40 mm", "Cover plate", "Hinge, left"]),
            "pcs", Decimal(4_000), Decimal(random.randint(300, 3_900)), NOW + timedelta(hours=3),
        ]  # fmt: skip
        _insert(
            con,
            [
                unit_id, "work_unit", name, unit_id.rpartition("/")[0], "Europe/Berlin", *shift,
                *_kpis(random, coverage)[:-1], coverage >= 0.98, *states,
                *(order if states[1] != "down" else [None] * 6), NOW,
            ],
        )  # fmt: skip


def _insert(con: duckdb.DuckDBPyConnection, row: list[object]) -> None:
    con.execute(f"insert into marts.live_overview values ({', '.join('?' * len(row))})", row)


_LAST = (
    ("execute", "production", None, False, None),
    ("held", "delay", "internal", False, "Jammed feeder"),
    ("execute", "production", None, False, None),
    ("suspended", "delay", "external", False, "No material from upstream"),
    ("setup", "setup", None, False, None),
    ("execute", "production", None, False, None),
    (None, "unknown", None, False, None),
    ("idle", "down", None, False, None),
)


def _ribbon(
    con: duckdb.DuckDBPyConnection, random: Random, unit_id: str, number: int
) -> list[object]:
    at = SHIFT_START
    last_since = NOW - timedelta(minutes=random.uniform(3, 45))
    while at < last_since:
        run = timedelta(minutes=random.uniform(8, 50))
        stop = timedelta(minutes=random.expovariate(1 / 6) + 0.4)
        until = min(at + run, last_since)
        _stretch(con, unit_id, at, until, ("execute", "production", None, False, None))
        ended = min(until + stop, last_since)
        reason, cause = random.choice(list(REASONS.values()))
        is_minor = stop < timedelta(minutes=2)
        stopped = ("held", "delay", cause, is_minor, None if is_minor else reason)
        _stretch(con, unit_id, until, ended, stopped)
        at = ended
    last = _LAST[number]
    _stretch(con, unit_id, last_since, NOW, last)
    begin, end = SHIFT_START + timedelta(hours=3), SHIFT_START + timedelta(hours=3, minutes=15)
    _stretch(con, unit_id, begin, end, (None, "planned_downtime", None, False, "Break"))
    state, category, cause, is_minor, reason_name = last
    return [state, category, cause, is_minor, last_since, reason_name]


def _stretch(
    con: duckdb.DuckDBPyConnection,
    unit_id: str,
    start: datetime,
    end: datetime,
    what: tuple[object, ...],
) -> None:
    if end > start:
        con.execute(
            "insert into marts.live_ribbon values (?, ?, ?, ?, ?, ?, ?, ?)",
            [unit_id, start, end, *what],
        )
