"""The whole of `edge.toml`: a collector's tables, and how a wrong one is told."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from edge.configuration.mqtt import MqttSource
from edge.configuration.opcua import OpcUaSource
from edge.configuration.sparkplug import SparkplugSource
from edge.configuration.tables import Name, Table
from takt.errors import ConfigurationError
from takt.settings import BrokerSettings

_KINDS = ("opcua", "mqtt", "sparkplug")
Source = Annotated[OpcUaSource | MqttSource | SparkplugSource, Field(discriminator="kind")]


class SpoolConfiguration(Table):
    """Where accepted samples wait for the lake, and what happens when that is full."""

    path: Path | None = Field(
        default=None, description="Default: edge/<collector>/spool.db in the home."
    )
    capacity_mb: PositiveInt = Field(default=1_024, description="Of batches, in 10^6 bytes.")
    max_age_h: PositiveFloat | None = Field(
        default=None, description="How long a batch may wait; None: until there is no room."
    )
    when_full: Literal["stop_reading", "drop_oldest"] = "stop_reading"
    recent_keys_age_s: PositiveFloat = Field(
        default=86_400, description="How long a repeat from a source is recognised."
    )
    recent_keys_rows: PositiveInt = Field(
        default=500_000, description="How many samples are remembered for it at the most."
    )


class EdgeConfiguration(Table):
    """A collector: who it is, where it delivers, what it listens to."""

    site: Name
    collector: Name
    broker: BrokerSettings | None = Field(
        default=None, description="Default: the installation's broker."
    )
    spool: SpoolConfiguration = SpoolConfiguration()
    sources: Annotated[dict[Name, Source], Field(min_length=1)]


def load(file: Path) -> EdgeConfiguration:
    """The configuration in `file`.

    Raises:
        ConfigurationError: The file is missing, no TOML, or a key is wrong; one line.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{file} does not exist; write it, or name another with --config"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} is not readable TOML: {error}") from error
    return parse(content, file)


def parse(content: dict[str, object], file: Path) -> EdgeConfiguration:
    """The configuration in the parsed `content` of `file`.

    Raises:
        ConfigurationError: A key is wrong; one line: file, key, what to do.
    """
    try:
        return EdgeConfiguration.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            f"{file}: {_key(first['loc'])}: {_advice(first['type'], first['msg'])}"
        ) from error


def _key(location: tuple[int | str, ...]) -> str:
    # After the name of a source pydantic inserts the kind it has chosen by the discriminator.
    shown = [
        level
        for place, level in enumerate(location)
        if not (place == 2 and location[0] == "sources" and level in _KINDS)
    ]
    return ".".join(map(str, shown)) or "the file"


def _advice(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key; remove it or correct its spelling"
        case "missing":
            return "is missing; add it"
        case "union_tag_not_found":
            kinds = " or ".join(f'kind = "{kind}"' for kind in _KINDS)
            return f"is without kind; add {kinds}"
        case _:
            return message.removeprefix("Value error, ")
