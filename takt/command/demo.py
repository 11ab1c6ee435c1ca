"""`takt demo`: a simulated plant and every service around it, in one home.

The first start writes the plant's business data and its history, loads both and computes
the marts; every later start fills in what the plant did in between and goes on. History files
are removed once the lake has them: what a start that was broken off has left, the next one loads.
"""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from takt.command import stack
from takt.command.late import late
from takt.command.progress import shown
from takt.errors import ConfigurationError, TaktError
from takt.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """What the command line asked for."""

    days: int
    seed: int
    start: datetime | None
    speed: float


@dataclass(frozen=True)
class Plan:
    """What seed and start determine; kept in the home so that a later start goes on.

    Attributes:
        seed: The plant's seed.
        start: First moment of its history.
    """

    seed: int
    start: datetime

    @classmethod
    def of(cls, wish: Wish, file: Path) -> "Plan":
        """The plan of this home, made from the wish at the first start.

        Raises:
            ConfigurationError: The home holds another plant than the one asked for.
        """
        if not file.exists():
            today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return cls(wish.seed, wish.start or today - timedelta(days=wish.days))
        kept = json.loads(file.read_text())
        plan = cls(kept["seed"], datetime.fromisoformat(kept["start"]))
        if plan.seed != wish.seed or (wish.start and wish.start != plan.start):
            raise ConfigurationError(
                f"{file.parent} holds the plant with seed {plan.seed} that started"
                f" {plan.start:%Y-%m-%d}; ask for that one, or set TAKT_HOME to an empty folder"
            )
        return plan

    def keep(self, file: Path) -> None:
        """Write the plan into the home, whole or not at all."""
        aside = file.with_suffix(".new")
        aside.write_text(json.dumps({"seed": self.seed, "start": self.start.isoformat()}))
        aside.replace(file)


def run(options: Settings, wish: Wish) -> int:
    """Run the demo until it is told to stop."""
    stack.require_free_ports(
        {
            "broker__port": options.broker.port,
            "plant__port": options.plant.port,
            "dashboard__port": options.dashboard.port,
            "pipelines__port": options.pipelines.port,
        }
    )
    options.home.mkdir(parents=True, exist_ok=True)
    plan_file = options.home / "demo.json"
    plan = Plan.of(wish, plan_file)
    with stack.until_stopped(options):
        if not plan_file.exists():
            _tell_past(options, plan, until=plan.start if wish.speed > 1 else datetime.now(UTC))
            plan.keep(plan_file)
            _load(options)
            _takt(options, "refresh")
        _run_services(options, plan, wish.speed)
    return 0


def _tell_past(options: Settings, plan: Plan, until: datetime) -> None:
    """Business data, truth and history as files, those of an unfinished start replaced."""
    for file in _history(options):
        file.unlink()
    with shown() as progress:
        late("edge.simulator.history:prepare")(
            options.home / "plant", options, plan.seed, plan.start, until, progress=progress
        )


def _history(options: Settings) -> list[Path]:
    """History that the lake does not have yet, oldest first."""
    return sorted((options.home / "plant/history").glob("*.parquet"))


def _load(options: Settings) -> None:
    """Load the business data and the history files."""
    _takt(options, "reference", "load", str(options.home / "plant/business_data"))
    if files := _history(options):
        _takt(options, "import", *map(str, files))
    for file in files:
        file.unlink()


def _run_services(options: Settings, plan: Plan, speed: float) -> None:
    """Start everything, fill the time since the last stop, watch until told to stop.

    At a speed above 1 there is nothing to fill: the plant tells all of it itself, fast.
    """
    if speed <= 1:
        _tell_missed(options, plan)
    late("edge.simulator.edge_config:write_edge_config")(options.home / "edge.toml", options)
    plant = ("plant", "--seed", str(plan.seed), "--start", plan.start.isoformat())
    services = [
        stack.Service("broker", ("broker",)),
        stack.Service("plant", (*plant, "--speed", str(speed))),
        *stack.core_services(options),
    ]
    with stack.Stack(options) as running:
        for service in services:
            running.start(service)
        if _history(options):
            _load(options)
        Console(highlight=False).print("Takt is running; Ctrl-C stops all of it.")
        stack.announce(running, services)
        running.watch()


def _tell_missed(options: Settings, plan: Plan) -> None:
    """Write what the plant did since the last stop."""
    late("edge.simulator.history:history_gap")(
        options.home / "plant", options, plan.seed, plan.start, datetime.now(UTC)
    )


def _takt(options: Settings, *arguments: str) -> None:
    """Run one verb to its end; its progress is shown, its report only when it failed.

    Raises:
        TaktError: The verb failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "takt", *arguments],
        env={**os.environ, "TAKT_HOME": str(options.home)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise TaktError(f"takt {arguments[0]} ended with {done.returncode}: {done.stdout}")
