"""A folder of exports of a historian, taken into the lake: each line once.

A file is known by its content, and by equipment and signal where its name says them: the same
content again, also renamed, brings nothing; a file that has grown brings its new lines. What is
new of it becomes one file in the import form, whose name ends with the digest of the content;
`ingestion.history` loads that whole and remembers its name. Lines that cannot be read are kept
beside it with number and reason.
"""

import csv
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

import lake
from ingestion import history
from ingestion.export_form import ExportForm
from ingestion.export_rows import (
    ExportError,
    Fixed,
    Rows,
    bad_lines,
    fresh,
    rows_of_csv,
    rows_of_parquet,
)
from ingestion.history_files import ImportFileError
from takt.errors import TaktError
from takt.progress import Progress, silent
from takt.settings import Settings

log = logging.getLogger(__name__)

_KNOWN = re.compile(r"-([0-9a-f]{32})\.parquet$")


@dataclass(frozen=True)
class TakenFile:
    """What became of an export.

    Attributes:
        name: Where it lies.
        rows: How many samples are new.
        bad: How many lines cannot be read.
        detail: Where these are kept, or why nothing was taken.
    """

    name: str
    rows: int = 0
    bad: int = 0
    detail: str = ""

    def __str__(self) -> str:
        told = f"{self.name}: {self.rows} new samples"
        told += f", {self.bad} lines cannot be read" if self.bad else ""
        return f"{told}: {self.detail}" if self.detail else told


def take_in(
    settings: Settings, folder: Path, form: ExportForm, progress: Progress = silent
) -> list[TakenFile]:
    """Load what is new in the files of a folder that have stopped changing.

    Raises:
        LakeUnavailable: The lake does not answer; the next time continues.
        LockTimeout: Another import is under way.
    """
    lake.schema.create(settings)
    _finish(settings)
    known = _known(settings)
    taken = []
    files = list(_settled(folder, form))
    for place, file in enumerate(files):
        progress("taking in exports", place, len(files))
        fixed = Fixed(
            _filled(form.equipment, folder, file),
            _filled(form.signal, folder, file),
            form.site or settings.site,
        )
        try:
            one = _take(settings, file, fixed, form, known)
        except (ExportError, ImportFileError, OSError) as error:
            one = TakenFile(str(file), detail=f"left out, the others go on: {error}")
        if one is not None:
            taken.append(one)
    return taken


def watch(settings: Settings, folder: Path, form: ExportForm, every_s: float = 10.0) -> None:
    """Take in what comes, until the process is ended; each result is one line in the log."""
    said: set[str] = set()
    while True:
        try:
            for taken in take_in(settings, folder, form):
                if str(taken) not in said:
                    log.log(logging.WARNING if taken.detail else logging.INFO, "%s", taken)
                said.add(str(taken))
        except TaktError as error:
            log.warning("exports in %s wait: %s", folder, error)
        time.sleep(every_s)


def _finish(settings: Settings) -> None:
    """What an interrupted run has begun comes first: its export may have grown since."""
    shelf = settings.home / "exports"
    shelf.mkdir(parents=True, exist_ok=True)
    for staged in sorted(shelf.glob("*.parquet")):
        history.import_files(settings, [staged])
        staged.unlink()


def _settled(folder: Path, form: ExportForm) -> Iterator[Path]:
    now = time.time()
    for file in sorted(folder.glob(form.files)):
        if file.is_file() and now - file.stat().st_mtime >= form.settle_s:
            yield file


def _known(settings: Settings) -> set[str]:
    with lake.open(settings, read_only=True) as con:
        names = con.execute("select name from raw.import_file").fetchall()
    return {match[1] for (name,) in names if (match := _KNOWN.search(name))}


def _take(
    settings: Settings, file: Path, fixed: Fixed, form: ExportForm, known: set[str]
) -> TakenFile | None:
    new = fresh(file, f"{fixed.equipment}\0{fixed.signal}\0", known)
    if new is None:
        return None
    if file.suffix == ".parquet":
        rows = rows_of_parquet(file, form, fixed)
    else:
        rows = rows_of_csv(file, new, form, fixed)
    beside = settings.home / "exports" / f"{file.name}-{new.digest}"
    kept = _keep_bad(beside.with_name(f"{beside.name}.rejected.csv"), rows)
    if not rows.good.num_rows:
        return TakenFile(str(file), 0, len(rows.bad), kept) if rows.bad else None
    aside = beside.with_name(f"{beside.name}.new")
    pq.write_table(rows.good, aside)
    aside.rename(aside.with_suffix(".parquet"))
    _finish(settings)
    known.add(new.digest)
    return TakenFile(str(file), rows.good.num_rows, len(rows.bad), kept)


def _filled(name: str | None, folder: Path, file: Path) -> str:
    below = file.relative_to(folder).parent.as_posix()
    stem = file.name.partition(".")[0]
    return (name or "").replace("{folder}", below).replace("{file}", stem)


def _keep_bad(file: Path, rows: Rows) -> str:
    if not rows.bad:
        return ""
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows(bad_lines(rows.bad))
    return f"they are kept in {file}"
