"""What the plant's machines said in the past, as files for `takt import`.

One Parquet file a local day, in the import's columns. Each opens and closes with the values
then current, so that nothing is missing between two files.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edge.simulator import business_data, edge_config, marker, truth
from edge.simulator.production import Plant
from edge.simulator.shifts import local_date, local_ms, to_ms
from edge.simulator.signals import Series, Signals
from takt.progress import Progress, silent
from takt.settings import Settings

log = logging.getLogger(__name__)

_US = pa.timestamp("us", tz="UTC")


def prepare(
    folder: Path,
    settings: Settings,
    seed: int,
    start: datetime,
    now: datetime,
    *,
    progress: Progress = silent,
) -> list[Path]:
    """Write all that a demo needs before it runs.

    `folder` gets `business_data/`, `truth/` and `history/`; the home gets `edge.toml`.

    Args:
        folder: Where the plant keeps its files; made when missing.
        settings: Of the installation.
        seed: Decides what happens in the plant.
        start: First moment of the history.
        now: First moment after it.
        progress: Told how many files are done.

    Returns:
        The history files, oldest first.
    """
    plant = Plant(seed, to_ms(start))
    business_data.write_business_data(folder / "business_data", settings.site, plant, to_ms(now))
    edge_config.write_edge_config(settings.home / "edge.toml", settings)
    truth.write_truth(folder / "truth", settings.site, plant, plant.start, to_ms(now))
    marker.keep(folder, now)
    return _write(
        folder / "history", settings.site, plant, plant.start, to_ms(now), progress=progress
    )


def history_gap(
    folder: Path, settings: Settings, seed: int, start: datetime, live_from: datetime
) -> list[Path]:
    """Write what was said between the last stop and `live_from`; business data and truth anew.

    Returns:
        The files to import; empty when nothing is missing.
    """
    stopped_at = marker.read(folder) or start
    if stopped_at >= live_from:
        return []
    plant = Plant(seed, to_ms(start))
    now = to_ms(live_from)
    business_data.write_business_data(folder / "business_data", settings.site, plant, now)
    truth.write_truth(folder / "truth", settings.site, plant, plant.start, now)
    files = _write(
        folder / "history", settings.site, plant, to_ms(stopped_at), now, progress=silent
    )
    marker.keep(folder, live_from)
    return files


def write_history(
    folder: Path,
    site: str,
    seed: int,
    start: datetime,
    end: datetime,
    *,
    progress: Progress = silent,
) -> list[Path]:
    """Write everything that a plant started at `start` says until `end`; the files in order."""
    plant = Plant(seed, to_ms(start))
    return _write(folder, site, plant, plant.start, to_ms(end), progress=progress)


def _write(
    folder: Path, site: str, plant: Plant, begin: int, end: int, *, progress: Progress
) -> list[Path]:
    if begin >= end:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    signals = Signals(plant)
    files = []
    cuts = [begin, *_midnights(begin, end), end]
    for number, (first, last) in enumerate(pairwise(cuts), start=1):
        moment = datetime.fromtimestamp(first / 1_000, UTC)
        file = folder / f"{moment:%Y%m%dT%H%M%S}.parquet"
        aside = file.with_suffix(".new")
        pq.write_table(_table(site, signals, first, last), aside, compression="zstd")
        aside.replace(file)
        files.append(file)
        progress("days of history", number, len(cuts) - 1)
    return files


def _midnights(begin: int, end: int) -> list[int]:
    """Local midnights strictly inside (begin, end)."""
    day = local_date(begin) + timedelta(days=1)
    found = []
    while (at := local_ms(day, time(0))) < end:
        found.append(at)
        day += timedelta(days=1)
    return found


def _table(site: str, signals: Signals, begin: int, end: int) -> pa.Table:
    """All samples of [begin, end) in time order, between what held at its two ends."""
    closing = (each for each in signals.current(end) if each.signal.role == "state")
    parts = [*signals.current(begin), *signals.between(begin, end), *closing]
    sizes = [len(part.at) for part in parts]
    at = np.concatenate([part.at for part in parts])
    order = np.argsort(at, kind="stable")
    columns = {
        "site": pa.array([site]).take(pa.array(np.zeros(len(at), dtype=np.int64))),
        "equipment": _named((part.equipment_id for part in parts), sizes).take(order),
        "signal": _named((part.signal.name for part in parts), sizes).take(order),
        "observed_at": pa.array(at * 1_000).cast(_US).take(order),
        "value": pa.concat_arrays([_values(part) for part in parts]).take(order),
        "text": pa.concat_arrays([_texts(part) for part in parts]).take(order),
        "quality": pa.array(np.zeros(len(at), dtype=np.int8)),
        "is_historical": pa.array(np.ones(len(at), dtype=bool)),
    }
    return pa.table(columns)


def _named(names: Iterable[str], sizes: list[int]) -> pa.Array:
    return pa.array(list(names)).take(pa.array(np.repeat(np.arange(len(sizes)), sizes)))


def _values(part: Series) -> pa.Array:
    if part.values is None:
        return pa.nulls(len(part.at), pa.float64())
    return pa.array(part.values, pa.float64())


def _texts(part: Series) -> pa.Array:
    if part.texts is None:
        return pa.nulls(len(part.at), pa.string())
    return pa.array(part.texts, pa.string())
