"""A year of shift KPIs of 100 work units, asked by day and line, as an accountant asks.

The year is told sparsely, a sample every ten minutes: marts have as many rows as if it were told
every second. `--seconds N` makes it N days long instead.
"""

import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import lake
from bench._works import Works

DEFAULT_SECONDS = 365.0
"""Days of history."""
_UNITS = 100
_EVERY_S = 600
_TURNS = 11
_QUESTION = """
select dim_work_unit.work_center_id, production_date,
    sum(actual_production_time_s) / sum(planned_busy_time_s) as availability,
    sum(ideal_time_s) / sum(actual_production_time_s) as effectiveness,
    sum(good_ideal_time_s) / sum(planned_busy_time_s) as oee_index
from marts.work_unit_shift
inner join marts.dim_work_unit using (site_id, work_unit_id)
where definition_id = 'iso22400'
group by all
order by all
"""


def run(seconds: float) -> dict[str, float]:
    """Figures: `first_ms`, `median_ms` of the question, and how many rows it reads and gives."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        works = Works.until_yesterday(Path(folder) / "home", _UNITS, int(seconds), _EVERY_S)
        works.run_all_days()
        if works.refresh().wait() != 0:
            raise RuntimeError("takt refresh failed; its reason is above")
        figures = _asked(works)
        lake.catalog.leave(works.settings)
    return figures


def _asked(works: Works) -> dict[str, float]:
    milliseconds = []
    with closing(lake.open(works.settings, read_only=True)) as con:
        for _ in range(_TURNS):
            started = time.monotonic()
            rows = con.execute(_QUESTION).fetchall()
            milliseconds.append((time.monotonic() - started) * 1_000)
        read = con.execute("select count(*) from marts.work_unit_shift").fetchone()
    assert read is not None
    return {
        "first_ms": milliseconds[0],
        "median_ms": statistics.median(milliseconds[1:]),
        "rows_read": float(read[0]),
        "rows_given": float(len(rows)),
    }
