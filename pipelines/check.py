"""`python -m pipelines.check`: do dbt's project and Dagster's definitions load? No lake needed."""

import os
import sys
import tempfile

import dagster as dg

from takt.errors import TaktError


def main() -> int:
    """Parse the project and load every definition in a home of its own; the exit code."""
    with tempfile.TemporaryDirectory(prefix="takt-check-") as home:
        os.environ["TAKT_HOME"] = home
        try:
            from pipelines.definitions import defs

            dg.Definitions.validate_loadable(defs())
        except (TaktError, dg.DagsterError) as error:
            sys.stderr.write(f"pipelines: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
