"""What `takt pipelines` can be asked: refreshes by kind and outcome, and how old the marts are.

They are read from the lake when somebody asks, so that they count whoever refreshed: a schedule,
a backfill or `takt refresh`. What else Dagster runs, its own pages show.
"""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import duckdb
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import lake
from takt.errors import TaktError
from takt.settings import Settings

_RUNS = (
    "select kind, outcome, count(*), sum(epoch_us(finished_at) - epoch_us(started_at)) / 1e6,"
    " arg_max(epoch_us(finished_at) - epoch_us(started_at), finished_at) / 1e6"
    " from pipeline.run where finished_at is not null group by all order by all"
)
_PUBLISHED = "select max(published_at) from pipeline.publication"


class RefreshFigures(Collector):
    """Figures of one home's refreshes; nothing while its lake does not answer.

    Args:
        settings: Of the installation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: asking must not need the lake."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The figures of this moment."""
        try:
            with closing(lake.open(self._settings, read_only=True)) as con:
                runs = con.execute(_RUNS).fetchall()
                found = con.execute(_PUBLISHED).fetchone()
        except (TaktError, duckdb.Error):
            return
        yield from _of_runs(runs)
        published_at: datetime | None = found[0] if found else None
        if published_at is not None:
            age = GaugeMetricFamily(
                "takt_pipelines_publication_age_seconds", "Since the marts were last published."
            )
            age.add_metric(
                (), (datetime.now(UTC) - published_at.replace(tzinfo=UTC)).total_seconds()
            )
            yield age


def _of_runs(runs: Iterable[tuple[Any, ...]]) -> Iterable[Metric]:
    labels = ("kind", "outcome")
    count = CounterMetricFamily("takt_pipelines_refreshes", "Refreshes that ended.", labels=labels)
    seconds = CounterMetricFamily(
        "takt_pipelines_refresh_seconds", "Time that refreshes took.", labels=labels
    )
    last = GaugeMetricFamily(
        "takt_pipelines_last_refresh_seconds", "Time that the last one took.", labels=labels
    )
    for kind, outcome, number, total_s, last_s in runs:
        count.add_metric((kind, outcome), number)
        seconds.add_metric((kind, outcome), total_s)
        last.add_metric((kind, outcome), last_s)
    return count, seconds, last
