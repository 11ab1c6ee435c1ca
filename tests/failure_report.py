"""What `make faults` found, as docs/failure-report.md; a plugin of pytest.

Belongs here: how results are kept, shown while they come, and printed. What a fault is, and what
it must not do, is in the tests. A test that is marked `long` takes the fixture `failure_report`
and adds one `Result` for each of its faults, also when it fails.
"""

import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, auto
from pathlib import Path
from typing import Any, Self

import pytest

_HEAD = """# Failure report

What `make faults` found when it last ran (an hour on two cores, two tests side by side;
`TAKT_FAULT_SCALE=0.1` makes a tenth of it). The machines of every row count what they say, and the
lake is compared with their count after each fault is over. A short form of each fault is in
`make test`.

{date}, commit {commit}, {cpus} cores, Python {python}, Linux {kernel}. {outcome}

- *lost*, *doubled*: of the values that were accepted, those that are not in the lake, or there more
  than once. Both must be 0.
- *lost before*: values that a source had and no collector accepted (an OPC UA server that keeps no
  history overwrites them), and the gap record that says so.
- *flowing again*: from each fault, or from its end if it lasts, until the lake had a value born
  after that moment: median / 95 % / longest. Faults follow one another, so it may contain the
  next ones.
- *what the user sees*: asserted by the test, not only written here.
- *seed*: of the faults' moments and kinds; the same seed gives the same faults.
{scale}
{columns}
"""
_COLUMNS = (
    "fault",
    "faults",
    "seed",
    "values",
    "lost",
    "doubled",
    "lost before",
    "flowing again",
    "what the user sees",
    "measured",
)
_SHORTENED = """
This run was shortened: `TAKT_FAULT_SCALE={scale}`.
"""
_EVERY_S = 10.0
SCALE = float(os.environ.get("TAKT_FAULT_SCALE", "1"))
"""How much of each long fault is done: 0.1 is a tenth of its faults, or of its duration."""


def scaled(faults: int) -> int:
    """So many faults of a full run, in this run."""
    return max(1, round(faults * SCALE))


class Kind(IntEnum):
    """What is hurt; rows stand in this order."""

    KILL = auto()
    BROKER = auto()
    NETWORK = auto()
    CONSUMER = auto()
    POWER = auto()
    DISK = auto()
    CLOCK = auto()
    SOURCE = auto()
    PAYLOAD = auto()
    OTHER = auto()


