"""What `make faults` found, as the table of docs/failure-report.md.

Belongs here: how results are kept and printed. What a fault is, and what it must not do, is in
the tests.
"""

import os
import platform
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

_HEAD = """# Failure report

What `make faults` found when it was last run to its end. Every row is compared with a source that
counts. *Flowing again* is the time from a fault until the lake has a value born after it; faults
follow one another, so it may contain the next ones.

{date}, commit {commit}, {cpus} cores, Python {python}, Linux {kernel}.

| fault | faults | seed | values | lost | doubled | flowing again, median | 95 % | longest |
|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Result:
    """One suite of faults under a counted source.

    Attributes:
        fault: In words.
        faults: How many there were.
        seed: Of their moments.
        values: How many the source counted.
        lost: Of these not in the lake.
        doubled: Of these more than once in the lake.
        flowing_again_s: From each fault until the lake had a value born after it.
    """

    fault: str
    faults: int
    seed: int
    values: int
    lost: int
    doubled: int
    flowing_again_s: Sequence[float]

    def row(self) -> str:
        """The line of the table."""
        waits = sorted(self.flowing_again_s)
        late = waits[min(len(waits) - 1, int(len(waits) * 0.95))]
        return (
            f"| {self.fault} | {self.faults} | {self.seed} | {self.values:,} | {self.lost} |"
            f" {self.doubled} | {statistics.median(waits):.1f} s | {late:.1f} s |"
            f" {waits[-1]:.1f} s |"
        )


@dataclass
class FailureReport:
    """The rows so far."""

    results: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Keep one more row."""
        self.results.append(result)

    def text(self) -> str:
        """The whole page."""
        head = _HEAD.format(
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            commit=_commit(),
            cpus=os.cpu_count(),
            python=platform.python_version(),
            kernel=platform.release().split("-")[0],
        )
        return head + "".join(f"{result.row()}\n" for result in self.results)


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


@pytest.fixture(scope="session")
def failure_report() -> Iterator[FailureReport]:
    """Collects results; written to the file that TAKT_FAILURE_REPORT names, if any."""
    report = FailureReport()
    yield report
    if report.results and (file := os.environ.get("TAKT_FAILURE_REPORT")):
        Path(file).write_text(report.text())
