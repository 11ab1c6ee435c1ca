"""One refresh: pin a snapshot, transform, test, publish; whoever starts it.

Belongs here: the order of these steps, which `takt refresh` and Dagster share. dbt's command
line is in `pipelines.dbt`.
"""

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import duckdb

import lake
from pipelines import dbt
from pipelines.dbt import NodeResult, TransformationError
from takt.progress import Progress, silent
from takt.settings import Settings

_log = logging.getLogger(__name__)

LOCK_WAIT_S = 600.0
"""How long who changes the marts waits for another who does, in seconds."""
_SCHEMAS_OF_DBT = ("staging", "intermediate", "marts")
_BUT_VIEWS = "config.materialized:incremental test_type:data"


@dataclass(frozen=True)
class RefreshReport:
    """What a refresh did.

    Attributes:
        run_id: Names it in `pipeline.run`.
        pinned_snapshot_id: Raw and reference rows were read up to here.
        snapshot_id: The lake's snapshot with the finished marts; None: nothing was published.
        results: How each model and test went.
        duration_s: From holding the lock to the end.
    """

    run_id: str
    pinned_snapshot_id: int
    snapshot_id: int | None
    results: Sequence[NodeResult]
    duration_s: float

    def __str__(self) -> str:
        """One line for people."""
        tests = sum(result.unique_id.startswith(("test.", "unit_test.")) for result in self.results)
        done = f"{len(self.results) - tests} models, {tests} tests in {self.duration_s:.1f} s"
        if self.snapshot_id is None:
            return f"{done}; a selection is published by the next full refresh"
        return f"{done}; published as of snapshot {self.pinned_snapshot_id}"


class RefreshError(TransformationError):
    """A model or blocking test failed; what everybody sees is unchanged."""


def refresh(
    settings: Settings,
    *,
    full: bool = False,
    select: str | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
    progress: Progress = silent,
) -> RefreshReport:
    """Run the transformations once and publish if every blocking test passes.

    Rows that another version of the transformations made are rebuilt in full.

    Args:
        settings: Of the installation.
        full: Rebuild everything from raw.
        select: dbt's selection; such a run is not published.
        from_day: First production date to rebuild whatever has changed.
        to_day: Last production date to rebuild.
        progress: Is told how many models and tests have finished.

    Raises:
        RefreshError: A model or blocking test failed; nothing was published.
        lake.LockTimeout: Another refresh, load or close holds the lake for ten minutes.
        lake.LakeUnavailable: The catalog does not answer.
        lake.OutcomeUnknown: The catalog was lost while publishing; refresh again.
    """
    lake.schema.create(settings)
    with lake.locks.refresh_lock(settings, wait_s=LOCK_WAIT_S):
        return refresh_held(
            settings, full=full, select=select, from_day=from_day, to_day=to_day, progress=progress
        )


def refresh_held(
    settings: Settings,
    *,
    full: bool = False,
    select: str | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
    progress: Progress = silent,
) -> RefreshReport:
    """As `refresh`, for who holds the refresh lock of a lake that has its tables."""
    started = time.monotonic()
    project = dbt.origin(settings)
    runs = _runs_since_publication(settings)
    broken = _broken_tables(settings)
    if not full and (why := _why_rebuild(project, runs, broken)):
        _log.warning("%s; rebuilding everything", why)
        full = True
    # What was published has all views of its project, and they stand as they are.
    has_its_views = not full and any(runs.values())
    kind = _kind(full=full, select=select, day=from_day or to_day)
    run = _Run(settings, project, kind, _newest_snapshot(settings))
    run.begin()
    variables = {
        "pinned_snapshot_id": run.pinned_snapshot_id,
        "rebuild_from": from_day and from_day.isoformat(),
        "rebuild_to": to_day and to_day.isoformat(),
        "is_published_readable": not broken,
    }
    try:
        results = dbt.build(
            settings,
            variables=variables,
            full=full,
            select=select or (_BUT_VIEWS if has_its_views else None),
            progress=progress,
        )
    except TransformationError as error:
        run.record("failed")
        raise RefreshError(f"refresh failed, nothing published; {error}", error.results) from error
    snapshot_id = None
    if select:
        run.record("built")
    else:
        snapshot_id = run.publish()
    report = RefreshReport(
        run.run_id, run.pinned_snapshot_id, snapshot_id, results, time.monotonic() - started
    )
    _log.info("refresh %s: %s", run.run_id, report)
    return report


