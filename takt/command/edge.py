"""`takt edge`: collect from machines, and look at what they offer."""

from pathlib import Path
from typing import Annotated

import typer

from takt import log, settings
from takt.command.late import late

app = typer.Typer(help="Collect from machines and forward to the broker.")


def register(parent: typer.Typer) -> None:
    """Add the verb and what belongs to it."""
    parent.add_typer(app, name="edge")


@app.callback(invoke_without_command=True)
def edge(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Source file; default: edge.toml in the home.")
    ] = None,
) -> None:
    """Collect from machines and forward to the broker."""
    if context.invoked_subcommand is not None:
        return
    options = settings.load()
    log.configure("edge", options.log_format)
    late("edge.main:run")(config or options.home / "edge.toml", options)


@app.command()
def browse(
    endpoint: Annotated[str, typer.Argument(help="opc.tcp://HOST:PORT")],
    *,
    write: Annotated[
        Path | None, typer.Option(help="Write a source file with all of it.", metavar="FILE")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace FILE if it exists.")] = False,
    username: Annotated[str | None, typer.Option(help="User at the server.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password.")] = None,
    plain_text: Annotated[bool, typer.Option(help="Go without security.")] = False,
    collector: Annotated[str, typer.Option(help="Whose certificate and trust.")] = "collector1",
    source: Annotated[str, typer.Option(help="Name of the source in FILE.")] = "opcua",
) -> None:
    """List the variables of an OPC UA server: path, node id, type, history."""
    options = settings.load()
    if write is not None and not force:
        late("edge.opcua.browsing:require_absent")(write)
    access: dict[str, object] = {"endpoint": endpoint, "plain_text": plain_text}
    if username is not None:
        access["username"] = username
    if password_file is not None:
        access["password_file"] = password_file.absolute()
    who = {"site": options.site, "collector": collector, "source": source}
    offer = late("edge.opcua.browsing:browse")(access, who, options.home)
    if write is not None:
        offer.write(write)
        typer.echo(f"{write}: {len(offer.variables)} nodes; start with: takt edge --config {write}")
        return
    rows = [("path", "node", "type", "history")]
    for path, node, kind, has_history in offer.variables:
        rows.append(("/".join(path), node, kind, "yes" if has_history else "no"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        shown = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(shown).rstrip())
