"""History from files into the lake, through ingestion's own commit path.

A file is identified by its content: its rows get the collector `import` and an epoch made
of its digest, so that loading it again changes nothing, and loading it again after a crash
continues where the ledger ends.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

import lake
from ingestion.committer import Committer, ledger_table
from ingestion.history_files import ImportFileError, chunks, digest_of_file, row_count_hint
from ingestion.intake import microseconds
from ingestion.judgement import EpochKey, LedgerRow, telemetry_rows
from ingestion.ledger import DIGEST_SIZE, Span
from ingestion.sample_times import check_times
from ingestion.side_shard import side_writer
from lake.errors import LakeUnavailable, OutcomeUnknown
from lake.schema import IMPORT_FILE
from lake.shard import Commit, ShardWriter
from takt import batch
from takt.backoff import Backoff
from takt.batch import Batch
from takt.progress import Progress, silent
from takt.settings import Settings
from takt.topics import Collector

log = logging.getLogger(__name__)

COLLECTOR = "import"
_GIVE_UP_AFTER_S = 120.0


@dataclass(frozen=True)
class ImportedFile:
    """What became of a file.

    Attributes:
        name: As it was given.
        rows: How many rows it has.
        was_known: Its content had been imported before; nothing has changed.
    """

    name: str
    rows: int
    was_known: bool

    def __str__(self) -> str:
        known = " (already imported; nothing changed)" if self.was_known else ""
        return f"{self.name}: {self.rows} rows{known}"


@dataclass(frozen=True)
class ImportReport:
    """What became of the files, in the order in which they were given."""

    files: tuple[ImportedFile, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.files))


@dataclass
class _Place:
    """How far the rows of one site are numbered."""

    seq: int = 0
    row: int = 0


@dataclass
class _File:
    """A file on its way in; `rows` is known once it has been checked."""

    path: Path
    digest: str
    rows: int = 0
    received_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    @property
    def epoch(self) -> str:
        return str(UUID(self.digest))

    def row(self, now: int) -> pa.Table:
        row = {
            "digest": self.digest,
            "name": str(self.path),
            "rows": self.rows,
            "imported_at": now,
        }
        return pa.Table.from_pylist([row], schema=IMPORT_FILE.arrow_schema)


def import_files(
    settings: Settings, files: Sequence[Path], progress: Progress = silent
) -> ImportReport:
    """Load history files; every file is checked whole before the first row is committed.

    Args:
        settings: Of the installation.
        files: Parquet or CSV with `site`, `equipment`, `signal`, `observed_at` and `value` or
            `text`; times without a zone are UTC.
        progress: Told what is done.

    Raises:
        ImportFileError: A file is wrong: which, in which row and column; nothing was loaded.
        LakeUnavailable: The lake does not answer; loading the same files again continues.
        LockTimeout: Another import is under way.
    """
    lake.schema.create(settings)
    found = [_File(path, digest_of_file(path, progress)) for path in map(Path, files)]
    known = _imported(settings, [each.digest for each in found])
    for file in found:
        file.rows = known.get(file.digest) or _checked_rows(file, progress)
    done = []
    with side_writer(settings) as (writer, owner_id):
        for file in found:
            done.append(ImportedFile(str(file.path), file.rows, file.digest in known))
            if file.digest not in known:
                _Import(settings, writer, owner_id, file).run(progress)
                known[file.digest] = file.rows
    return ImportReport(tuple(done))


def remember(settings: Settings, file: Path, name: str, rows: int) -> None:
    """Note another name of a file whose rows the lake has already.

    Raises:
        LakeUnavailable: The lake does not answer.
        LockTimeout: Another import is under way.
    """
    known = _File(Path(name), digest_of_file(file, silent), rows)
    with side_writer(settings) as (writer, _):
        writer.commit(Commit(import_files=known.row(microseconds(datetime.now(UTC)))))


class _Import:
    """One checked file on its way into the lake."""

    def __init__(self, settings: Settings, writer: ShardWriter, owner_id: str, file: _File) -> None:
        self._writer = writer
        self._owner_id = owner_id
        self._file = file
        self._committer = Committer(settings, writer, owner_id)
        self._places: dict[str, _Place] = defaultdict(_Place)

    def run(self, progress: Progress) -> None:
        """Commit what the lake does not have yet, chunk by chunk."""
        done = 0
        for chunk in chunks(self._file.path, self._file.received_at):
            done += chunk.num_rows
            parts = self._parts(chunk)
            _until_it_works(partial(self._commit, parts, is_last=done == self._file.rows))
            progress(f"importing {self._file.path.name}", done, self._file.rows)

    def _parts(self, chunk: pa.Table) -> list[tuple[EpochKey, int, Batch]]:
        """The chunk's rows per site, each as one batch with its seq and first row."""
        parts = []
        for site in sorted(pc.unique(chunk["site"]).to_pylist()):
            table = chunk.filter(pc.equal(chunk["site"], site)).select(batch.SCHEMA.names)
            place = self._places[site]
            place.seq += 1
            key = EpochKey(Collector(site, COLLECTOR), self._file.epoch)
            parts.append((key, place.seq, Batch(table.cast(batch.SCHEMA), place.row + 1)))
            place.row += table.num_rows
        return parts

    def _commit(self, parts: list[tuple[EpochKey, int, Batch]], *, is_last: bool) -> None:
        keys = [key for key, _, _ in parts]
        new = [
            (key, seq, content)
            for key, seq, content in parts
            if not self._committer.ledger(key).is_any_settled(seq, seq)
        ]
        if not new:
            return
        try:
            self._writer.commit(self._content(new, is_last=is_last))
        finally:
            # Reading an epoch anew for each chunk is cheap, and right whatever happened.
            self._committer.forget(keys)

    def _content(self, new: list[tuple[EpochKey, int, Batch]], *, is_last: bool) -> Commit:
        rows = [self._ledger_row(key, seq, content) for key, seq, content in new]
        telemetry = [telemetry_rows(key, [content]) for key, _, content in new]
        now = microseconds(datetime.now(UTC))
        return Commit(
            telemetry=pa.concat_tables(telemetry) if telemetry else None,
            batches=ledger_table(rows, self._owner_id, now),
            import_files=self._file.row(now) if is_last else None,
        )

    def _ledger_row(self, key: EpochKey, seq: int, content: Batch) -> LedgerRow:
        first_observed_at, last_observed_at = check_times(content.table)
        # The epoch is a digest of the content already; this names the batch within it.
        name = f"{self._file.digest}/{seq}".encode()
        return LedgerRow(
            key,
            Span.of(seq, seq, content.first_row, content.table.num_rows),
            content.first_row,
            "committed",
            None,
            blake2b(name, digest_size=DIGEST_SIZE).digest(),
            first_observed_at,
            last_observed_at,
        )


