"""The door from Dagster to an installation: its settings, nothing else."""

import dagster as dg

from takt import settings
from takt.settings import Settings


class Installation(dg.ConfigurableResource[Settings]):
    """Gives assets, sensors and jobs the settings of the home that Dagster serves."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:  # noqa: ARG002
        """The settings as `TAKT_HOME` and the environment have them now."""
        return settings.load()