def _kind(*, full: bool, select: str | None, day: date | None) -> str:
    if select:
        return "selection"
    if full:
        return "full"
    return "backfill" if day else "refresh"


def _why_rebuild(project: str, runs: Mapping[str, bool], broken: Sequence[str]) -> str | None:
    """Why what is there cannot be built upon; None when it can."""
    if broken:
        return f"files of {', '.join(broken)} are missing"
    if runs.keys() - {project}:
        return "other transformations or settings made some of what is there"
    return None


def _broken_tables(settings: Settings) -> list[str]:
    """Tables of dbt that lost files when the catalog died while one of its commits ended."""
    missing = lake.files.tables_with_missing_files(settings)
    return sorted(table for table in missing if table.split(".")[0] in _SCHEMAS_OF_DBT)


def _runs_since_publication(settings: Settings) -> dict[str, bool]:
    """The projects of the last publication and of every run after it: which of them it was.

    What failed or was killed has made some of what is there, too.
    """
    with closing(lake.open(settings, read_only=True)) as con:
        found = con.execute(
            "select coalesce(project, 'unknown'), bool_or(outcome = 'published')"
            " from pipeline.run where started_at >= coalesce((select max(started_at)"
            " from pipeline.run where outcome = 'published'), timestamp '-infinity') group by all"
        ).fetchall()
    return {str(project): bool(is_published) for project, is_published in found}


def _newest_snapshot(settings: Settings) -> int:
    with closing(lake.open(settings, read_only=True)) as con:
        return _snapshot_id(con)


def _snapshot_id(con: duckdb.DuckDBPyConnection) -> int:
    found = con.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
    assert found is not None, "an aggregate gives a row"
    return int(found[0])


@dataclass(frozen=True)
class _Run:
    """A refresh under way, to be written down when it ends."""

    settings: Settings
    project: str
    kind: str
    pinned_snapshot_id: int
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def begin(self) -> None:
        """Write down that it starts, and with which project."""
        with closing(lake.open(self.settings)) as con, lake.transaction(con):
            # All values are our own; bound ones would make DuckDB import pandas for a second.
            con.execute(
                "insert into pipeline.run by name select"
                f" '{self.run_id}' as run_id, {self.pinned_snapshot_id} as snapshot_id,"
                f" '{self.kind}' as kind, {_now()} as started_at, '{self.project}' as project"
            )
            lake.durable.commit(con, self.settings, ["pipeline"])

    def publish(self) -> int:
        """Make the marts as they are now what everybody sees; their snapshot."""
        with closing(lake.open(self.settings)) as con:
            snapshot_id = _snapshot_id(con)
            with lake.transaction(con):
                con.execute(
                    "insert into pipeline.publication by name select"
                    f" {snapshot_id} as snapshot_id,"
                    f" {self.pinned_snapshot_id} as pinned_snapshot_id,"
                    f" '{self.run_id}' as run_id, {_now()} as published_at"
                )
                self._end(con, "published")
                lake.durable.commit(con, self.settings, ["pipeline"])
        return snapshot_id

    def record(self, outcome: str) -> None:
        """Write down that it ended without publishing."""
        with closing(lake.open(self.settings)) as con, lake.transaction(con):
            self._end(con, outcome)
            lake.durable.commit(con, self.settings, ["pipeline"])

    def _end(self, con: duckdb.DuckDBPyConnection, outcome: str) -> None:
        con.execute(
            f"update pipeline.run set finished_at = {_now()}, outcome = '{outcome}'"
            f" where run_id = '{self.run_id}'"
        )


def _now() -> str:
    return f"timestamp '{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}'"