def _checked_rows(file: _File, progress: Progress) -> int:
    """Read a file to its end; how many rows it has."""
    total = row_count_hint(file.path)
    rows = 0
    for chunk in chunks(file.path, file.received_at):
        rows += chunk.num_rows
        progress(f"checking {file.path.name}", rows, total)
    if rows == 0:
        raise ImportFileError(f"{file.path}: the file has no rows")
    return rows


def _imported(settings: Settings, digests: list[str]) -> dict[str, int]:
    """Rows of the files that the lake has, by digest."""
    try:
        with lake.open(settings, read_only=True) as con:
            found = con.execute(
                "select digest, rows from raw.import_file where digest in (select unnest(?))",
                [digests],
            ).fetchall()
    except duckdb.Error as error:
        raise LakeUnavailable(f"the list of imported files cannot be read: {error}") from error
    return dict(found)


def _until_it_works(step: Callable[[], None]) -> None:
    """Try again while the lake is away, for two minutes."""
    backoff = Backoff(first_s=0.2, max_s=5.0)
    deadline = time.monotonic() + _GIVE_UP_AFTER_S
    while True:
        try:
            return step()
        except (LakeUnavailable, OutcomeUnknown) as error:
            if time.monotonic() > deadline:
                raise
            delay_s = backoff.next_delay_s()
            log.warning("%s; trying again in %.1f s", error, delay_s)
            time.sleep(delay_s)
