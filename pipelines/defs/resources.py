"""What definitions share: the installation, and that runs stay in one process."""

import dagster as dg

from pipelines.installation import Installation


@dg.definitions
def resources() -> dg.Definitions:
    """Steps run one after the other: they wait for one lock, and each process costs seconds."""
    return dg.Definitions(
        resources={"installation": Installation()}, executor=dg.in_process_executor
    )
