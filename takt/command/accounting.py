"""Verbs of cost accountants: periods, and files for spreadsheets and ledgers."""

import getpass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from takt import log, settings
from takt.command.late import late
from takt.command.progress import shown


class Subject(StrEnum):
    """What `takt export` writes."""

    VARIANCE = "variance"
    JOURNAL = "journal"


class FileFormat(StrEnum):
    """Of exported files."""

    XLSX = "xlsx"
    CSV = "csv"


By = Annotated[str, typer.Option("--by", help="Who; default: your login name.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    for verb in (periods, close, reopen, export):
        app.command()(verb)


def periods() -> None:
    """List the accounting periods, and which of them are closed."""
    for period in late("pipelines.close:periods")(settings.load()):
        told = "open"
        if period.is_closed:
            told = f"closed {period.closed_at:%Y-%m-%dT%H:%M:%SZ} by {period.closed_by}"
        typer.echo(
            f"{period.period_id}  {period.starts_at:%Y-%m-%dT%H:%M:%SZ}"
            f"  {period.ends_at:%Y-%m-%dT%H:%M:%SZ}  {period.postings:>7} postings  {told}"
        )


def close(
    period: Annotated[str, typer.Argument(help="The period, as takt periods lists it.")],
    accept: Annotated[
        list[str] | None, typer.Option(help="A problem that is known and accepted; repeatable.")
    ] = None,
    by: By = "",
) -> None:
    """Close an accounting period: what it reports stays as it is."""
    log.configure("close")
    with shown() as progress:
        report = late("pipelines.close:close")(
            settings.load(),
            period,
            by=by or getpass.getuser(),
            accepting=accept or [],
            progress=progress,
        )
    typer.echo(str(report))


def reopen(
    period: Annotated[str, typer.Argument(help="The last closed period.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    by: By = "",
) -> None:
    """Open the last closed period again; that it was closed stays recorded."""
    log.configure("close")
    with shown() as progress:
        late("pipelines.close:reopen")(
            settings.load(), period, by=by or getpass.getuser(), reason=reason, progress=progress
        )
    typer.echo(f"{period} is open again")


def export(
    subject: Annotated[Subject, typer.Argument(help="What is written.")],
    period: Annotated[str, typer.Option(help="The period, as takt periods lists it.")],
    file_format: Annotated[FileFormat, typer.Option("--format", help="Of the file.")] = (
        FileFormat.XLSX
    ),
    output: Annotated[
        Path | None, typer.Option(help="Where to; default: SUBJECT-PERIOD.FORMAT here.")
    ] = None,
) -> None:
    """Write a period's variances or journal as a file for spreadsheets and ledgers."""
    file = output or Path(f"{subject.value}-{period}.{file_format.value}")
    told = late("lake.exports:write")(
        settings.load(), subject.value, period, file_format.value, file
    )
    typer.echo(told)
