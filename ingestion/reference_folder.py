"""A folder of business files, read and checked as a whole; nothing is written.

Belongs here: the order of checks. The checks themselves are in the modules named after them.
"""

from collections.abc import Sequence
from pathlib import Path

from ingestion import (
    reference_checks,
    reference_currencies,
    reference_files,
    reference_freeze,
    reference_phantoms,
    reference_rules,
)
from ingestion.reference_checks import Loaded, Values
from ingestion.reference_report import Findings
from ingestion.reference_rows import FileTable, read_table
from takt.contracts import TABLES


class NothingLoaded:
    """The business data of an installation that does not exist yet."""

    def values(self, table: str, columns: Sequence[str]) -> set[Values]:  # noqa: ARG002 - protocol
        """Nothing."""
        return set()


def examine(folder: Path, loaded: Loaded, findings: Findings) -> dict[str, FileTable]:
    """Read a folder's business files and note everything that is wrong with them.

    Args:
        folder: Holds one file per table.
        loaded: What references may lead to beside the folder's own rows.
        findings: Takes what is wrong.

    Returns:
        The tables by name, fit to load if nothing was found.
    """
    files = reference_files.find(folder, findings)
    tables = {name: read_table(path, TABLES[name], findings) for name, path in files.items()}
    reference_checks.check(tables, loaded, findings)
    reference_rules.check(tables, findings)
    reference_phantoms.check(tables, loaded, findings)
    reference_currencies.check(tables, loaded, findings)
    reference_freeze.check(tables, loaded, findings)
    return tables
