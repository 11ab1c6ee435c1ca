"""Run the `takt` command as a person would: its own process, its own environment.

What a command says more than once it may say in this process: starting another takes longer.
"""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from takt.command import app
from takt.errors import ConfigurationError
from takt.settings import Settings


def environment(options: Settings) -> dict[str, str]:
    """The environment in which a command works on the installation of `options`."""
    found = {key: value for key, value in os.environ.items() if not key.startswith("TAKT_")}
    found["TAKT_HOME"] = str(options.home)
    if options.lake.threads:
        found["TAKT_LAKE__THREADS"] = str(options.lake.threads)
    found["TAKT_SITE"] = options.site
    if options.catalog:
        found["TAKT_CATALOG"] = options.catalog
    if options.data:
        found["TAKT_DATA"] = options.data
    found["TAKT_BROKER__HOST"] = options.broker.host
    found["TAKT_BROKER__PORT"] = str(options.broker.port)
    return found


def run_takt(options: Settings, *arguments: str | Path, exit_code: int = 0) -> str:
    """Standard output of `takt ARGUMENTS`; fails with what it said when it ends otherwise."""
    done = subprocess.run(
        [sys.executable, "-m", "takt", *map(str, arguments)],
        env=environment(options),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == exit_code, f"takt {arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def run_here(options: Settings, *arguments: object) -> str:
    """As `run_takt`, in this process."""
    done = CliRunner().invoke(app, list(map(str, arguments)), env=environment(options))
    assert done.exit_code == 0, f"takt {arguments}: {done.output}{done.exception}"
    return done.stdout


def refused_here(options: Settings, *arguments: object) -> str:
    """The one line of why `takt ARGUMENTS` is refused, in this process."""
    done = CliRunner().invoke(app, list(map(str, arguments)), env=environment(options))
    assert isinstance(done.exception, ConfigurationError), f"takt {arguments}: {done.output}"
    [line] = str(done.exception).splitlines()
    return line
