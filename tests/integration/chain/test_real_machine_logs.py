"""Real logs of a CNC machine come out of the marts with the published seconds per state.

The logs lie outside the project: TAKT_REAL_DATA names their folder; its README gives the
format and the figures expected here, which an independent count found.
"""

import csv
import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from takt.settings import Settings
from tests.command import run_takt
from tests.parsed_project import share_parsed_project

LOGS = Path(os.environ.get("TAKT_REAL_DATA", "/nowhere")) / "nist"
WORK_UNIT = "machining/cell1/mazak03"
STATES = {
    "ACTIVE": "execute",
    "INTERRUPTED": "held",
    "FEED_HOLD": "holding",
    "STOPPED": "stopped",
    "READY": "idle",
}
SECONDS_PER_STATE = {
    "20161101": {
        "unknown": "32466.891",
        "stopped": "2384.678",
        "idle": "15893.042",
        "execute": "13138.188",
        "held": "4778.218",
        "holding": "111.105",
    },
    "20161102": {
        "unknown": "31218.099",
        "stopped": "11169.080",
        "idle": "7192.895",
        "execute": "12117.619",
        "held": "8803.495",
        "holding": "22.292",
    },
    "20161103": {
        "unknown": "32042.135",
        "stopped": "411.541",
        "idle": "25261.615",
        "execute": "5279.391",
        "held": "1171.775",
    },
}

pytestmark = [
    pytest.mark.skipif(
        not LOGS.is_dir(), reason=f"TAKT_REAL_DATA does not name a folder with nist/ in it ({LOGS})"
    ),
    pytest.mark.timeout(400),
]


def records(log: Path) -> Iterator[tuple[datetime, str, str]]:
    """Time, key and value of each line; nanoseconds are cut to microseconds."""
    with gzip.open(log, "rt") as lines:
        for line in lines:
            time, key, value = line.rstrip("\n").split("|", 2)
            seconds, _, fraction = time.rstrip("Z").partition(".")
            moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
            yield moment.replace(microsecond=int(fraction[:6].ljust(6, "0"))), key, value


def to_wire(log: Path, target: Path) -> None:
    """Write a log as `takt import` reads it.

    The opening snapshot of last known values is the state at the day's start, and
    UNAVAILABLE is a bad value: neither a stop nor idle.
    """
    day = datetime.strptime(log.name.split("-")[1], "%Y%m%d").replace(tzinfo=UTC)
    rows = [(max(moment, day), key, value) for moment, key, value in records(log)]
    pq.write_table(
        pa.table(
            {
                "site": ["nist"] * len(rows),
                "equipment": [WORK_UNIT] * len(rows),
                "signal": [key for _, key, _ in rows],
                "observed_at": pa.array(
                    [moment for moment, _, _ in rows], pa.timestamp("us", "UTC")
                ),
                "text": [
                    None if value.upper().startswith("UNAVAILABLE") else value
                    for _, _, value in rows
                ],
                "quality": pa.array(
                    [2 if value.upper().startswith("UNAVAILABLE") else 0 for _, _, value in rows],
                    pa.int8(),
                ),
            }
        ),
        target,
    )


def write_business_data(folder: Path) -> None:
    """One machine that runs around the clock, and what its execution states mean."""
    folder.mkdir()
    tables: dict[str, list[dict[str, object]]] = {
        "equipment": [
            {"equipment_id": "nist", "parent_id": "", "level": "site"},
            {"equipment_id": "machining", "parent_id": "nist", "level": "area"},
            {"equipment_id": "machining/cell1", "parent_id": "machining", "level": "work_center"},
            {"equipment_id": WORK_UNIT, "parent_id": "machining/cell1", "level": "work_unit"},
        ],
        "shift_pattern": [
            {"equipment_id": "nist", "shift_id": "day", "weekday": weekday, "starts_local": "00:00",
             "ends_local": "24:00", "kind": "shift", "valid_from": "2016-01-01", "valid_to": ""}
            for weekday in range(1, 8)
        ],
        "signal_map": [
            {"equipment_id": WORK_UNIT, "signal": "execution", "role": "state", "counter_mode": "",
             "counter_bits": "", "units_per_pulse": "", "scale": "", "value_map_id": "mtconnect",
             "valid_from": "2016-01-01", "valid_to": ""}
        ],
    }  # fmt: skip
    for row in tables["equipment"]:
        row |= {
            "name": row["equipment_id"],
            "time_zone": "UTC",
            "valid_from": "2016-01-01",
            "valid_to": "",
        }
    for rows in tables.values():
        for row in rows:
            row["site_id"] = "nist"
    tables["value_map"] = [
        {"value_map_id": "mtconnect", "raw_value": raw, "mapped_value": state}
        for raw, state in STATES.items()
    ]
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


def test_real_machine_logs_give_the_published_seconds_per_state(
    lake_settings: Settings, tmp_path: Path
) -> None:
    write_business_data(tmp_path / "business_data")
    files = []
    for log in sorted(LOGS.glob("Mazak03-*.txt.gz")):
        files.append(tmp_path / f"{log.name.split('-')[1]}.parquet")
        to_wire(log, files[-1])

    run_takt(lake_settings, "reference", "load", tmp_path / "business_data")
    run_takt(lake_settings, "import", *files)
    share_parsed_project(lake_settings.home)
    run_takt(lake_settings, "refresh")

    for log in sorted(LOGS.glob("Mazak03-*.txt.gz")):
        day = log.name.split("-")[1]
        assert seconds_per_state(lake_settings, log) == SECONDS_PER_STATE[day]


def seconds_per_state(options: Settings, log: Path) -> dict[str, str]:
    """What the marts say of the stretch from the log's first midnight to its last record."""
    last = max(moment for moment, _, _ in records(log))
    answer = run_takt(
        options,
        "sql",
        f"""
        select
            coalesce(state, 'unknown') as state,
            sum(epoch_us(least(ended_at, timestamp '{last:%Y-%m-%d %H:%M:%S.%f}'))
                - epoch_us(started_at)) as duration_us
        from marts.state_interval
        where started_at >= timestamp '{last:%Y-%m-%d}'
            and started_at < timestamp '{last:%Y-%m-%d %H:%M:%S.%f}'
        group by all
        """,
        "--format",
        "json",
    )
    millisecond = Decimal("0.001")
    return {
        row["state"]: str((Decimal(row["duration_us"]) / 1_000_000).quantize(millisecond))
        for row in json.loads(answer)
    }
