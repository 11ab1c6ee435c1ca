"""A folder of business files examined without a lake: what is loaded is given in the test."""

from collections.abc import Sequence
from pathlib import Path

from ingestion.reference_checks import Values
from ingestion.reference_folder import NothingLoaded, examine
from ingestion.reference_report import Findings


class Loaded:
    """What a lake would answer, given in the test."""

    def __init__(self, **tables: list[dict[str, object]]) -> None:
        self.tables = tables

    def values(self, table: str, columns: Sequence[str]) -> set[Values]:
        rows = self.tables.get(table, [])
        return {tuple(row.get(column) for column in columns) for row in rows}  # type: ignore[misc]


def problems(folder: Path, loaded: Loaded | NothingLoaded | None = None) -> list[str]:
    findings = Findings()
    examine(folder, loaded or NothingLoaded(), findings)
    return [str(problem) for problem in findings.problems]
