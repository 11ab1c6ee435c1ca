"""What verbs have in common by which people enter something.

Belongs here: who says it, what text is, and how it is told whether the lake has it.
"""

import getpass
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from takt import settings
from takt.command.late import late
from takt.errors import ConfigurationError

By = Annotated[str | None, typer.Option("--by", help="Who says so; default: who you are here.")]


def speaker(by: str | None) -> str:
    """The name of who says something.

    Raises:
        ConfigurationError: It is not known, or no text.
    """
    if by:
        return text("--by", by)
    try:
        return text("the name of this user", getpass.getuser())
    except (KeyError, OSError) as error:
        raise ConfigurationError("this user has no name here; say who says it with --by") from error


def text(option: str, given: str) -> str:
    """An argument that the lake can hold.

    Raises:
        ConfigurationError: It is no UTF-8.
    """
    # What of an argument is no UTF-8 comes as surrogates, which no text in the lake can hold.
    try:
        given.encode()
    except UnicodeEncodeError as error:
        told = given.encode(errors="surrogateescape").decode(errors="replace")
        raise ConfigurationError(f"{option} {told} is no text in UTF-8") from error
    return given


def deliver(options: settings.Settings, entries: Sequence[Any], again: str) -> None:
    """Enter something, besides what waits from before, and tell whether the lake has it.

    Args:
        options: Of the installation.
        entries: What is entered.
        again: The command that tries to deliver it once more.
    """
    if late("edge.terminal:enter")(options, entries):
        typer.echo("the lake has it; reports show it after the next refresh (`takt refresh`)")
    else:
        broker = f"{options.broker.host}:{options.broker.port}"
        typer.echo(
            f"it is kept here, but ingestion has not taken it yet (broker {broker});"
            f" `{again}` tries again"
        )
