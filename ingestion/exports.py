"""A folder of exports of a historian, taken into the lake: each line once.

A file is known by its content, and by equipment and signal where its name says them: the same
content again, also renamed, brings nothing; a file that has grown brings its new lines. What is
new of it becomes one file in the import form, whose name ends with the digest of the content;
`ingestion.history` loads that whole and remembers its name. Lines that cannot be read are kept
beside it with number and reason.
"""

import csv
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import NamedTuple, Self

import lake
from ingestion import export_shelf
from ingestion.export_form import ExportForm
from ingestion.export_rows import (
    BadLine,
    ExportError,
    Fixed,
    Rows,
    fresh,
    rows_of_csv,
    rows_of_parquet,
)
from ingestion.export_shelf import Known
from ingestion.history_files import ImportFileError
from takt.errors import TaktError
from takt.progress import Progress, silent
from takt.settings import Settings

log = logging.getLogger(__name__)

_RESTS_TO_END = 60
"""A last line without its end may be half a line, until the file has rested for so long: that many
times `settle_s`."""


@dataclass(frozen=True)
class TakenFile:
    """What became of an export.

    Attributes:
        name: Where it lies.
        rows: How many samples are new.
        texts: How many of these are texts, not numbers.
        first: Signal, time and value of the first of them, to see whether the form is right.
        bad: How many lines cannot be read.
        detail: Where these are kept, or why nothing was taken.
    """

    name: str
    rows: int = 0
    texts: int = 0
    first: str = ""
    bad: int = 0
    detail: str = ""

    def __str__(self) -> str:
        told = f"{self.name}: {self.rows} new samples"
        told += f", {self.texts} of them texts" if self.texts else ""
        told += f", the first {self.first}" if self.first else ""
        told += f", {self.bad} lines cannot be read" if self.bad else ""
        return f"{told}: {self.detail}" if self.detail else told


class Seen(NamedTuple):
    """A file that was read; it brings nothing more as long as all of this stays as it is."""

    file: Path
    size: int
    changed_at: int
    is_at_rest: bool

    @classmethod
    def of(cls, file: Path, form: ExportForm) -> Self:
        """The file as it is now."""
        now = file.stat()
        return cls(file, now.st_size, now.st_mtime_ns, _is_at_rest(file, form))


def take_in(
    settings: Settings,
    folder: Path,
    form: ExportForm,
    progress: Progress = silent,
    seen: set[Seen] | None = None,
) -> list[TakenFile]:
    """Load what is new in the files of a folder that have stopped changing.

    Args:
        settings: Of the installation.
        folder: Where they lie.
        form: How they are read.
        progress: Told what is done.
        seen: Files that need not be read again; what has been read is added to it.

    Raises:
        LakeUnavailable: The lake does not answer; the next time continues.
        LockTimeout: Another import is under way.
    """
    with export_shelf.held(settings) as shelf:
        lake.schema.create(settings)
        export_shelf.finish(settings, shelf)
        known = export_shelf.known(settings)
        run = _Run(settings, shelf, folder, form, known, set() if seen is None else seen)
        files = list(_settled(folder, form))
        taken = []
        for place, file in enumerate(files):
            progress("taking in exports", place, len(files))
            taken.append(run.take(file))
    return [one for one in taken if one is not None]


def watch(settings: Settings, folder: Path, form: ExportForm, every_s: float = 10.0) -> None:
    """Take in what comes, until the process is ended; each result is one line in the log."""
    said: set[str] = set()
    seen: set[Seen] = set()
    while True:
        try:
            for taken in take_in(settings, folder, form, seen=seen):
                if str(taken) not in said:
                    log.log(logging.WARNING if taken.detail else logging.INFO, "%s", taken)
                said.add(str(taken))
        except TaktError as error:
            log.warning("exports in %s wait: %s", folder, error)
        time.sleep(every_s)


def _settled(folder: Path, form: ExportForm) -> Iterator[Path]:
    now = time.time()
    for file in sorted(folder.glob(form.files)):
        if file.is_file() and now - file.stat().st_mtime >= form.settle_s:
            yield file


@dataclass(frozen=True)
class _Run:
    """What all files of a folder have in common."""

    settings: Settings
    shelf: Path
    folder: Path
    form: ExportForm
    known: Known
    seen: set[Seen]

    def take(self, file: Path) -> TakenFile | None:
        """Take in a file; None: nothing of it is new."""
        try:
            looked_at = Seen.of(file, self.form)
            if looked_at in self.seen:
                return None
            taken = self._take(file)
        except (ExportError, ImportFileError, OSError) as error:
            return TakenFile(str(file), detail=f"left out, the others go on: {error}")
        self.seen.add(looked_at)
        return taken

    def _take(self, file: Path) -> TakenFile | None:
        fixed = self._fixed(file)
        place = f"{fixed.equipment}\0{fixed.signal}\0"
        new = fresh(file, place, self.known.contents, is_at_rest=_is_at_rest(file, self.form))
        if new is None:
            return None
        if file.suffix == ".parquet":
            rows = rows_of_parquet(file, self.form, fixed)
        else:
            rows = rows_of_csv(file, new, self.form, fixed)
        export = f"{file.name}-{new.digest}"
        kept = _keep_bad(self.shelf / f"{export}.rejected.csv", rows)
        rejected = TakenFile(str(file), bad=len(rows.bad), detail=kept) if rows.bad else None
        if not rows.good.num_rows:
            return rejected
        is_new = export_shelf.load(self.settings, self.shelf, export, rows, self.known)
        self.known.contents.add(new.digest)
        if not is_new:
            return rejected
        texts, first = rows.good["text"].length() - rows.good["text"].null_count, _first(rows)
        return TakenFile(str(file), rows.good.num_rows, texts, first, len(rows.bad), kept)

    def _fixed(self, file: Path) -> Fixed:
        equipment, signal = (
            _filled(name, self.folder, file) for name in (self.form.equipment, self.form.signal)
        )
        return Fixed(equipment, signal, self.form.site or self.settings.site)


def _first(rows: Rows) -> str:
    row = rows.good.slice(0, 1).to_pylist()[0]
    told = row["value"] if row["text"] is None else repr(row["text"])
    value = "of bad quality" if told is None else told
    at = row["observed_at"].astimezone(UTC)
    return f"{row['equipment']} {row['signal']} {at:%Y-%m-%dT%H:%M:%SZ} {value}"


def _is_at_rest(file: Path, form: ExportForm) -> bool:
    return time.time() - file.stat().st_mtime >= _RESTS_TO_END * form.settle_s


def _filled(name: str | None, folder: Path, file: Path) -> str:
    below = file.relative_to(folder).parent.as_posix()
    stem = file.name.partition(".")[0]
    return (name or "").replace("{folder}", below).replace("{file}", stem)


def _keep_bad(file: Path, rows: Rows) -> str:
    if not rows.bad:
        return ""
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([BadLine._fields, *rows.bad])
    return f"they are kept in {file}"
