"""Verbs that start processes: one of them, a plant's services, or the whole demo."""

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from takt import log, settings
from takt.command import demo as demo_stack
from takt.command import stack
from takt.command.late import late
from takt.settings import Settings

# On a busy machine transformations wait for live data, not the other way round.
_NICENESS_OF_PIPELINES = 5


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    for verb in (demo, up, ingest, dashboard, pipelines):
        app.command()(verb)
    for hidden in (broker, plant):
        app.command(hidden=True)(hidden)


def demo(
    days: Annotated[int, typer.Option(min=1, max=366, help="Days of history before now.")] = 14,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another plant's life.")] = 1,
    start: Annotated[
        datetime | None, typer.Option(help="First day of the history; default: now less days.")
    ] = None,
    speed: Annotated[
        float,
        typer.Option(min=1, max=1000, help="Above 1: start in the past, slow to 1 at the present."),
    ] = 1.0,
) -> None:
    """Run the whole stack with a simulated plant; Ctrl-C stops all of it."""
    options = _begin("demo")
    wanted = demo_stack.Wish(days, seed, start and start.replace(tzinfo=UTC), speed)
    raise typer.Exit(demo_stack.run(options, wanted))


def up() -> None:
    """Run the services of a real plant, as configured in the home."""
    options = _begin("up")
    raise typer.Exit(stack.run_plant(options))


def ingest(
    name: Annotated[
        str, typer.Option(help="Of this process in its log, where several run on one host.")
    ] = "ingest",
) -> None:
    """Commit what collectors send into the lake."""
    options = _begin(name)
    raise typer.Exit(late("ingestion.main:run")(options) or 0)


def dashboard() -> None:
    """Serve the pages."""
    options = _begin("dashboard")
    late("dashboards.main:run")(options)


def pipelines() -> None:
    """Run Dagster: its web server, schedules and sensors."""
    os.nice(_NICENESS_OF_PIPELINES)
    options = _begin("pipelines")
    late("pipelines.main:run")(options)


def broker() -> None:
    """Run the demo's MQTT broker."""
    options = _begin("broker")
    late("ingestion.embedded_broker:run")(options)


def plant(
    seed: int = 1,
    start: datetime | None = None,
    speed: float = 1.0,
) -> None:
    """Run the simulated plant's machines."""
    options = _begin("plant")
    begin = (start or datetime.now(UTC)).replace(tzinfo=UTC)
    late("edge.simulator.main:run")(options, seed, begin, speed)


def _begin(process: str) -> Settings:
    """The settings, and a log in the form that they ask for."""
    options = settings.load()
    log.configure(process, options.log_format)
    return options
