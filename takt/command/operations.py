"""Verbs for whoever operates an installation."""

import typer
from rich.console import Console
from rich.markup import escape

from takt import log, settings
from takt.command import doctor as checks
from takt.command.late import late
from takt.command.progress import shown


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    for verb in (maintain, doctor):
        app.command()(verb)


def maintain() -> None:
    """Merge small files, expire old snapshots, remove what nobody needs any more."""
    log.configure("maintain")
    with shown() as progress:
        report = late("lake.maintenance:run")(settings.load(), progress=progress)
    typer.echo(str(report))


def doctor() -> None:
    """Say what is wrong with this installation and what to do about it."""
    console = Console()
    are_good = []
    for finding in checks.examine(settings.load()):
        mark = "[green]ok[/]  " if finding.is_good else "[red]bad[/] "
        told = escape(f"{finding.what}: {finding.found}")
        console.print(f"{mark} {told}", highlight=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"      → {escape(finding.remedy)}", highlight=False, soft_wrap=True)
        are_good.append(finding.is_good)
    if not all(are_good):
        raise typer.Exit(1)
