"""Verbs that start processes: one of them, a plant's services, or the whole demo."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from takt import log, settings
from takt.command import demo as demo_stack
from takt.command import stack
from takt.command.late import late


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
    log.configure("demo")
    wanted = demo_stack.Wish(days, seed, start and start.replace(tzinfo=UTC), speed)
    raise typer.Exit(demo_stack.run(settings.load(), wanted))


def up() -> None:
    """Run the services of a real plant, as configured in the home."""
    log.configure("up")
    raise typer.Exit(stack.run_plant(settings.load()))


def ingest() -> None:
    """Commit what collectors send into the lake."""
    log.configure("ingest")
    raise typer.Exit(late("ingestion.main:run")(settings.load()) or 0)


def dashboard() -> None:
    """Serve the pages."""
    log.configure("dashboard")
    late("dashboards.main:run")(settings.load())


def pipelines() -> None:
    """Run Dagster: its web server, schedules and sensors."""
    log.configure("pipelines")
    late("pipelines.main:run")(settings.load())


def broker() -> None:
    """Run the demo's MQTT broker."""
    log.configure("broker")
    late("ingestion.embedded_broker:run")(settings.load())


def plant(
    seed: int = 1,
    start: datetime | None = None,
    speed: float = 1.0,
) -> None:
    """Run the simulated plant's machines."""
    log.configure("plant")
    begin = (start or datetime.now(UTC)).replace(tzinfo=UTC)
    late("edge.simulator.main:run")(settings.load(), seed, begin, speed)
