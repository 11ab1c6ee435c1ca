"""`takt demo`: a simulated plant and every service around it, in one home.

The first start writes the plant's business data and its history, loads both and computes
the marts; every later start fills in what the plant did in between and goes on.
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
            _prepare(options, plan, until=plan.start if wish.speed > 1 else datetime.now(UTC))
            plan.keep(plan_file)
        _run_services(options, plan, wish.speed)
    return 0


def _prepare(options: Settings, plan: Plan, until: datetime) -> None:
    """Business data, truth and history, loaded and transformed."""
    folder = options.home / "plant"
    with shown() as progress:
        files = late("edge.simulator.history:prepare")(
            folder, options, plan.seed, plan.start, until, progress=progress
        )
    _takt(options, "reference", "load", str(folder / "business_data"))
    if files:
        _takt(options, "import", *map(str, files))
    _takt(options, "refresh")


def _run_services(options: Settings, plan: Plan, speed: float) -> None:
    """Start everything, fill the time since the last stop, watch until told to stop.

    At a speed above 1 there is nothing to fill: the plant tells all of it itself, fast.
    """
    missed = [] if speed > 1 else _missed(options, plan)
    plant = ("plant", "--seed", str(plan.seed), "--start", plan.start.isoformat())
    services = [
        stack.Service("broker", ("broker",)),
        stack.Service("plant", (*plant, "--speed", str(speed))),
        *stack.core_services(options),
    ]
    with stack.Stack(options) as running:
        for service in services:
            running.start(service)
        if missed:
            _takt(options, "reference", "load", str(options.home / "plant/business_data"))
            _takt(options, "import", *map(str, missed))
        Console(highlight=False).print("Takt is running; Ctrl-C stops all of it.")
        stack.announce(running, services)
        running.watch()


def _missed(options: Settings, plan: Plan) -> list[Path]:
    """Files with what the plant did since the last stop."""
    files: list[Path] = late("edge.simulator.history:history_gap")(
        options.home / "plant", options, plan.seed, plan.start, datetime.now(UTC)
    )
    return files


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
