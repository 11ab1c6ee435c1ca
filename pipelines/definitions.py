"""The code location: loads whatever stands in `pipelines/defs`, where a name says what it is."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Every definition below `defs/`."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
