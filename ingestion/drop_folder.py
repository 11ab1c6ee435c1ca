"""The drop folder: a subfolder of `$TAKT_HOME/drop` is loaded once a file `_ready` is in it.

A loaded folder moves to `$TAKT_HOME/archive/<time>-<name>`, a refused one to
`$TAKT_HOME/rejected/<time>-<name>`, each with `report.json` and `report.txt`.
"""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from ingestion import reference
from ingestion.reference_report import Report
from takt.settings import Settings

_log = logging.getLogger(__name__)

READY = "_ready"


def path(settings: Settings) -> Path:
    """Where people and programs put folders of business files."""
    return settings.home / "drop"


def ready_folders(settings: Settings) -> list[Path]:
    """The subfolders that are complete, first come first."""
    markers = path(settings).glob(f"*/{READY}")
    return [marker.parent for marker in sorted(markers, key=lambda m: (m.stat().st_mtime, m))]


def take_in(settings: Settings, folder: Path) -> Report:
    """Load a ready folder and move it out of the way, with its report.

    A crash in between leaves it where it was; loading it again changes nothing.
    """
    report = reference.load(settings, folder)
    (folder / "report.json").write_text(json.dumps(report.as_json(), indent=2))
    (folder / "report.txt").write_text(f"{report}\n")
    moved = _destination(settings, folder.name, report)
    folder.rename(moved)
    if report.is_accepted:
        _log.info("drop folder %s loaded; kept as %s", folder.name, moved)
    else:
        _log.error("drop folder %s rejected; see %s/report.txt", folder.name, moved)
    return report


def _destination(settings: Settings, name: str, report: Report) -> Path:
    shelf = settings.home / ("archive" if report.is_accepted else "rejected")
    shelf.mkdir(parents=True, exist_ok=True)
    return shelf / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{name}"
