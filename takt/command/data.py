"""Verbs about data: business files, history, transformations, queries, refused batches."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from takt import log, settings
from takt.command.late import late
from takt.command.progress import shown
from takt.errors import ConfigurationError

reference_app = typer.Typer(
    name="reference", help="Business files: contracts, check, load.", no_args_is_help=True
)
quarantine_app = typer.Typer(
    name="quarantine", help="What was refused and why.", no_args_is_help=True
)


class Format(StrEnum):
    """How `takt sql` prints."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.add_typer(reference_app)
    app.add_typer(quarantine_app)
    app.command("import")(import_files)
    for verb in (refresh, sql, balance):
        app.command()(verb)


@reference_app.command()
def contract(table: Annotated[str | None, typer.Argument(help="One table only.")] = None) -> None:
    """Print which files are read, with their columns."""
    tables = late("takt.contracts:TABLES")
    if table is not None and table not in tables:
        raise ConfigurationError(f"no table {table}; known are {', '.join(tables)}")
    console = Console()
    for name in [table] if table else tables:
        columns = Table("column", "type", "required", "meaning", title=name, title_justify="left")
        for column in tables[name].columns:
            required = "yes" if column.is_required else ""
            columns.add_row(column.name, column.type, required, column.meaning)
        console.print(columns)


@reference_app.command()
def check(folder: Path) -> None:
    """Check a folder of business files without loading it."""
    _print_report(late("ingestion.reference:check")(settings.load(), folder))


@reference_app.command("load")
def load_reference(folder: Path) -> None:
    """Load a folder of business files, all of it or nothing."""
    log.configure("reference")
    _print_report(late("ingestion.reference:load")(settings.load(), folder))


def _print_report(report: object) -> None:
    typer.echo(str(report))
    if getattr(report, "errors", None):
        raise typer.Exit(1)


def import_files(
    files: list[Path],
    form: Annotated[
        Path | None,
        typer.Option(help="How a historian's exports are read; FILES is then their folder."),
    ] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Take in what comes, for ever.")] = False,
) -> None:
    """Load history from Parquet or CSV files; a file already loaded changes nothing."""
    log.configure("import")
    if form is not None:
        return _import_exports(files, form, watch=watch)
    if watch:
        raise ConfigurationError("--watch goes with --form and a folder")
    with shown() as progress:
        report = late("ingestion.history:import_files")(settings.load(), files, progress)
    typer.echo(str(report))
    return None


def _import_exports(folders: list[Path], form: Path, *, watch: bool) -> None:
    options, read = settings.load(), late("ingestion.export_form:load_form")(form)
    if len(folders) != 1 or not folders[0].is_dir():
        raise ConfigurationError("--form goes with one folder, in which the exports lie")
    if watch:
        late("ingestion.exports:watch")(options, folders[0], read)
    with shown() as progress:
        taken = late("ingestion.exports:take_in")(options, folders[0], read, progress)
    for one in taken:
        typer.echo(str(one))
    if any(one.detail for one in taken):
        raise typer.Exit(1)


def refresh(
    full: Annotated[bool, typer.Option("--full", help="Rebuild everything.")] = False,
    select: Annotated[
        str | None,
        typer.Option(
            help="dbt's selection; not published. Without int_run it reads what the last run read."
        ),
    ] = None,
    from_day: Annotated[datetime | None, typer.Option("--from", help="First day.")] = None,
    to_day: Annotated[datetime | None, typer.Option("--to", help="Last day.")] = None,
) -> None:
    """Run the transformations and publish, once."""
    log.configure("refresh")
    with shown() as progress:
        report = late("pipelines.refresh:refresh")(
            settings.load(),
            full=full,
            select=select,
            from_day=from_day and from_day.date(),
            to_day=to_day and to_day.date(),
            progress=progress,
        )
    typer.echo(str(report))


def sql(
    query: Annotated[str | None, typer.Argument(help="Without: an interactive shell.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
    as_of: Annotated[str | None, typer.Option(help="As known at this time (ISO 8601).")] = None,
) -> None:
    """Read-only SQL on the lake; marts as last published."""
    options = settings.load()
    if query is None:
        late("lake.query:run_shell")(options, as_of)
        return
    result = late("lake.query:run_query")(options, query, as_of, output.value)
    if isinstance(result, bytes):
        sys.stdout.buffer.write(result)
    else:
        sys.stdout.write(result)


def balance(
    hours: Annotated[int, typer.Option(min=1, help="Newest hours of each collector.")] = 1,
) -> None:
    """Show accepted = committed + quarantined + declared lost + in spool, per collector."""
    query = (
        "select * from marts.balance"
        " qualify row_number() over (partition by site, collector order by hour desc)"
        f" <= {hours} order by site, collector, hour desc"
    )
    sys.stdout.write(late("lake.query:run_query")(settings.load(), query, None, "table"))


@quarantine_app.command("list")
def list_entries(
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    collector: Annotated[str | None, typer.Option(help="Only this collector.")] = None,
) -> None:
    """List what was refused and not brought in since, newest first."""
    found = late("ingestion.quarantine:list_entries")(
        settings.load(), reason=reason, collector=collector
    )
    if not found:
        typer.echo("nothing waits in quarantine")
        return
    shown = late("ingestion.quarantine:ID_SHOWN")
    for each in found:
        typer.echo(
            f"{each.quarantine_id[:shown]}  {each.quarantined_at:%Y-%m-%dT%H:%M:%SZ}  {each.reason}"
            f"  {each.collector}  {_counted(each.rows, 'sample')}  {_counted(each.bytes, 'byte')}\n"
            f"    {each.detail}"
        )
    if len(found) == late("ingestion.quarantine:LIST_AT_MOST"):
        typer.echo(f"the newest {len(found)}; narrow them with --reason or --collector")


def _counted(count: int | None, what: str) -> str:
    return f"{'?' if count is None else count} {what}{'' if count == 1 else 's'}"


@quarantine_app.command()
def show(
    quarantine_id: Annotated[str, typer.Argument(help="The id or its beginning.")],
) -> None:
    """Show one refused message: why, what is in it, what to do."""
    typer.echo(late("ingestion.quarantine:show")(settings.load(), quarantine_id))


@quarantine_app.command()
def replay(
    quarantine_id: Annotated[
        str | None, typer.Argument(help="The id or its beginning; default: all.")
    ] = None,
) -> None:
    """Try refused messages again, after the cause is mended."""
    typer.echo(str(late("ingestion.quarantine:replay")(settings.load(), quarantine_id)))
