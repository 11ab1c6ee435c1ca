"""The `takt` command: verbs for people, scripts and process managers.

Belongs here: arguments, progress, printing, exit codes and the supervision of a whole
installation. Work does not: each verb calls one function of another folder, by name.
Exit codes: 0 done, 2 bad usage or configuration, 1 anything else.
"""

import sys

import typer

from takt.command import accounting, counts, data, edge, mes, operations, processes, stops
from takt.command.late import leave_out
from takt.errors import ConfigurationError, TaktError

app = typer.Typer(
    name="takt",
    help="What machines on a shop floor say, turned into KPIs and costs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
processes.register(app)
edge.register(app)
data.register(app)
mes.register(app)
stops.register(app)
counts.register(app)
accounting.register(app)
operations.register(app)


def main() -> None:
    """Run the command and turn every expected error into one line."""
    if sys.argv[1:2] != ["dashboard"]:
        # Only pages are drawn with it; pyarrow and DuckDB load it, where it is installed, just to
        # see whether a value is one of its own: a third of a second of CPU for each process.
        leave_out("pandas")
    try:
        app()
    except ConfigurationError as error:
        _fail(error, code=2)
    except TaktError as error:
        _fail(error, code=1)
    except PermissionError as error:
        advice = "run as its owner, or set TAKT_HOME to a folder that you may write"
        _fail(ConfigurationError(f"{error.filename}: permission denied; {advice}"), code=2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, a pager) has gone; there is nobody to tell.
        sys.stderr.close()
        sys.exit(1)


def _fail(error: TaktError, code: int) -> None:
    typer.echo(f"takt: {error}", err=True)
    sys.exit(code)
