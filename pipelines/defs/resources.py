"""What definitions share: the installation, and that runs stay in one process."""

import dagster as dg

from pipelines.installation import Installation


@dg.definitions
def resources() -> dg.Definitions:
    """Steps run one after the other: they wait for one lock, and each process costs seconds.

    The log gets what went wrong; every step of a run is in Dagster's own record of it.
    """
    console = dg.colored_console_logger.configured({"log_level": "WARNING"})
    return dg.Definitions(
        resources={"installation": Installation()},
        executor=dg.in_process_executor,
        loggers={"console": console},
    )
