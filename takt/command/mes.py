"""Verbs about messages of an MES: take them in, and what became of those that wait."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from takt import log, settings
from takt.command.late import late
from takt.errors import ConfigurationError

mes_app = typer.Typer(
    name="mes",
    help="Messages of an MES: take in, list, retry or drop those that wait.",
    no_args_is_help=True,
)

Message = Annotated[str, typer.Argument(help="Its message_id, or the id in the list.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.add_typer(mes_app)


@mes_app.command()
def load(
    folder: Annotated[Path, typer.Argument(help="Of .json or .jsonl files; or one file.")],
) -> None:
    """Take in messages from files, each once; try again what waits."""
    log.configure("mes")
    loaded = late("ingestion.mes_files:load")(settings.load(), folder)
    typer.echo(str(loaded))
    if loaded.taken_in.dead:
        raise typer.Exit(1)


@mes_app.command()
def listen() -> None:
    """Take in messages from the broker, until told to stop."""
    options = settings.load()
    log.configure("mes", options.log_format)
    raise typer.Exit(late("ingestion.mes_listener:run")(options))


@mes_app.command("list")
def list_waiting() -> None:
    """List the messages that wait, dead letters first: what, where, why, what to do."""
    found = late("ingestion.mes_letters:entries")(settings.load())
    if not found:
        typer.echo("no message waits")
    printable, shown = late("ingestion.quarantine_text:printable"), late("ingestion.mes:ID_SHOWN")
    for entry in found:
        known = entry.message.envelope
        told = [
            f"{known.digest[:shown]}  {entry.message.received_at:%Y-%m-%dT%H:%M:%SZ}"
            f"  order {known.production_order_id or '?'}  {known.type or '?'}"
            f"  {known.message_id or '?'}  {entry.state}",
            f"    {entry.message.received_from}: {entry.detail}",
            *([f"    → {entry.remedy}"] if entry.remedy else []),
        ]
        typer.echo("\n".join(map(printable, told)))


@mes_app.command()
def show(message: Message) -> None:
    """Show one message: what it says, what became of it, what to do."""
    typer.echo(late("ingestion.mes_letters:show")(settings.load(), message))


@mes_app.command()
def retry(
    message: Annotated[
        str | None, typer.Argument(help="message_id or id in the list; default: dead letters.")
    ] = None,
) -> None:
    """Try again now, whatever is missing; the rest of the order follows."""
    log.configure("mes")
    taken_in = late("ingestion.mes_letters:retry")(settings.load(), message)
    typer.echo(str(taken_in))
    if taken_in.dead:
        raise typer.Exit(1)


@mes_app.command()
def drop(
    message: Message,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    by: Annotated[str, typer.Option("--by", help="Who; default: your login name.")] = "",
) -> None:
    """Give a message up; it is kept with who and why, and its order goes on without it."""
    log.configure("mes")
    if not reason.strip():
        raise ConfigurationError("--reason is empty; say why")
    taken_in = late("ingestion.mes_letters:drop")(
        settings.load(), message, by=by or getpass.getuser(), reason=reason
    )
    typer.echo(str(taken_in))
