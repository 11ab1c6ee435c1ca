"""The whole of `edge.toml`: a collector's tables, and how a wrong one is told."""

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, field_validator
from pydantic_core import ErrorDetails

from edge.configuration.mqtt import MqttSource
from edge.configuration.opcua import OpcUaSource
from edge.configuration.sparkplug import SparkplugSource
from edge.configuration.tables import Name, Table
from takt.errors import ConfigurationError
from takt.settings import BrokerSettings
from takt.topics import MES

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

    def spool_path(self, home: Path) -> Path:
        """Where the spool lies; beside it, what sources keep over a restart."""
        return self.spool.path or home / "edge" / self.collector / "spool.db"

    @field_validator("collector")
    @classmethod
    def _check_collector(cls, name: str) -> str:
        if name == MES:
            raise ValueError(f"{MES} is where an MES sends its messages; use another name")
        return name

    @property
    def application_uri(self) -> str:
        """What the collector calls itself to OPC UA servers."""
        return f"urn:takt:{self.site}:{self.collector}"

    @property
    def client_id(self) -> str:
        """What the collector calls itself to brokers, before the name of a source."""
        return f"takt-{self.site}-{self.collector}"


class WrongFileError(ConfigurationError):
    """A file that no collector can start with.

    Attributes:
        lines: Every key that is wrong, one line each; the first is the error's text.
    """

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[0])
        self.lines = lines


class Sound(NamedTuple):
    """What of a file can be used.

    Attributes:
        configuration: Without the sources that are wrong.
        wrong: By source what is wrong with its table, one line a key.
    """

    configuration: EdgeConfiguration
    wrong: dict[str, list[str]]


def load_sound(file: Path) -> Sound:
    """The configuration in `file` without the sources whose tables are wrong.

    Raises:
        ConfigurationError: The file is missing, no TOML, something else than a source is wrong,
            or no source would be left.
    """
    content = _content(file)
    try:
        return Sound(EdgeConfiguration.model_validate(content), {})
    except ValidationError as error:
        wrong: dict[str, list[str]] = defaultdict(list)
        for one in error.errors():
            match one["loc"]:
                case ("sources", str(name), *_):
                    wrong[name].append(_line(file, one))
                case _:
                    wrong = {}
                    break
        lines = [_line(file, one) for one in error.errors()]
    sources = content.get("sources")
    if not wrong or not isinstance(sources, dict) or not sources.keys() - wrong.keys():
        raise WrongFileError(lines)
    kept = {name: table for name, table in sources.items() if name not in wrong}
    return Sound(parse({**content, "sources": kept}, file), dict(wrong))


def load(file: Path) -> EdgeConfiguration:
    """The configuration in `file`, all of it right.

    Raises:
        ConfigurationError: The file is missing, no TOML, or a key is wrong; one line.
    """
    return parse(_content(file), file)


def _content(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{file} does not exist; write it, or name another with --config"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} is not readable TOML: {error}") from error


def parse(content: dict[str, object], file: Path) -> EdgeConfiguration:
    """The configuration in the parsed `content` of `file`.

    Raises:
        ConfigurationError: A key is wrong; one line: file, key, what to do.
    """
    try:
        return EdgeConfiguration.model_validate(content)
    except ValidationError as error:
        raise WrongFileError([_line(file, one) for one in error.errors()]) from error


def _line(file: Path, error: ErrorDetails) -> str:
    return f"{file}: {_key(error['loc'])}: {_advice(error['type'], error['msg'])}"


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
