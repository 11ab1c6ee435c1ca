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
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, auto
from pathlib import Path

import pytest

_HEAD = """# Failure report

What `make faults` found when it last ran. The machines of every row count what they say, and
the lake is compared with their count after each fault is over.

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
    """

    file: Path | None = None
    say: Callable[[str], None] = print
    planned: int = 0
    results: list[Result] = field(default_factory=list)
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    _began_at: float = field(default_factory=time.monotonic)
    _said_at: float = -math.inf

    def add(self, result: Result) -> None:
        """Keep one more row."""
        self.results.append(result)
        self._show(result.row())
        self.write()

    def progress(self, fault: str, done: int, total: int) -> None:
        """Say how far a fault is: so many faults, or seconds, of so many; not more than needed."""
        if done < total and time.monotonic() - self._said_at < _EVERY_S:
            return
        self._said_at = time.monotonic()
        self._show(f"{fault}: {done:,} of {total:,}")

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
        if self.file is not None:
            minutes, seconds = divmod(int(time.monotonic() - self._began_at), 60)
            self.say(f"[{minutes:3}:{seconds:02}] {line}")


def _section(title: str, lines: Sequence[str]) -> str:
    return f"\n## {title}\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


_REPORT = pytest.StashKey[FailureReport]()


@pytest.fixture(scope="session")
def failure_report(pytestconfig: pytest.Config) -> FailureReport:
    """Collects results; written to the file that TAKT_FAILURE_REPORT names, if any."""
    return pytestconfig.stash[_REPORT]


def pytest_configure(config: pytest.Config) -> None:
    """Begin a report."""

    def say(line: str) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(line, flush=True)  # noqa: T201

    file = os.environ.get("TAKT_FAILURE_REPORT")
    config.stash[_REPORT] = FailureReport(Path(file) if file else None, say)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count what will run."""
    report = session.config.stash[_REPORT]
    report.planned = sum(_makes_rows(item) for item in session.items)


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
        item.config.stash[_REPORT].finished(item.nodeid, *item.stash[_HOW])
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
