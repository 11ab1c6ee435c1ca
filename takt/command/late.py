"""Call a function of another folder by name, so that a verb needs and loads only its own extra."""

import importlib
import sys
from importlib.abc import MetaPathFinder
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


def leave_out(package: str) -> None:
    """Let this process find a package no more than if it were not installed."""
    sys.meta_path.insert(0, _LeftOut(package))


class _LeftOut(MetaPathFinder):
    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, *_: object) -> None:
        if name == self._package:
            raise ModuleNotFoundError(f"this process does without {name}", name=name)
