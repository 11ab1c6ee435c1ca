"""Call a function of another folder by name, so that a verb needs only its own extra."""

import importlib
from typing import Any

from takt.errors import ConfigurationError

_EXTRAS = {
    "lake": "lake",
    "edge": "edge",
    "ingestion": "ingestion",
    "pipelines": "pipelines",
    "dashboards": "dashboards",
}


def late(target: str) -> Any:
    """The object that `target` names as `module:attribute`.

    Raises:
        ConfigurationError: The extra that the module belongs to is not installed.
    """
    module_name, _, attribute = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(module_name.partition(".")[0], "demo")
        raise ConfigurationError(
            f"{error.name} is not installed; what this verb needs: pip install 'takt[{extra}]'"
        ) from error
    return getattr(module, attribute)
