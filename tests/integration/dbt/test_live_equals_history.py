"""Live views at random snapshots equal a full rebuild of the lake at them, exactly."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest

import lake
from ingestion import reference
from pipelines import dbt
from takt.settings import Settings
from tests.integration.dbt import hardships
from tests.integration.dbt.generated_samples import Arrivals, Late, Speech
from tests.integration.dbt.generated_works import BusinessFiles, make_units
from tests.integration.dbt.running_shifts import (
    Rows,
    differing,
    of_history,
    of_live_views,
    of_units,
)
from tests.lake_fixtures import with_all_cores
from tests.parsed_project import share_parsed_project

SEED = 20260329
ROUNDS = (
    # Night in Copenhagen, just after its clocks went forward; the afternoon after it.
    (datetime(2026, 3, 29, 1, 30), datetime(2026, 3, 29, 3, 55)),
    (datetime(2026, 3, 29, 8), datetime(2026, 3, 29, 19)),
    # Night in Sydney and then in Santiago, after theirs went back.
    (datetime(2026, 4, 4, 16, 30), datetime(2026, 4, 4, 20)),
    (datetime(2026, 4, 5, 4), datetime(2026, 4, 5, 9, 30)),
)
"""Each evaluation happens at a random moment of such a span, UTC."""


@dataclass(frozen=True)
class Round:
    """The last refresh, a later snapshot, and what is the present at each of them.

    Without reports of orders in between, live views go on from what that refresh has settled.
    """

    refreshed_at: datetime
    now: datetime
    reports_orders: bool


@pytest.mark.proof
@pytest.mark.timeout(1800)  # eight builds
def test_live_views_at_random_snapshots_equal_full_rebuilds_over_a_thousand_running_shifts(
    built_settings: Settings, tmp_path: Path
) -> None:
    works = GeneratedWorks(with_all_cores(built_settings), tmp_path, units=280, spans=ROUNDS)

    pairs, found = works.compare()

    assert pairs >= 1_000
    assert {name: found[name] for name in hardships.QUESTIONS if found[name] < 5} == {}


@pytest.mark.timeout(600)  # two builds
def test_live_views_at_a_random_snapshot_equal_a_full_rebuild(
    built_settings: Settings, tmp_path: Path
) -> None:
    works = GeneratedWorks(with_all_cores(built_settings), tmp_path, units=72, spans=ROUNDS[-1:])

    pairs, found = works.compare()

    assert pairs >= 60
    elsewhere = {"clocks go forward in the shift", "a day of 23 hours"}
    assert {name for name in hardships.QUESTIONS if not found[name]} == elsewhere


class GeneratedWorks:
    """Generated work units in a lake, and the rounds of their life."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        units: int,
        spans: Sequence[tuple[datetime, datetime]],
    ) -> None:
        rng = Random(SEED)
        self._rng = rng
        self._settings = settings
        self._rounds = [
            _round(rng, *span, reports_orders=number % 2 == 1) for number, span in enumerate(spans)
        ]
        made = make_units(rng, units)
        lates = [Late(each.refreshed_at, each.now) for each in self._rounds]
        self._thresholds = {
            unit.work_unit_id: (0, 30, 500)[unit.number % 3]
            for unit in made
            if unit.number % 4 == 2
        }
        self._files = BusinessFiles(folder / "business_data", made)
        self._arrivals = Arrivals([Speech(unit, rng, lates) for unit in made])
        self._load(self._files.write_master_data())
        share_parsed_project(settings.home)

    def compare(self) -> tuple[int, Counter[str]]:
        """How many running shifts were compared, and how many of them have each hardship."""
        pairs, found = 0, Counter[str]()
        for each in self._rounds:
            shifts, hard = self._compare_round(each)
            pairs += shifts
            found.update({name: len(having) for name, having in hard.items()})
        return pairs, found

    def _compare_round(self, moment: Round) -> tuple[int, dict[str, set[hardships.Pair]]]:
        """Refresh, let more arrive, read the live views at its snapshot, rebuild, compare."""
        self._live_until(moment.refreshed_at, reports_orders=True)
        self._build(moment.refreshed_at, full=moment is self._rounds[0])
        refreshed = self._snapshot_id()
        self._live_until(moment.now, reports_orders=moment.reports_orders)
        snapshot_id = self._snapshot_id()
        with self._at(moment.now, snapshot_id) as con:
            live = of_live_views(con)
        self._build(moment.now, full=True)
        with self._at(moment.now) as con:
            _assert_equal(live, of_history(con), moment)
            assert differing(live["rows"], of_live_views(con)["rows"]) == [], moment
            con.execute(f"set variable refreshed = {refreshed}")
            con.execute(f"set variable refreshed_at = timestamp '{moment.refreshed_at}'")
            con.execute(hardships.PREPARE)
            return len(live["shifts"]), hardships.of_running_shifts(con)

    def _live_until(self, moment: datetime, *, reports_orders: bool) -> None:
        """What arrives until then, in some commits, and what is reported of orders."""
        begin = max(self._arrivals.reached, moment - timedelta(hours=30))
        between = [begin + self._rng.random() * (moment - begin) for _ in range(2)]
        for until in sorted([*between, moment]):
            self._arrivals.commit(self._settings, until)
        if reports_orders:
            self._load(self._files.write_orders(moment))

    def _load(self, folder: Path) -> None:
        report = reference.load(self._settings, folder)
        assert report.load_id is not None, str(report)

    def _build(self, now: datetime, *, full: bool = False) -> None:
        variables = {
            "now": now.isoformat(" "),
            "minor_stop_thresholds_s": self._thresholds,
        }
        dbt.build(self._settings, variables=variables, full=full)

    @contextmanager
    def _at(
        self, now: datetime, snapshot_id: int | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        opened = lake.open(self._settings, read_only=True, snapshot_id=snapshot_id)
        with closing(opened) as con:
            con.execute(f"set variable takt_now = '{now}'")
            yield con

    def _snapshot_id(self) -> int:
        with closing(lake.open(self._settings, read_only=True)) as con:
            row = con.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
        assert row is not None
        return int(row[0])


def _assert_equal(live: dict[str, Rows], rebuilt: dict[str, Rows], moment: Round) -> None:
    for name in ("shifts", "hours", "present", "orders", "intervals"):
        assert rebuilt[name]
        assert differing(live[name], rebuilt[name]) == [], (name, moment)
    began = rebuilt["since"]
    assert len(began) > len(live["shifts"]) / 3
    assert differing(of_units(live["since"], began), began) == [], moment


def _round(rng: Random, begin: datetime, end: datetime, *, reports_orders: bool) -> Round:
    now = begin + rng.random() * (end - begin)
    now = now.replace(microsecond=rng.randrange(1_000_000))
    ago = timedelta(hours=rng.choice((0.1, 1, 5)) * rng.uniform(0.5, 1.2))
    return Round(now - ago, now, reports_orders)