@dataclass(frozen=True, kw_only=True)
class Result:
    """One suite of faults under a counted source.

    Attributes:
        fault: In words.
        kind: What is hurt.
        faults: How many there were.
        seed: Of their moments; None: nothing is left to chance.
        values: How many the source counted.
        lost: Of those that were accepted, not in the lake.
        doubled: Of these more than once in the lake.
        lost_before: Of the values counted, those that were never accepted.
        gap: The record that says that these are missing.
        flowing_again_s: From each fault, or its end if it lasts, until the lake had a value that
            was born after that.
        seen: What the user sees, in one phrase; the test asserts it.
        measured: What else is worth knowing, in one phrase.
    """

    fault: str
    faults: int
    values: int
    lost: int
    doubled: int
    kind: Kind = Kind.OTHER
    seed: int | None = None
    lost_before: int = 0
    gap: str = ""
    flowing_again_s: Sequence[float] = ()
    seen: str = ""
    measured: str = ""

    def as_plain(self) -> dict[str, Any]:
        """Values that may travel between processes."""
        return {**asdict(self), "kind": int(self.kind)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The result of which `as_plain` has made plain values."""
        return cls(**{**plain, "kind": Kind(plain["kind"])})

    def row(self) -> str:
        """The line of the table."""
        before = f"{self.lost_before:,}" + (f": {self.gap}" if self.gap else "")
        cells = (
            self.fault,
            f"{self.faults:,}",
            "-" if self.seed is None else str(self.seed),
            f"{self.values:,}",
            f"{self.lost:,}",
            f"{self.doubled:,}",
            before,
            _spread(self.flowing_again_s),
            self.seen or "-",
            self.measured or "-",
        )
        return _line(cell.replace("|", "\\|") for cell in cells)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spread(waits_s: Sequence[float]) -> str:
    """Median, 95 % and longest."""
    if not waits_s:
        return "-"
    waits = sorted(waits_s)
    late = waits[min(len(waits) - 1, math.ceil(len(waits) * 0.95) - 1)]
    return f"{statistics.median(waits):.1f} / {late:.1f} / {waits[-1]:.1f} s"


@dataclass
class FailureReport:
    """The rows so far, and how the tests that make them went.

    Attributes:
        file: Where the page goes; None: nowhere.
        say: Shows a line to whoever waits.
        planned: How many tests will run.
        is_shown: Whether lines are shown.
    """

    file: Path | None = None
    say: Callable[[str], None] = print
    planned: int = 0
    is_shown: bool = True
    results: list[Result] = field(default_factory=list)
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    _new: list[Result] = field(default_factory=list)
    _began_at: float = field(default_factory=time.monotonic)
    _said_at: float = -math.inf
    _said: str = ""

    def add(self, result: Result) -> None:
        """A test has found one more row; it is kept when the test has ended."""
        self._new.append(result)
        self._show(result.row())

    def take_new(self) -> list[Result]:
        """The rows that were found since this was asked last."""
        new, self._new = self._new, []
        return new

    def keep(self, results: Sequence[Result]) -> None:
        """Put rows onto the page."""
        self.results += results
        self.write()

    def progress(self, fault: str, done: int, total: int) -> None:
        """Say how far a fault is: so many faults, or seconds, of so many; not more than needed."""
        line = f"{fault}: {done:,} of {total:,}"
        is_soon = done < total and time.monotonic() - self._said_at < _EVERY_S
        if not is_soon and line != self._said:
            self._said, self._said_at = line, time.monotonic()
            self._show(line)

    def finished(self, test: str, outcome: str, why: str) -> None:
        """A test that makes rows has ended."""
        if outcome == "passed":
            self.passed += 1
        else:
            told = self.skipped if outcome == "skipped" else self.failed
            told.append(f"`{test}`: {why}")
        self.write()

    def write(self) -> None:
        """Write the page, if anybody wants it."""
        if self.file is not None:
            self.file.write_text(self.text())

    def text(self) -> str:
        """The whole page."""
        head = _HEAD.format(
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            commit=_commit(),
            cpus=os.cpu_count(),
            python=platform.python_version(),
            kernel=platform.release().split("-")[0],
            outcome=self._outcome(),
            columns=f"{_line(_COLUMNS)}\n{'|---' * len(_COLUMNS)}|",
            scale="" if SCALE == 1 else _SHORTENED.format(scale=SCALE),
        )
        rows = sorted(self.results, key=lambda result: result.kind)
        return (
            head
            + "".join(f"{result.row()}\n" for result in rows)
            + _section("Failed", self.failed)
            + _section("Not run", self.skipped)
        )

    def _outcome(self) -> str:
        minutes = (time.monotonic() - self._began_at) / 60
        told = f"{self.passed} of {self.planned} tests passed in {minutes:.0f} minutes"
        if self.failed:
            told += f", **{len(self.failed)} failed**"
        if self.skipped:
            told += f", {len(self.skipped)} could not run here"
        if rest := self.planned - self.passed - len(self.failed) - len(self.skipped):
            told += f", {rest} had not ended when this was written"
        return told + "."

    def _show(self, line: str) -> None:
        if self.is_shown:
            minutes, seconds = divmod(int(time.monotonic() - self._began_at), 60)
            self.say(f"[{minutes:3}:{seconds:02}] {line}")


def _section(title: str, lines: Sequence[str]) -> str:
    return f"\n## {title}\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


_REPORT = pytest.StashKey[FailureReport]()
_PROPERTY = "failure_report"


@pytest.fixture(scope="session")
def failure_report(pytestconfig: pytest.Config) -> FailureReport:
    """Collects results; written to the file that TAKT_FAILURE_REPORT names, if any."""
    return pytestconfig.stash[_REPORT]


def pytest_configure(config: pytest.Config) -> None:
    """Begin a report."""

    def say(line: str) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            # Standard output of a worker process leads nowhere.
            print(line, file=sys.stderr, flush=True)  # noqa: T201

    file = os.environ.get("TAKT_FAILURE_REPORT")
    is_worker = hasattr(config, "workerinput")
    report = FailureReport(
        Path(file) if file and not is_worker else None, say, is_shown=file is not None
    )
    config.stash[_REPORT] = report
    config.pluginmanager.register(_Keeper(report))
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_CountsForWorkers(report))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count what will run."""
    report = session.config.stash[_REPORT]
    report.planned = sum(_makes_rows(item) for item in session.items)


class _Keeper:
    """Takes what tests have found from their reports, also from those of worker processes."""

    def __init__(self, report: FailureReport) -> None:
        self._report = report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, told in report.user_properties:
            if name == _PROPERTY and report.when == "teardown":
                outcome, why, rows = told  # type: ignore[misc]
                self._report.keep([Result.from_plain(row) for row in rows])
                self._report.finished(report.nodeid, outcome, why)


class _CountsForWorkers:
    """Counts what will run where tests run in worker processes."""

    def __init__(self, report: FailureReport) -> None:
        self._report = report

    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self._report.planned = len(ids)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep how a test went, and why it failed: in its own words or in its fixtures'."""
    told = yield
    if not _makes_rows(item):
        return told
    if item.stash.get(_HOW, _WELL) == _WELL:
        item.stash[_HOW] = _WELL if told.passed else (told.outcome, _why(call))
    if told.when == "teardown":
        rows = [row.as_plain() for row in item.config.stash[_REPORT].take_new()]
        told.user_properties.append((_PROPERTY, [*item.stash[_HOW], rows]))
    return told


_HOW = pytest.StashKey[tuple[str, str]]()
_WELL = ("passed", "")


def _makes_rows(item: pytest.Item) -> bool:
    return item.get_closest_marker("long") is not None


def _why(call: "pytest.CallInfo[None]") -> str:
    """The first line of what went wrong."""
    if call.excinfo is None:
        return ""
    error = call.excinfo.value
    return next(iter(str(error).splitlines()), "") or type(error).__name__
