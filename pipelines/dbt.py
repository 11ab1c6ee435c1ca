"""The transformations as a program to run: dbt on our project, in a process of its own.

Belongs here: dbt's command line, environment and result file. When to run it does not.
Everything dbt writes lies in the home, so that one installed project serves many homes.
"""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from takt import children
from takt.errors import TaktError
from takt.progress import Progress, silent
from takt.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"

_END_TIMEOUT_S = 5.0
_PASSED = ("success", "pass", "warn", "no-op")


@dataclass(frozen=True)
class NodeResult:
    """How one model or test of a run went.

    Attributes:
        unique_id: dbt's name, e.g. `model.takt.work_unit_shift`.
        status: `success`, `pass`, `warn`, `fail`, `error`, `skipped`, `no-op`.
        message: What dbt or the database said; None when nothing.
        failures: Rows that broke a test; None for models.
        execution_s: How long it took.
    """

    unique_id: str
    status: str
    message: str | None
    failures: int | None
    execution_s: float

    @property
    def name(self) -> str:
        """The part of `unique_id` that people know."""
        return self.unique_id.split(".")[2]

    @property
    def has_passed(self) -> bool:
        """Whether it stands in nobody's way."""
        return self.status in _PASSED


class TransformationError(TaktError):
    """dbt did not finish, or a model or blocking test failed.

    Attributes:
        results: What ran before and what failed.
    """

    def __init__(self, message: str, results: Sequence[NodeResult] = ()) -> None:
        super().__init__(message)
        self.results = results


def target_path(settings: Settings) -> Path:
    """Where dbt keeps manifest, parse cache and results of this home."""
    return settings.home / "dbt" / "target"


def log_path(settings: Settings) -> Path:
    """The folder of dbt's own log."""
    return settings.home / "dbt" / "log"


def environment(settings: Settings) -> dict[str, str]:
    """What dbt needs to find the project, the lake and its own folders."""
    return settings.environment() | {
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(target_path(settings)),
        "DBT_LOG_PATH": str(log_path(settings)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_FORMAT": "json",
        "DBT_LOG_LEVEL_FILE": "info",
        "DO_NOT_TRACK": "1",
    }


def manifest(settings: Settings) -> Path:
    """The manifest of the project as it is now; parsed only when the project has changed.

    Nothing is connected to.

    Raises:
        TransformationError: The project is wrong.
    """
    return _parsed(settings) / "manifest.json"


def _parsed(settings: Settings) -> Path:
    """The folder with what parsing the project as it is now gave."""
    kept = settings.home / "dbt" / f"parsed-{fingerprint()}"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Aside and renamed, so that nobody ever reads half of it.
    with TemporaryDirectory(prefix="parsing-", dir=kept.parent) as folder:
        target = Path(folder) / "target"
        program = Path(sys.executable).with_name("dbt")
        _run(settings, [program, "parse", "--target-path", target], silent)
        for old in kept.parent.glob("parsed-*"):
            if old != kept:
                shutil.rmtree(old, ignore_errors=True)
        try:
            target.rename(kept)
        except OSError:
            if not kept.exists():  # else another process was first
                raise
    return kept


def fingerprint() -> str:
    """Names the project as it is now: another one after any change of it or of dbt."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for file in sorted(PROJECT.rglob("*")):
        if file.suffix in (".sql", ".yml", ".md", ".csv") and file.is_file():
            digest.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def origin(settings: Settings) -> str:
    """Names what makes the marts: another one when the project or a setting that they hold has."""
    told = f"{fingerprint()} {json.dumps(_of_settings(settings), sort_keys=True)}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def build(
    settings: Settings,
    *,
    variables: Mapping[str, object],
    full: bool = False,
    select: str | None = None,
    progress: Progress = silent,
) -> list[NodeResult]:
    """Build models and run their tests, each model's before what depends on it.

    Args:
        settings: Of the installation.
        variables: dbt's vars, beside those that are settings.
        full: Build everything anew.
        select: dbt's selection; by default all.
        progress: Is told how many models and tests have finished.

    Returns:
        How each model and test went.

    Raises:
        TransformationError: dbt did not finish, or a model or blocking test failed.
    """
    results_file = target_path(settings) / "run_results.json"
    results_file.unlink(missing_ok=True)
    parsed = _parsed(settings) / "partial_parse.msgpack"
    command: list[str | Path] = [sys.executable, "-P", "-m", "pipelines.dbt_process", parsed]
    # Unit tests are about the code, not the data: they run in our own test suite.
    command += ["build", "--exclude-resource-type", "unit_test"]
    command += ["--vars", json.dumps(_of_settings(settings) | dict(variables))]
    command += ["--full-refresh"] if full else []
    command += ["--select", *select.split()] if select else []
    try:
        _run(settings, command, progress)
    except TransformationError as error:
        results = _results(results_file)
        failed = [result for result in results if result.status in ("error", "fail")]
        told = "; ".join(map(_told, failed)) or str(error)
        raise TransformationError(told, results) from error
    return _results(results_file)


def _of_settings(settings: Settings) -> dict[str, object]:
    return {
        "coverage_threshold": settings.kpi.provisional_below,
        "constraints": list(settings.kpi.constraints),
        "minor_stop_threshold_s": settings.kpi.minor_stop_threshold_s,
        "minor_stop_thresholds_s": settings.kpi.minor_stop_thresholds_s,
        **settings.cost.model_dump(),
    }


def _told(result: NodeResult) -> str:
    return f"{result.name}: {' '.join((result.message or result.status).split())}"


def _results(file: Path) -> list[NodeResult]:
    if not file.exists():
        return []
    return [
        NodeResult(
            result["unique_id"],
            result["status"],
            result["message"],
            result["failures"],
            result["execution_time"],
        )
        for result in json.loads(file.read_text())["results"]
    ]


def _run(settings: Settings, command: Sequence[str | Path], progress: Progress) -> None:
    child = children.start(
        "dbt",
        command,
        env=environment(settings),
        cwd=PROJECT,
        output=subprocess.PIPE,
    )
    assert child.process.stdout is not None, "its output is a pipe"
    try:
        told = _follow(child.process.stdout, progress)
        code = child.process.wait()
        if code < 0:
            # DuckDB aborts a process whose catalog is lost inside a transaction.
            name = signal.Signals(-code).name
            told = f"it was ended by {name}, mostly because the catalog was lost ({told})"
        if code != 0:
            raise TransformationError(f"dbt failed: {told}; see {log_path(settings)}/dbt.log")
    finally:
        child.end(_END_TIMEOUT_S)
        child.process.stdout.close()


def _follow(output: IO[bytes], progress: Progress) -> str:
    """Read dbt's log to its end; what it says of the first error, else its last line."""
    error, line = "", b""
    for line in output:
        event = _event(line)
        data, info = event.get("data", {}), event.get("info", {})
        # Models tell how many there are as `total`, tests as `num_models`.
        total = data.get("total", data.get("num_models"))
        if total is not None and data.get("status") not in (None, "started"):
            progress("transformations", int(data.get("index", 0)), int(total))
        if info.get("level") == "error":
            error = error or _without_traceback(str(info.get("msg", "")))
    return error or line.decode(errors="replace").strip()


def _without_traceback(message: str) -> str:
    return " ".join(message.partition("Traceback (most recent call last)")[0].split())


def _event(line: bytes) -> dict[str, Any]:
    """A line of dbt's log; empty for other output, such as a traceback."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
