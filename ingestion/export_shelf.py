"""The shelf in the home: what of a historian's exports is on its way, and what the lake has.

Belongs here: names, lock and durability of what is staged. What its rows are does not.
"""

import fcntl
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

import lake
from ingestion import history
from ingestion.export_rows import ExportError, Rows
from ingestion.history_files import ImportFileError, digest_of_file
from lake.commit import sync_paths
from takt.progress import silent
from takt.settings import Settings

log = logging.getLogger(__name__)

_NAME = re.compile(r"-([0-9a-f]{32})-((?:[0-9a-f]{16}){1,2})\.parquet$")


class Known(NamedTuple):
    """What was taken before.

    Attributes:
        contents: Digests of all content up to a line.
        starts: Of the first rows of each part that was taken, see `Rows.starts`.
        rows: Digests of what was staged.
    """

    contents: set[str]
    starts: set[str]
    rows: set[str]


@contextmanager
def held(settings: Settings) -> Iterator[Path]:
    """The shelf, for one process at a time.

    Raises:
        LockTimeout: Another process takes in exports.
    """
    shelf = settings.home / "exports"
    shelf.mkdir(parents=True, exist_ok=True)
    with (shelf / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise lake.LockTimeout("another import of exports is under way") from error
        yield shelf


def finish(settings: Settings, shelf: Path) -> None:
    """What an interrupted run has begun comes first: its export may have grown since."""
    for half in shelf.glob("*.new"):
        half.unlink()
    for staged in sorted(shelf.glob("*.parquet")):
        try:
            _bring_in(settings, staged)
        except ImportFileError as error:
            log.warning("what was made of an export is made again: %s", error)


def known(settings: Settings) -> Known:
    """What the lake remembers of exports, by the names of what was staged."""
    with lake.open(settings, read_only=True) as con:
        files = con.execute("select name, digest from raw.import_file").fetchall()
    found = Known(set(), set(), set())
    for name, rows in files:
        if match := _NAME.search(name):
            found.contents.add(match[1])
            found.starts.update(_halves(match[2]))
            found.rows.add(rows)
    return found


def load(settings: Settings, shelf: Path, export: str, rows: Rows, known: Known) -> bool:
    """Bring rows into the lake, under a name that tells what they are of; is any of them new?

    None is of an export that differs from another only where the form does not look.

    Args:
        settings: Of the installation.
        shelf: Where they are staged.
        export: Its name and the digest of its content.
        rows: What is in it.
        known: What was taken before; it is told what is now.

    Raises:
        ExportError: Lines of it that were taken before have changed.
    """
    aside = shelf / f"{export}-{''.join(rows.starts)}.new"
    pq.write_table(rows.good, aside)
    digest = digest_of_file(aside, silent)
    is_new = digest not in known.rows
    if not is_new:
        history.remember(settings, aside, str(aside.with_suffix(".parquet")), rows.good.num_rows)
        aside.unlink()
    elif not known.starts.isdisjoint(rows.starts):
        aside.unlink()
        raise ExportError("lines taken before have changed; put new ones into another file")
    else:
        sync_paths([aside], settings.home)
        staged = aside.rename(aside.with_suffix(".parquet"))
        sync_paths([staged], settings.home)
        _bring_in(settings, staged)
    known.rows.add(digest)
    known.starts.update(rows.starts)
    return is_new


def _bring_in(settings: Settings, staged: Path) -> None:
    try:
        history.import_files(settings, [staged])
    except ImportFileError:
        staged.unlink()  # its export is still there
        raise
    staged.unlink()


def _halves(starts: str) -> list[str]:
    return [starts[:16], starts[16:]] if starts[16:] else [starts]
